"""Writes docs/scoreboard.md, forecasts.md and sensitivity.md: ``python docs/make_scoreboard.py [PART ...] [--pages]``.

PART is ``scoreboard``, ``forecasts`` or ``sensitivity``; without one, all. The commands of the parts are run into
``docs/reports``; with ``--pages`` only the pages are written again from the results that lie there. Takes minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from abate.ground.files import write_atomically
from abate.report.sensitivity_page import sensitivity_page
from abate.report.validation_page import forecast_page, scoreboard_page

DOCS = Path(__file__).parent
REPORTS = DOCS / "reports"
SAMPLES = {"giacta": "64", "pmr-spare": "32"}
"""Base samples of each trial: minutes on two cores; more samples and people narrow the intervals."""
COMMANDS: dict[str, dict[str, list[str]]] = {
    "scoreboard": {"scoreboard": []},
    "forecasts": {"forecasts": ["--forecast"]},
    "sensitivity": {
        **{
            f"sensitivity/{name}": [name, "--sensitivity", "--samples", many, "--patients", "16"]
            for name, many in SAMPLES.items()
        },
        "sensitivity/told": ["--sensitivity", "--patients", "32"],
    },
}


def results(folder: str) -> dict[str, Any]:
    """Return the results.json of a report."""
    found: dict[str, Any] = json.loads((REPORTS / folder / "results.json").read_text(encoding="utf-8"))
    return found


def page(part: str) -> str:
    """Return the page of a part from its results."""
    if part == "scoreboard":
        return scoreboard_page(results("scoreboard"))
    if part == "forecasts":
        return forecast_page(results("forecasts"))
    return sensitivity_page([results(f"sensitivity/{name}") for name in SAMPLES], results("sensitivity/told"))


def main(words: list[str]) -> None:
    """Run the commands of the parts and write their pages."""
    parts = [word for word in words if not word.startswith("--")] or list(COMMANDS)
    for part in parts:
        for folder, arguments in COMMANDS[part].items() if "--pages" not in words else ():
            program = [sys.executable, "-m", "abate.cli.main", "validate", *arguments]
            quiet = [*program, "--json", "--out", str(REPORTS / folder)]
            subprocess.run(quiet, check=True, stdout=subprocess.DEVNULL)
            (REPORTS / folder / "page.md").unlink(missing_ok=True)
        write_atomically(DOCS / f"{part}.md", page(part))


if __name__ == "__main__":
    main(sys.argv[1:])
