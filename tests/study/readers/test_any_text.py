"""Whatever stands in a file, a reader gives tables or one line: never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from abate.ground.errors import AbateError
from abate.study import readers

LONG = [
    ["subject", "visit", "date", "measure", "value", "unit"],
    ["P1", "week 0", "2024-01-01", "crp", "20", "mg/L"],
    ["P1", "week 4", "2024-01-29", "crp", "3", "mg/L"],
    ["P2", "week 0", "2024-02-01", "fiqr/1", "7", ""],
    ["P2", "week 4", "2024-03-01", "pain", "5", ""],
]
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "7,5", "=A1", "<", "< ", "<=3", "1e999", "-0", "nan", "week", "week -", "fiqr/", "/", "mg/dL", "furlong"]
    ),
    st.integers(-200, 200).map(str),
)


def settles(content: bytes, name: str = "study.csv") -> None:
    """Read some bytes: tables, or an error of one line."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(content)
        reading, refusal = None, None
        try:
            reading = readers.read(file)
        except AbateError as error:
            refusal = error
    if refusal is not None:
        assert "\n" not in str(refusal)
        assert refusal.exit_code == 2
    if reading is not None:
        assert len(reading.tables.measurements) > 0
        assert set(reading.tables.measurements["subject"]) <= set(reading.tables.subjects["subject"])


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(row=st.integers(0, 4), column=st.integers(0, 5), cell=CELLS)
@example(row=0, column=0, cell="value")
@example(row=1, column=5, cell="%")
def test_one_cell_of_any_text(row: int, column: int, cell: str) -> None:
    import csv
    import io

    lines = [list(line) for line in LONG]
    lines[row][column] = cell
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    settles(text.getvalue().encode("utf-8", "surrogatepass"))


@settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.json", "a.xlsx"]))
@example(b"\x00", "a.csv")
@example(b'"', "a.csv")
@example(b"subject\rP1", "a.csv")
@example(b"[[[", "a.json")
@example(b'{"resourceType": "QuestionnaireResponse", "item": 3}', "a.json")
@example(b'{"datasetJSONVersion": "1.1", "columns": [{}], "rows": [[1]]}', "a.json")
def test_any_bytes(content: bytes, name: str) -> None:
    settles(content, name)
