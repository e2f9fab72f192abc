"""Files: lines in errors, nearest names, whole-or-absent output."""

from pathlib import Path

import pytest

from abate.ground.errors import InputError
from abate.ground.files import (
    check_replaceable,
    fresh_directory,
    load_toml,
    load_yaml,
    nearest,
    set_path,
    write_atomically,
)


def test_yaml_knows_its_lines() -> None:
    document = load_yaml("taper.yaml", text="name: x\nsteps:\n  - weeks: 1\n    mg: 60\n  - weeks: 2\n    mg: -5\n")
    assert document.where(("steps", 1, "mg")) == "taper.yaml, line 6, steps[1].mg"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.yaml: the file is empty"),
        ("a: 1\nb: 2\na: 3\n", r"a\.yaml, line 3, a: the key stands twice; first on line 1"),
        ("a: [1\n", r"a\.yaml, line 2: this is not YAML"),
        ("- 1\n", r"must hold keys and values"),
        ("a: !!python/object:os.system {}\n", r"not plain YAML"),
    ],
)
def test_bad_yaml_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_yaml("a.yaml", text=text)
    assert "\n" not in str(caught.value)


def test_toml_knows_its_lines() -> None:
    document = load_toml("p.toml", text='[CL]\nvalue = 0.3\nunit = "L/day"\n')
    assert document.where(("CL", "unit")) == "p.toml, line 3, CL.unit"


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_yaml(tmp_path / "none.yaml")
    wide = tmp_path / "wide.yaml"
    wide.write_bytes("a: 1".encode("utf-16"))
    with pytest.raises(InputError, match="not UTF-8"):
        load_yaml(wide)


def test_nearest_is_silent_when_nothing_is_near() -> None:
    assert nearest("zzz", ["tocilizumab"]) is None


def test_fresh_directory_is_whole_or_absent(tmp_path: Path) -> None:
    out = tmp_path / "study"

    def half() -> None:
        with fresh_directory(out) as new:
            (new / "half.csv").write_text("1")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        half()
    assert list(tmp_path.iterdir()) == []
    with fresh_directory(out) as new:
        (new / "results.json").write_text('{"abate": "0"}')
    with fresh_directory(out) as new:
        (new / "results.json").write_text('{"abate": "1"}')
    assert (out / "results.json").read_text() == '{"abate": "1"}'
    assert [p.name for p in tmp_path.iterdir()] == ["study"]


def test_a_folder_of_the_user_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(InputError, match="holds other files"), fresh_directory(tmp_path):
        pass
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


def test_write_atomically_replaces(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "x.json", "1")
    write_atomically(tmp_path / "a" / "x.json", "2")
    assert [(p.name, p.read_text()) for p in (tmp_path / "a").iterdir()] == [("x.json", "2")]


def test_set_path_suggests() -> None:
    with pytest.raises(InputError, match="did you mean 'patients'"):
        set_path({"arms": {"a": {"patients": 3}}}, "arms.a.patient", 4)


def test_a_study_is_never_replaced_by_a_report(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("")
    with pytest.raises(InputError, match="the folder holds a Study"), fresh_directory(tmp_path):
        pass
    check_replaceable(tmp_path, study=True)


def test_results_of_others_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"mine": 1}')
    with pytest.raises(InputError, match="holds other files"), fresh_directory(tmp_path):
        pass
