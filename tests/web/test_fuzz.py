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


# 500 cases in all, most of them where most can be wrong; the library is read anew for every entry, which takes long.
FEW = {"GET /": 2, "GET /library": 2, "GET /library/entry": 20, "POST /analyse": 116}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_five_hundred_drawn_requests_are_answered(operation: str) -> None:
    check(operation, FEW.get(operation, 120))


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_ten_thousand_drawn_requests_are_answered(operation: str) -> None:
    check(operation, {"GET /": 100, "GET /library": 100}.get(operation, 1960))
