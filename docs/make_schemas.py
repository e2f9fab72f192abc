"""Writes src/abate/library/schemas/*.json from the code that reads the files: ``python docs/make_schemas.py``."""

from __future__ import annotations

from abate.ground.files import library_path, write_atomically
from abate.ground.results import dumps
from abate.report.schemas import schemas

if __name__ == "__main__":
    for name, schema in schemas().items():
        write_atomically(library_path("schemas", f"{name}.json"), dumps(schema))
