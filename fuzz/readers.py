"""Coverage-guided fuzzing of what reads people's files: ``python fuzz/readers.py TARGET [-max_total_time=600]``.

Needs atheris (``pip install atheris``); without TARGET the targets are listed. A reader may refuse a file with one
line, an `AbateError`; anything else it raises is a finding, and atheris keeps the input that caused it.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["abate"]):
    from abate.ground.errors import AbateError
    from abate.inference.nlme.reading import read_dataset
    from abate.inference.patient import read_patient
    from abate.planner.bring import bring, text_as
    from abate.planner.record import load_record
    from abate.science.instruments import load as load_instrument
    from abate.science.model import load as load_model
    from abate.science.policy import load_policy
    from abate.science.regimen import load_taper, parse
    from abate.science.regimen.records import read_records
    from abate.study.expression.gene_sets import read_gene_sets
    from abate.study.expression.read_counts import read_counts
    from abate.study.expression.sheet import read_sheet
    from abate.study.readers import read
    from abate.trial.protocol import load_trial

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "src" / "abate" / "library"
EXAMPLES = ROOT / "examples"
SMALL = load_model("pk1_oral/teaching")

# What no example holds: made, so that a fuzzer has something to begin from.
MADE = {
    "bundle": text_as(load_record(EXAMPLES / "patient" / "patient.yaml"), "json"),
    "regimen": "tocilizumab 8 mg/kg iv every 4 weeks for 24 weeks, then 162 mg sc every week",
    "counts": "gene,a,b,c,d\nIL6R,120,130,80,75\nCRP,10,0,33,41\n",
}
# target -> (how the file's name ends, what reads it, files to begin from)
Target = tuple[str, Callable[[Path], object], list[Path]]
TARGETS: dict[str, Target] = {
    "series": ("csv", read, sorted((EXAMPLES / "fibromyalgia-series").glob("*.csv"))),
    "dataset-json": ("json", read, sorted((EXAMPLES / "fibromyalgia-series").glob("*.json"))),
    "xport": ("xpt", read, sorted((EXAMPLES / "fibromyalgia-series").glob("*.xpt"))),
    "spss": ("sav", read, sorted((EXAMPLES / "fibromyalgia-series").glob("*.sav"))),
    "excel": ("xlsx", read, sorted((EXAMPLES / "fibromyalgia-series").glob("*.xlsx"))),
    "trial": ("yaml", load_trial, sorted((LIBRARY / "trials").glob("*.yaml"))),
    "policy": ("yaml", load_policy, sorted((LIBRARY / "policies").glob("*.yaml"))),
    "taper": ("yaml", load_taper, sorted((LIBRARY / "tapers").glob("*.yaml"))),
    "instrument": ("toml", load_instrument, sorted((LIBRARY / "instruments").glob("pain.toml"))),
    "regimen": ("txt", lambda path: parse(path.read_text("utf-8", "replace")), []),
    "records": ("csv", read_records, sorted((EXAMPLES / "fit").glob("oral.csv"))),
    "dataset": ("csv", lambda path: read_dataset(path, SMALL), sorted((EXAMPLES / "fit").glob("oral.csv"))),
    "one-patient": ("csv", read_patient, sorted((EXAMPLES / "fit").glob("patient.csv"))),
    "record": ("yaml", load_record, sorted((EXAMPLES / "patient").glob("*.yaml"))),
    "bundle": ("json", bring, sorted((EXAMPLES / "patient").glob("*.json"))),
    "model": ("ant", load_model, sorted((LIBRARY / "models").glob("pk*.ant"))),
    "counts": ("csv", read_counts, []),
    "samples": ("csv", read_sheet, sorted((EXAMPLES / "expression").glob("samples.csv"))),
    "gene-sets": ("gmt", read_gene_sets, sorted((EXAMPLES / "expression").glob("*.gmt"))),
}


def main() -> None:
    """Fuzz one target."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        print("targets:", ", ".join(TARGETS))
        raise SystemExit(2)
    target = sys.argv.pop(1)
    ending, reader, seeds = TARGETS[target]
    folder = Path(tempfile.mkdtemp(prefix="abate-fuzz-"))
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        corpus = folder / "corpus"
        corpus.mkdir()
        sys.argv.insert(1, str(corpus))
    for seed in seeds:
        if seed.stat().st_size < 100_000:
            (Path(sys.argv[1]) / seed.name).write_bytes(seed.read_bytes())
    if target in MADE:
        (Path(sys.argv[1]) / f"made.{ending}").write_text(MADE[target])
    path = folder / f"input.{ending}"

    def once(data: bytes) -> None:
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                reader(path)
            except AbateError as error:
                if "\n" in str(error):
                    raise

    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
