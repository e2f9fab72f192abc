"""The patient's file: what it refuses and how, and that it is whole whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from abate.ground.errors import InputError
from abate.planner import Entry, load_record, record_from, record_text, red_flags, save_record

BASE = """
disease: pmr
diagnosed: 2025-01-01
today: 2025-06-02
drugs:
  - {regimen: prednisone 15 mg every morning, from: 2025-01-01}
  - {regimen: prednisone 10 mg every morning, from: 2025-03-01, to: 2025-05-31}
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "patient" / "patient.yaml"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nam: X", r"line 2, nam: there is no such key.*did you mean 'name'"),
        ("disease: gout", r"disease: .*'pmr', 'gca', 'ra' or 'fibromyalgia'"),
        ("diagnosed: 2025-02-30", r"line \d: .*2025-02-30: there is no such day; allowed: a date of the calendar"),
        ("drugs: [{regimen: prednisone -5 mg every morning, from: 2025-01-01}]", "a dose cannot be negative"),
        ("drugs: [{regimen: prednisone 500 mg every morning, from: 2025-01-01}]", "more than anybody takes by mouth"),
        ("drugs: [{regimen: prednisone 5 mg every morning, from: 2026-01-01}]", "after today.*will be taken is a plan"),
        ("illness: [{from: 2025-05-01, to: 2025-04-01}]", "before it begins"),
        ("measurements: [{date: 2025-05-01, name: crp, value: 3, unit: mmol/L}]", "wrong dimension: 'mmol/L'"),
        ("diagnosed: 2026-01-01", "lies after today"),
        ("tablets: uss", "there is no such set.*did you mean 'us'"),
        ("diary: [{date: 2025-05-01, pain: 11}]", r"diary\[0\].pain: .*less than or equal to 10"),
        ("diary: [{date: 2025-05-01}, {date: 2025-05-01}]", "2025-05-01 stands twice"),
        ("diary: [{date: 2025-05-01, signs: [visoin]}]", "there is no such sign: visoin.*did you mean 'vision'"),
        ("diary: [{date: 2025-07-01, pain: 1}]", "2025-07-01 lies after today"),
        ("measurements: [{date: 2025-05-01, name: crp, value: low, unit: mg/L}]", "not a number"),
        ("measurements: [{date: 2025-05-01, name: crq, value: 3, unit: mg/L}]", "'crp'"),
        ("drugs: [{regimen: prednison 10 mg every morning, from: 2025-01-01}]", "did you mean 'prednisone'"),
        (
            "drugs: [{regimen: tocilizumab 162 mg sc every week, from: 2025-01-01}]",
            "no prednisone or other glucocorticoid",
        ),
        ("drugs: [{regimen: prednisone 5 mg every morning, from: 2025-02-01, to: 2025-01-01}]", "before it begins"),
        ("plans: [{name: mine}]", "needs one of text, taper and policy"),
        ("format: 99", "written by a newer version.*upgrade"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(wrong: str, said: str) -> None:
    key = wrong.partition(":")[0]
    lines = [row for row in BASE.splitlines() if not row.startswith(f"{key}:")]
    if key == "drugs":
        lines = [row for row in lines if not row.startswith("  - ")]
    with pytest.raises(InputError, match=said):
        record_from("\n".join([lines[0], wrong, *lines[1:]]))


def test_the_dose_of_a_day_is_that_of_the_course_begun_last() -> None:
    record = record_from(BASE)
    assert record.prednisone(date(2025, 2, 28), 2) == [15.0, 10.0]
    assert record.dose == 15.0  # the 10-mg course ended on 31 May; the open one goes on


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    record = load_record(EXAMPLE)
    again = load_record(save_record(record, tmp_path / "again.yaml"))
    assert again == record
    assert record_from(record_text(again)) == record


def test_an_older_file_without_a_format_opens() -> None:
    assert record_from(BASE).format == 1


def test_a_diary_day_is_added_or_replaced() -> None:
    record = record_from(BASE).with_entry(Entry(date=date(2025, 5, 2), pain=1))
    record = record.with_entry(Entry(date=date(2025, 5, 1), pain=2)).with_entry(Entry(date=date(2025, 5, 2), pain=3))
    assert [(e.date.day, e.pain) for e in record.diary] == [(1, 2.0), (2, 3.0)]
    with pytest.raises(InputError, match="lies in the future"):
        record.with_entry(Entry(date=date(2026, 1, 1)))


def test_red_flags_come_with_what_to_do_most_urgent_first() -> None:
    text = BASE + "diary: [{date: 2025-05-30, signs: [new-headache]}, {date: 2025-05-29, signs: [vision]}]\n"
    found = red_flags(record_from(text))
    assert [(f.name, f.urgency) for f in found] == [("vision", "now"), ("new-headache", "today")]
    assert "emergency care now" in found[0].do
    assert not red_flags(record_from(BASE + "diary: [{date: 2025-03-01, signs: [vision]}]\n"))


WRITER = """
import sys
from datetime import date, timedelta
from abate.planner.record import Entry, load_record, save_record
path = sys.argv[1]
record = load_record(path)
print("ready", flush=True)
for k in range(100000):
    day = record.today - timedelta(days=k % 300)
    record = record.with_entry(Entry(date=day, pain=k % 10, note="x" * 2000))
    save_record(record, path)
"""


def test_kill_during_an_entry_leaves_a_whole_file(tmp_path: Path) -> None:
    path = save_record(load_record(EXAMPLE), tmp_path / "patient.yaml")
    before = len(load_record(path).diary)
    for wait in (0.05, 0.11):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        try:
            writer.wait(wait)
        except subprocess.TimeoutExpired:
            os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert len(load_record(path).diary) >= before
