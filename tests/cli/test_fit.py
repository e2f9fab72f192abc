"""``abate fit`` as people call it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from abate.cli.main import main

PATIENT = """day,kind,name,value,unit
0,dose,tocilizumab,162,mg
7,measurement,drug-level,9.1,ug/mL
14,measurement,drug-level,<8,ug/mL
"""
LEVELS = ((1, 2.1, 0.2), (4, 2.4, -0.1), (12, 1.2, 0.05), (24, 0.3, 0.01))
DATA = "ID,TIME,AMT,DV,CMT\n" + "".join(
    f"{i},0,100,.,1\n" + "".join(f"{i},{t},.,{y + i * more},2\n" for t, y, more in LEVELS) for i in range(1, 9)
)


def call(capsys, *words):
    with pytest.raises(SystemExit, match=r"\d") as ended:
        main(["fit", *map(str, words)])
    done = capsys.readouterr()
    return ended.value.code, done.out, done.err


@pytest.fixture
def patient(tmp_path):
    path = tmp_path / "patient.csv"
    path.write_text(PATIENT)
    return path


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(DATA)
    return path


def test_a_patient_gives_a_posterior_and_a_report(capsys, patient, tmp_path):
    out = tmp_path / "out"
    code, text, _ = call(capsys, "tocilizumab/ra", patient, "--people", 64, "--out", out, "--json")
    assert code == 0
    shown = json.loads(text)
    assert shown == json.loads((out / "results.json").read_text())
    assert shown["kind"] == "posterior"
    row = shown["parameters"]["CL"]
    assert row["low"] < row["estimate"] < row["high"]
    assert row["unit"] == "L/day"
    people = pd.read_parquet(out / "people.parquet")
    assert len(people) == 64
    assert people["weight"].sum() == pytest.approx(1)
    assert "Measured and fitted" in (out / "report.html").read_text()


def test_a_data_set_gives_estimates_tables_and_a_report(capsys, data, tmp_path):
    out = tmp_path / "out"
    words = ("pk1_oral", data, "--iterations", "40,20", "--samples", 200, "--out", out, "--bootstrap", 2)
    code, text, error = call(capsys, *words)
    assert code == 0, error
    assert "TIME is read in hours" in error
    assert "add.sd" in text
    found = json.loads((out / "results.json").read_text())
    assert set(found["parameters"]) == {"CL", "V", "ka", "eta.CL", "eta.V", "eta.ka", "add.sd"}
    assert found["bootstrap"]["CL"]["replicates"] == 2
    assert {p.name for p in out.iterdir()} >= {
        "report.html", "fit.ext", "fit.phi", "fit.tab", "subjects.parquet", "observations.parquet", "iterations.parquet"
    }  # fmt: skip
    assert not list(tmp_path.glob("*.interrupted.npz"))


@pytest.mark.slow
def test_a_killed_fit_goes_on_to_the_same_numbers(capsys, data, tmp_path):
    pytest.importorskip("emcee", reason="the extra 'fit' is not installed")
    words = ("pk1_oral", data, "--iterations", "25,10", "--samples", 200, "--bayes", "--draws", 100, "--out")
    program = "from abate.cli.main import main; main()"
    killed = [sys.executable, "-c", program, "fit", *map(str, words), str(tmp_path / "killed")]
    left = tmp_path / "killed.posterior.interrupted.npz"
    with subprocess.Popen(killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as work:
        while not left.is_file() and work.poll() is None:
            time.sleep(0.01)
        work.kill()
    assert work.returncode == -signal.SIGKILL
    assert left.is_file()
    assert not (tmp_path / "killed").exists()
    code, again, error = call(capsys, *words, tmp_path / "killed", "--json")
    assert code == 0, error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.csv", "killed"]
    _, whole, _ = call(capsys, *words, tmp_path / "whole", "--json")
    assert json.loads(again) == json.loads(whole)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pk1_oral", "none.csv"), "none.csv: there is no such file"),
        (("pk9", "DATA"), "there is no such model: 'pk9'"),
        (("pk1_oral", "DATA", "--iterations", "many"), "--iterations: not two counts: 'many'"),
        (("pk1_oral", "DATA", "--error", "none"), "--error: no such error: 'none'"),
        (("pk1_oral", "DATA", "--dv", "crp"), "--dv: no such output: 'crp'"),
        (("pk1_oral", "DATA", "--time-unit", "kg"), "--time-unit: the unit has the wrong dimension: 'kg'"),
        (("pk1_oral", "DATA", "--independent", "--correlate", "CL,V"), "--independent: contradicts --correlate"),
        (("pk1_oral", "PATIENT"), "the model takes no such dose: 'tocilizumab sc'"),
    ],
)
def test_wrong_words_are_one_line(capsys, patient, data, words, message):
    words = [{"DATA": data, "PATIENT": patient}.get(w, w) for w in words]
    code, text, error = call(capsys, *words)
    assert code == 2
    assert text == ""
    assert message in error
    assert error.strip().count("\n") == 0
