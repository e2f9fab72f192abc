"""Read what a clinic recorded into the tables of a Study.

>>> from abate.study import readers
>>> import pathlib, tempfile
>>> file = pathlib.Path(tempfile.mkdtemp()) / "series.csv"
>>> _ = file.write_text("subject,visit,measure,value\\nP1,week 0,pain,8\\nP1,week 4,pain,5\\n")
>>> reading = readers.read(file)                         # or readers.read(file, mapping="map.toml")
>>> reading.tables.measurements["value"].tolist()        # a StudyTables: subjects, measurements, doses, events ...
[8.0, 5.0]
>>> print(reading.mapping.as_text())                     # what was understood, what was not, what to ask
series.csv was read as a long csv file: 1 person, 2 visits, 2 values.
...
>>> reading.mapping.unmapped, reading.mapping.questions
((), ())

``readers.read`` takes long and wide CSV, Excel, a REDCap export, SPSS, SAS, Stata, ADaM (BDS), Dataset-JSON, FHIR
QuestionnaireResponse and a Study folder. ``reading.mapping.as_toml()`` is a file for ``--map`` that reads the same
again; ``reading.mapping.as_dict()`` belongs under ``source`` in results.json: all of it depends on the kind of file.
 A wrong cell is an `InputError` with file, row and column.
"""

from __future__ import annotations

from abate.study.readers.mapping import MapFile, Mapping, load_map
from abate.study.readers.read import Reading, read

__all__ = ["MapFile", "Mapping", "Reading", "load_map", "read"]
