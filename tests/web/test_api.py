"""The API: the same verbs as JSON, one error shape, nothing that is not asked for."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

SERIES = "subject,visit,measure,value\n" + "\n".join(
    f"P{k},week {week},pain,{value}"
    for week, column in {0: (8, 7, 6, 9, 5, 7), 12: (5, 4, 6, 3, 2, 5)}.items()
    for k, value in enumerate(column, 1)
)


def refused(answer: Any, status: int, part: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (status, status)
    assert part in error["message"]
    assert "\n" not in error["message"]
    assert "Traceback" not in answer.text


def test_the_library_lists_and_shows_an_entry(api: Any) -> None:
    entries = api("GET", "/library").json()["entries"]
    assert {"kind": "taper", "name": "giacta-26"}.items() <= next(
        e for e in entries if e["name"] == "giacta-26"
    ).items()
    shown = api("GET", "/library/entry", params={"name": "giacta-26"}).json()
    assert shown["entry"]["duration_days"] == 182
    assert "giacta" in shown["file"].lower()


def test_a_small_trial_is_simulated_and_the_seed_counts(api: Any) -> None:
    ask = {"trial": "pmr-spare", "patients": 3, "seed": 7, "changes": {"weeks": "12"}}
    first, again = (api("POST", "/simulate", json=ask).json() for _ in range(2))
    assert first == again
    assert first["seed"] == 7
    assert {arm["n"] for arm in first["arms"].values()} == {3}
    other = api("POST", "/simulate", json=ask | {"seed": 8}).json()
    assert other["arms"] != first["arms"]


def test_a_study_is_analysed_with_its_smallest_p(api: Any) -> None:
    results = api("POST", "/analyse", files={"file": ("pain.csv", SERIES.encode())}).json()
    change = results["measures"]["pain"]["visits"]["week-12"]
    # 6 people of whom one did not change: the exact signed-rank test of 5 can reach 2 / 2**5 at best.
    assert change["smallest_p"] == pytest.approx(0.0625)
    assert results["source"]["file"] == "pain.csv"


def test_an_answer_sheet_is_scored(api: Any) -> None:
    sheet = {"instrument": "fiqr", "answers": {f"fiqr/{k}": 10 for k in range(1, 22)}}
    assert api("POST", "/score", json=sheet).json()["scores"]["total"] == 100


PATIENT = {
    "disease": "pmr",
    "today": "2026-06-01",
    "diagnosed": "2025-11-01",
    "drugs": [
        {"regimen": "prednisone 15 mg every morning", "from": "2025-11-01"},
        {"regimen": "prednisone 5 mg every morning", "from": "2026-04-01"},
    ],
}


def test_a_search_shows_its_front_with_the_guideline_on_it(api: Any) -> None:
    ask = {"patient": PATIENT, "options": ["guideline"], "people": 16, "weeks": 16, "optimise": True, "trials": 8}
    made = api("POST", "/plan", json=ask | {"risk": 0.5, "may": ["none", "tocilizumab 162 mg sc every week"]}).json()
    found = made["optimised"]
    assert found["risk"] == 0.5
    assert found["guideline"]["label"] == made["options"]["guideline"]["label"]
    assert set(made["options"]) == {"guideline", "optimised"}
    front = [(row["flare"], row["mean-prednisone-mg"]) for row in found["front"]]
    assert front == sorted(front, key=lambda row: row[1])
    assert {"antibody", "first_hold_weeks"} <= set(found["settings"])


@pytest.mark.parametrize(
    ("details", "part"),
    [
        ({"optimise": True, "risk": 1.5}, "body.risk"),
        ({"optimise": True, "trials": 5000}, "body.trials"),
        ({"optimise": True, "may": []}, "body.may"),
        ({"optimise": True, "may": ["tocilizumab"]}, "antibody"),
        ({"risk": 0.2}, "this belongs to a search"),
        ({"may": ["none"]}, "this belongs to a search"),
        ({"optimise": True, "patient": PATIENT | {"disease": "ra"}}, "flares are not forecast"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused_in_a_line(api: Any, details: dict[str, Any], part: str) -> None:
    refused(api("POST", "/plan", json={"patient": PATIENT, "people": 16, "weeks": 8} | details), 422, part)


@pytest.mark.parametrize(
    ("method", "path", "details", "status", "part"),
    [
        ("GET", "/library/entry?name=giaca", {}, 422, "did you mean 'giacta'"),
        ("GET", "/library/entry", {}, 422, "query.name"),
        ("GET", "/nothing", {}, 404, "Not Found"),
        ("DELETE", "/library", {}, 405, "Method Not Allowed"),
        ("POST", "/simulate", {"json": {"trial": "giact"}}, 422, "did you mean 'giacta'"),
        ("POST", "/simulate", {"json": {"trial": "giacta", "patients": 0}}, 422, "body.patients"),
        ("POST", "/simulate", {"json": {"trial": "giacta", "patients": 1000}}, 422, "allowed: 1 to 100 in each arm"),
        ("POST", "/simulate", {"json": {"trial": "giacta", "patient": 3}}, 422, "body.patient: there is no such key"),
        ("POST", "/simulate", {"json": {"trial": "../giacta.yaml"}}, 422, "there is no such trial"),
        ("POST", "/simulate", {"json": {"trial": "giacta", "changes": {"policy": "/etc/x.yaml"}}}, 422, "not a number"),
        ("POST", "/simulate", {"json": {"trial": "giacta", "changes": {"tocilizumab.CK": "1"}}}, 422, "no such param"),
        ("POST", "/simulate", {"content": b"{", "headers": {"content-type": "application/json"}}, 422, "JSON"),
        ("POST", "/analyse", {"files": {"file": ("a.bin", b"\0\1")}}, 422, "this kind of file is not known"),
        ("POST", "/analyse", {"files": {"file": ("a.csv", b"")}}, 422, "empty"),
        ("POST", "/analyse", {"files": {"file": ("a.csv", b"\xff\xfe\xff")}}, 422, "a.csv"),
        ("POST", "/analyse", {}, 422, "body.file"),
        ("POST", "/score", {"json": {"instrument": "fiqq", "answers": {}}}, 422, "did you mean 'fiqr'"),
        ("POST", "/score", {"json": {"instrument": "fiqr", "answers": {"fiqr/1": 11}}}, 422, "11"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    api: Any, method: str, path: str, details: dict[str, Any], status: int, part: str
) -> None:
    refused(api(method, path, **details), status, part)


def test_an_archive_that_unpacks_to_too_much_is_refused(api: Any) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("study.toml", b"0" * (201 * 1024 * 1024))
    assert len(packed.getvalue()) < 1024 * 1024
    refused(api("POST", "/analyse", files={"file": ("a.zip", packed.getvalue())}), 422, "unpacks to too much")


def test_the_description_documents_every_verb_and_the_one_error(api: Any) -> None:
    described = api("GET", "/openapi.json").json()
    for path, verbs in described["paths"].items():
        for verb in verbs.values():
            assert verb["summary"], path
            wrong = verb["responses"]["422"]["content"]["application/json"]["schema"]["$ref"]
            assert wrong == "#/components/schemas/FaultAnswer"
    assert "HTTPValidationError" not in json.dumps(described)
