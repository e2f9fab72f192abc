"""The shipped JSON Schemas are those of the code, and what the program writes and ships fits them."""

import json
from pathlib import Path

import pytest
import yaml

from abate.cli.main import main
from abate.ground.files import library_path
from abate.ground.results import dumps
from abate.report.schemas import schemas


@pytest.mark.parametrize("name", ["instrument", "policy", "population", "results", "taper", "trial"])
def test_no_schema_is_stale(name: str) -> None:
    shipped = json.loads(library_path("schemas", f"{name}.json").read_text(encoding="utf-8"))
    assert shipped == json.loads(dumps(schemas()[name])), "run: python docs/make_schemas.py"


@pytest.mark.parametrize(
    "path",
    sorted([*library_path("trials").glob("*.yaml"), *library_path("policies").glob("*.yaml")]),
    ids=lambda p: p.stem,
)
def test_the_library_fits_its_schemas(path: Path) -> None:
    validator = pytest.importorskip("jsonschema_rs")
    kind = {"trials": "trial", "policies": "policy"}[path.parent.name]
    validator.validate(json.loads(dumps(schemas()[kind])), yaml.safe_load(path.read_text(encoding="utf-8")))


def test_what_is_written_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    validator = pytest.importorskip("jsonschema_rs")
    options = ["--patients", "4", "--set", "weeks=2", "--out", str(tmp_path / "s")]
    for arguments in (["simulate", "giacta", *options], ["analyse", str(tmp_path / "s"), "--out", str(tmp_path / "r")]):
        with pytest.raises(SystemExit, match="0"):
            main(arguments)
    capsys.readouterr()
    validator.validate(schemas()["results"], json.loads((tmp_path / "r" / "results.json").read_text()))
