"""Whatever is asked, the API answers as it says it does: no 5xx, no traceback, nothing undocumented."""

from __future__ import annotations

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="the checks of the API need schemathesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from abate.web.api import create_api  # noqa: E402

from .conftest import Asker  # noqa: E402

PHASES = (Phase.generate,)
QUIET = list(HealthCheck)
OPERATIONS = (
    "GET /",
    "GET /library",
    "GET /library/entry",
    "POST /simulate",
    "POST /analyse",
    "POST /score",
    "POST /plan",
)


def check(operation: str, cases: int) -> None:
    """Draw cases of one operation from its description and judge every answer."""
    app = create_api()
    ask = Asker(app)
    method, path = operation.split()
    described = schemathesis.openapi.from_dict(app.openapi())[path][method]

    @settings(
        max_examples=cases, deadline=None, phases=PHASES, suppress_health_check=QUIET, derandomize=True, database=None
    )
    @given(st.data())
    def judge(data: st.DataObject) -> None:
        case = data.draw(described.as_strategy())
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
        details = {
            key: sent[key] for key in ("params", "json", "data", "files", "headers") if sent.get(key) is not None
        }
        if isinstance(details.get("data"), (bytes, str)):
            details["content"] = details.pop("data")
        answer = ask(method, path, **details)
        assert answer.status_code < 500, (operation, details, answer.text)
        assert "Traceback" not in answer.text
        if answer.status_code >= 400:
            error = answer.json()["error"]
            assert set(error) == {"status", "kind", "message"}
            assert "\n" not in error["message"]
        else:
            assert isinstance(answer.json(), dict)

    judge()


PATIENT: dict[str, object] = {
    "disease": "pmr",
    "today": "2026-06-01",
    "diagnosed": "2026-01-05",
    "weight": 70,
    "drugs": [{"regimen": "prednisone 5 mg every morning", "from": "2026-01-05"}],
    "diary": [{"date": "2026-05-20", "pain": 1, "fatigue": 3}],
    "measurements": [{"date": "2026-05-20", "name": "crp", "value": 4, "unit": "mg/L"}],
}
# What a person may get wrong, or almost right, in a record that is otherwise one.
ODD = {
    "disease": ["gca", "ra", "fibromyalgia", "", None, 3],
    "today": ["2026-05-19", "2030-01-01", "2026-01-05", "yesterday", 0, None],
    "diagnosed": ["1926-01-01", "2026-06-01", "2027-01-01", [], None],
    "weight": [0, -70, 1e9, "70 kg", None, True],
    "drugs": [
        [],
        [{"regimen": "prednisone 0 mg every morning", "from": "2026-01-05"}],
        [{"regimen": "prednisone 500 mg every morning", "from": "2026-01-05"}],
        [{"regimen": "prednisone -5 mg every morning", "from": "2026-01-05"}],
        [{"regimen": "tocilizumab 162 mg sc every week", "from": "2026-01-05"}],
        [{"regimen": "prednisone 5 mg mg every morning", "from": "2026-01-05", "to": "2026-01-01"}],
        {"regimen": "prednisone 5 mg every morning"},
    ],
    "diary": [
        [],
        [{"date": "2026-05-20"}],
        [{"date": "2026-05-20", "pain": 0, "fatigue": 0, "stiffness": 1440, "signs": ["vision"]}],
        [{"date": "2026-05-20", "pain": 10.5}],
        [{"date": "2026-05-20", "signs": ["no such sign"]}],
    ],
    "measurements": [
        [{"date": "2026-05-20", "name": "crp", "value": 0, "unit": "mg/L"}],
        [{"date": "2026-05-20", "name": "crp", "value": "<3", "unit": "mg"}],
        [{"date": "2026-05-20", "name": "drug-level", "value": 10, "unit": "ug/mL"}],
        [{"date": "2026-05-20", "name": "morning-cortisol", "value": 1e300, "unit": "nmol/L"}],
    ],
    "tablets": ["us", "uk", "", 4],
    "strengths": [[1], [0], [-1], [], [1000]],
    "flare_risk": [0, 0.5, 1, "half"],
    "plans": [
        [{"name": "x", "text": "5 mg for 4 weeks, 1 mg less every 4 weeks to 0"}],
        [{"name": "x", "text": "5 mg for 4 weeks, 1 mg less every 0 weeks to 0"}],
        [{"name": "x", "text": "5 mg for 9999999999 weeks"}],
        [{"name": "x", "policy": "/etc/passwd"}, {"name": "x", "taper": "nothing"}],
    ],
    "unknown": [1],
}
ASKED = {
    "text": ["4 mg for 4 weeks, 1 mg less every week to 0", "stop", "0 mg", "5 mg for 1 day, 0.001 mg for 1 day"],
    "options": [["guideline"], ["nothing"], []],
    "explain": [True],
    "prior": [True],
    "optimise": [True],
    "risk": [0.01, 0.99],
    "may": [["none"], ["prednisone 5 mg every morning"], ["sarilumab 200 mg sc every 2 weeks", "none"]],
}


def one_of(choices: dict[str, list[object]]) -> st.SearchStrategy[dict[str, object]]:
    """Some of the keys, each with one of its values."""
    some = st.lists(st.sampled_from(sorted(choices)), max_size=2, unique=True)
    return some.flatmap(lambda keys: st.fixed_dictionaries({key: st.sampled_from(choices[key]) for key in keys}))


def check_patients(cases: int) -> None:
    """Ask for plans of records that are one or nearly one, so that what lies behind the form is reached too."""
    ask = Asker(create_api())

    @settings(
        max_examples=cases, deadline=None, phases=PHASES, suppress_health_check=QUIET, derandomize=True, database=None
    )
    @given(one_of(ODD), one_of(ASKED))
    def judge(odd: dict[str, object], more: dict[str, object]) -> None:
        body = {"patient": PATIENT | odd, "people": 16, "weeks": 4, "trials": 8, **more}
        answer = ask("POST", "/plan", json=body)
        assert answer.status_code in (200, 422), (body, answer.text)
        assert "Traceback" not in answer.text
        if answer.status_code == 422:
            error = answer.json()["error"]
            assert set(error) == {"status", "kind", "message"}
            assert "\n" not in error["message"]
        else:
            assert "not a prescription" in answer.json()["note"]

    judge()


def test_plans_of_records_that_are_nearly_right_are_answered() -> None:
    check_patients(12)


@pytest.mark.slow
def test_plans_of_many_records_that_are_nearly_right_are_answered() -> None:
    check_patients(300)


# 500 cases in all, most of them where most can be wrong; the library is read anew for every entry, which takes long.
FEW = {"GET /": 2, "GET /library": 2, "GET /library/entry": 20, "POST /analyse": 116}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_five_hundred_drawn_requests_are_answered(operation: str) -> None:
    check(operation, FEW.get(operation, 120))


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_ten_thousand_drawn_requests_are_answered(operation: str) -> None:
    check(operation, {"GET /": 100, "GET /library": 100}.get(operation, 1960))
