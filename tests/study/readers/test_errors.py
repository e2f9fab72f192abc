"""The mistakes of a first file: each is one line with file, row and column, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from abate.ground.errors import InputError
from abate.study import readers

LONG = [
    "subject,visit,measure,value",
    "P1,week 0,pain,8",
    "P1,week 4,pain,5",
    "P2,week 0,pain,7",
    "P2,week 4,pain,6",
    "P3,week 0,pain,9",
    "P3,week 4,pain,4",
]
WIDE = ["subject,visit,date,pain,fiqr_1", "P1,week 0,2024-01-02,8,5", "P1,week 4,2024-01-30,5,3"]


def refusal(tmp_path: Path, lines: list[str], name: str = "series.csv", **changes: str) -> str:
    """The message for a file, its lines changed by number (``row3="..."``); asserts that it is one line."""
    written = list(lines)
    for row, line in changes.items():
        written[int(row.removeprefix("row")) - 1] = line
    file = tmp_path / name
    file.write_text("\n".join(written) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"series.csv") as caught:
        readers.read(file)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_an_answer_of_eleven(tmp_path: Path) -> None:
    message = refusal(tmp_path, LONG, row3="P1,week 4,pain,11")
    assert message.startswith(
        "series.csv, row 3, column value: this is no answer to pain: 11; allowed: numbers from 0 to 10"
    )
    wide = refusal(tmp_path, WIDE, row2="P1,week 0,2024-01-02,8,11")
    assert wide.startswith(
        "series.csv, row 2, column fiqr_1: this is no answer to fiqr/1: 11; allowed: whole numbers from 0 to 10"
    )


def test_a_row_that_is_cut_short_is_an_error_and_no_missing_answer(tmp_path: Path) -> None:
    message = refusal(tmp_path, WIDE, row3="P1,week 4,2024-01-30,5")
    assert message == (
        "series.csv, row 3, column 5: the row has 4 cells, but there are 5 headings; "
        "leave a missing answer empty between its separators (',')"
    )
    file = tmp_path / "empty.csv"
    file.write_text("\n".join([*WIDE[:2], "P1,week 4,2024-01-30,5,"]) + "\n", encoding="utf-8")
    assert len(readers.read(file).tables.measurements) == 3


@pytest.mark.parametrize("name", ["series.sav", "series.sas7bdat", "series.xpt", "series.dta"])
def test_a_broken_file_of_a_statistics_package_says_what_to_do(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyreadstat")
    file = tmp_path / name
    file.write_bytes(b"this was never written by that program" * 40)
    with pytest.raises(InputError, match=rf"^{name}: this is not a file that .* export it as CSV$") as caught:
        readers.read(file)
    assert "\n" not in str(caught.value)


def test_a_code_for_missing_is_pointed_out(tmp_path: Path) -> None:
    assert "set missing = [CODE] in a --map file" in refusal(tmp_path, LONG, row3="P1,week 4,pain,-99")


def test_a_decimal_comma(tmp_path: Path) -> None:
    message = refusal(tmp_path, LONG, row4='P2,week 0,pain,"7,5"')
    assert message.startswith("series.csv, row 4, column value: this has a decimal comma: '7,5'; write 7.5")


def test_a_decimal_comma_without_quotes(tmp_path: Path) -> None:
    message = refusal(tmp_path, LONG, row4="P2,week 0,pain,7,5")
    assert message.startswith("series.csv, row 4, column 5: the row has 5 cells, but there are 4 headings")


def test_a_decimal_comma_in_a_file_with_semicolons(tmp_path: Path) -> None:
    lines = [line.replace(",", ";") for line in LONG]
    message = refusal(tmp_path, lines, row4="P2;week 0;pain;7,5")
    assert message.startswith("series.csv, row 4, column value: this has a decimal comma: '7,5'")
    (tmp_path / "map.toml").write_text('decimal = ","\n')
    reading = readers.read(tmp_path / "series.csv", mapping=tmp_path / "map.toml")
    assert 7.5 in reading.tables.measurements["value"].tolist()


def test_a_patient_twice_at_a_visit(tmp_path: Path) -> None:
    message = refusal(tmp_path, [*LONG, "P3,week 4,pain,3"])
    assert message.startswith(
        "series.csv, row 8, column subject: P3 stands twice at week 4 (first in row 7, pain 4), here with 3;"
    )
    wide = refusal(tmp_path, [*WIDE, "P1,week 4,2024-01-30,5,3"])
    assert wide.startswith("series.csv, row 4, column subject: P1 stands twice at week 4 (first in row 3")


def test_visits_out_of_order(tmp_path: Path) -> None:
    message = refusal(tmp_path, LONG, row2="P1,week 4,pain,5", row3="P1,week 0,pain,8")
    assert message.startswith(
        "series.csv, row 3, column visit: visits of P1 are out of order: week 4 (row 2) stands before"
    )
    dated = refusal(tmp_path, WIDE, row3="P1,week 4,2024-01-01,5,3")
    assert dated.startswith(
        "series.csv, row 3, column date: visits of P1 are out of order: week 4 is dated on or before week 0"
    )


def test_order_can_be_let_through(tmp_path: Path) -> None:
    lines = [LONG[0], LONG[2], LONG[1], *LONG[3:]]
    (tmp_path / "series.csv").write_text("\n".join(lines))
    (tmp_path / "map.toml").write_text("any_order = true\n")
    times = readers.read(tmp_path / "series.csv", mapping=tmp_path / "map.toml").tables.measurements["time"]
    assert times.tolist() == [0, 28, 0, 28, 0, 28]


def test_a_missing_baseline(tmp_path: Path) -> None:
    message = refusal(tmp_path, [line for line in LONG if line != LONG[3]])
    assert message.startswith("series.csv, row 4, column visit: P2 has no baseline visit; the first is: 'week 4'")
    assert "allow_missing_baseline" in message


def test_one_measure_without_its_baseline_is_asked_about(tmp_path: Path) -> None:
    lines = ["subject,visit,pain,crp", "P1,week 0,8,20", "P1,week 4,5,9", "P2,week 0,,30", "P2,week 4,6,12"]
    (tmp_path / "series.csv").write_text("\n".join(lines))
    questions = readers.read(tmp_path / "series.csv").mapping.questions
    assert questions == (
        "series.csv, row 5, column pain: P2 has pain here but none at baseline: no change can be given",
    )


CRP = ["subject,visit,measure,value,unit"] + [
    f"P{k},week {week},crp,{value / (1 + week)},mg/L" for k, value in enumerate((20, 30, 25, 40), 1) for week in (0, 4)
]


def test_two_units_of_one_measure(tmp_path: Path) -> None:
    message = refusal(tmp_path, CRP, row4="P2,week 0,crp,3.0,mg/dL")
    assert message.startswith("series.csv, row 4, column unit: crp is in mg/dL here, but in mg/L in row 2: '3 mg/dL'")


def test_a_unit_that_contradicts_the_declared_one(tmp_path: Path) -> None:
    file = tmp_path / "series.csv"
    file.write_text("\n".join(CRP))
    (tmp_path / "map.toml").write_text('[units]\ncrp = "mg/dL"\n')
    with pytest.raises(InputError, match=r"row 2, column unit: crp is declared in mg/dL, but this row says: 'mg/L'"):
        readers.read(file, mapping=tmp_path / "map.toml")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('crpp = "mg/dL"', r"units: there is no such measure: 'crpp'; allowed: crp; did you mean 'crp'"),
        ('pain = "kg"', r"units: pain has no unit: 'kg'; leave it out"),
    ],
)
def test_a_declared_unit_is_never_passed_over(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "series.csv"
    file.write_text("\n".join(CRP))
    (tmp_path / "map.toml").write_text(f"[units]\n{line}\n")
    with pytest.raises(InputError, match=message):
        readers.read(file, mapping=tmp_path / "map.toml")


def test_a_unit_of_another_kind(tmp_path: Path) -> None:
    assert "row 2, column unit: the unit has the wrong dimension" in refusal(
        tmp_path, CRP[:2], row2="P1,week 0,crp,20,mm/h"
    )


def test_a_file_in_another_unit_is_converted_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_text("\n".join(line.replace("mg/L", "mg/dL") for line in CRP))
    reading = readers.read(tmp_path / "series.csv")
    assert reading.tables.measurements["value"].tolist()[::2] == [200, 300, 250, 400]
    assert set(reading.tables.measurements["unit"]) == {"mg/L"}
    assert "crp is in mg/dL" in reading.mapping.as_text()


@pytest.mark.parametrize(
    ("values", "question"),
    [
        ((20, 30, 25, 40), None),
        ((2.0, 3.0, 2.5, 4.0), "row 8, column value: no crp exceeds 4 mg/L: is the unit right?"),
        (
            (20, 30, 2.5, 40),
            "row 6, column value: crp of P3 at baseline is 2.5 mg/L, about a tenth of the others' (median 30)",
        ),
    ],
)
def test_values_that_look_ten_fold_off_are_asked_about(
    tmp_path: Path, values: tuple[float, ...], question: str | None
) -> None:
    rows = [f"P{k},week {week},crp,{v / (1 + week)},mg/L" for k, v in enumerate(values, 1) for week in (0, 4)]
    (tmp_path / "series.csv").write_text("\n".join([CRP[0], *rows]))
    asked = readers.read(tmp_path / "series.csv").mapping.questions
    if question is None:
        assert asked == ()
    else:
        assert len(asked) == 1
        assert asked[0].startswith(f"series.csv, {question}")


def test_a_date_in_two_formats(tmp_path: Path) -> None:
    message = refusal(tmp_path, WIDE, row3="P1,week 4,30/01/2024,5,3")
    assert message.startswith(
        "series.csv, row 3, column date: a date in a second format (the first, '2024-01-02', stands at row 2"
    )


def test_day_and_month_that_cannot_be_told_apart(tmp_path: Path) -> None:
    message = refusal(tmp_path, WIDE, row2="P1,week 0,02/01/2024,8,5", row3="P1,week 4,01/02/2024,5,3")
    assert "row 2, column date: day and month of this date cannot be told apart: '02/01/2024'" in message


def test_what_is_no_date(tmp_path: Path) -> None:
    assert "row 2, column date: this is no date: 'spring'" in refusal(tmp_path, WIDE, row2="P1,week 0,spring,8,5")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf  \r\n"])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "series.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"^series.csv: the file is empty"):
        readers.read(tmp_path / "series.csv")


def test_headings_without_rows(tmp_path: Path) -> None:
    assert "series.csv: there are headings but no rows" in refusal(tmp_path, LONG[:1])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_utf16_file(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "series.csv").write_bytes("\n".join(LONG).encode(encoding))
    with pytest.raises(InputError, match=r"^series.csv, row 1: the file is UTF-16 text; allowed: UTF-8"):
        readers.read(tmp_path / "series.csv")


def test_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_bytes(LONG[0].encode() + "\nMüller,week 0,pain,8\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"^series.csv, row 2, column 1: a character is not UTF-8"):
        readers.read(tmp_path / "series.csv")


def test_a_formula_cell(tmp_path: Path) -> None:
    message = refusal(tmp_path, LONG, row5="P2,week 4,pain,=B2-1")
    assert message.startswith("series.csv, row 5, column value: this is a formula, not a value: '=B2-1'")


def test_a_formula_cell_in_a_workbook(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for line in LONG:
        sheet.append([float(cell) if cell.isdigit() else cell for cell in line.split(",")])
    sheet["D5"] = "=D4-1"
    book.save(tmp_path / "series.xlsx")
    with pytest.raises(
        InputError, match=r"^series.xlsx, sheet Sheet, row 5, column value: this is a formula, not a value: '=D4-1'"
    ):
        readers.read(tmp_path / "series.xlsx")


@pytest.mark.parametrize(
    ("row", "line", "message"),
    [
        (3, "P1,week 4,pain,mild", "row 3, column value: this is not a number: 'mild'"),
        (3, ",week 4,pain,5", "row 3, column subject: the subject is missing"),
        (3, "P1,,pain,5", "row 3, column visit: the visit is missing"),
        (3, "P1,V2,pain,5", "row 3, column visit: this visit has no place in time: 'v2'"),
        (3, "P1,week 4,fiqr/22,5", "row 3, column measure: there is no such item: 'fiqr/22'; did you mean"),
        (3, "P1,week 4,,5", "row 3, column measure: the row says no measure"),
        (1, "subject,visit,measure,measure", "row 1, column measure: the heading stands twice"),
        (1, "subject,,measure,value", "row 1, column 2: the heading is empty"),
        (1, "who,visit,measure,value", "row 1: no column names the subject"),
    ],
)
def test_other_mistakes(tmp_path: Path, row: int, line: str, message: str) -> None:
    assert message in refusal(tmp_path, LONG, **{f"row{row}": line})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.csv", "there is no such file"),
        ("notes.docx", "this kind of file is not known: '.docx'"),
        ("series.json", "this is not JSON"),
        ("series.xlsx", "this is not an Excel workbook"),
        ("series.sav", "this is not a file that SPSS wrote"),
    ],
)
def test_files_of_the_wrong_kind(tmp_path: Path, name: str, message: str) -> None:
    if name != "absent.csv":
        (tmp_path / name).write_text("not what its name says\n")
    with pytest.raises(InputError, match=message):
        readers.read(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decimal = ';'", "map.toml, line 1, decimal: it should be"),
        ("shapes = 'long'", "map.toml, line 1, shapes: there is no such key.*did you mean 'shape'"),
        (
            "[roles]\nsubjekt = 'subject'",
            "map.toml, line 2, roles.subjekt: there is no such role.*did you mean 'subject'",
        ),
        ("[columns]\npayn = 'pain'", r"columns: series.csv has no such column: 'payn'"),
        ("[measures]\npain = 'fiqr/40'", r"measures, pain: there is no such item: 'fiqr/40'"),
    ],
)
def test_a_wrong_map_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "series.csv").write_text("\n".join(LONG))
    (tmp_path / "map.toml").write_text(text + "\n")
    with pytest.raises(InputError, match=message):
        readers.read(tmp_path / "series.csv", mapping=tmp_path / "map.toml")


def test_a_time_of_day_in_an_spss_file_is_no_answer(tmp_path: Path) -> None:
    import datetime

    import pandas as pd
    import pyreadstat

    frame = pd.DataFrame({"subject": ["P1"], "visit": ["week 0"], "pain": [datetime.time(0, 0, 7)]})
    pyreadstat.write_sav(frame, str(tmp_path / "series.sav"))
    with pytest.raises(InputError, match=r"series\.sav, row 1, column pain: this is not a number: '00:00:07'"):
        readers.read(tmp_path / "series.sav")


def test_a_damaged_workbook(tmp_path: Path) -> None:
    whole = (Path(__file__).parents[3] / "examples" / "fibromyalgia-series" / "series.xlsx").read_bytes()
    place = whole.rindex(b"PK\x01\x02")
    (tmp_path / "series.xlsx").write_bytes(whole[:place] + b"XK" + whole[place + 2 :])
    with pytest.raises(InputError, match=r"series\.xlsx: this is not an Excel workbook"):
        readers.read(tmp_path / "series.xlsx")
