"""The public surface: what `import abate as ab` offers, and that it stays light."""

import inspect
import subprocess
import sys

import pytest

import abate as ab


def test_exports_are_these() -> None:
    assert sorted(ab.__all__) == [
        "Analysis",
        "Trial",
        "__version__",
        "model",
        "policy",
        "regimen",
        "simulate_counts",
        "study",
        "taper",
        "trial",
    ]


@pytest.mark.parametrize("name", [n for n in ab.__all__ if not n.startswith("_")])
def test_everything_public_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(ab, name))


def test_import_brings_nothing_heavy() -> None:
    heavy = ["numpy", "pandas", "sympy", "numba", "plotly", "scipy", "typer", "antimony", "pydantic"]
    code = f"import sys, abate; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_brings_nothing_heavy() -> None:
    code = (
        "import sys\nfrom abate.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('numpy', 'pandas', 'typer', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_a_trial_from_three_words(tmp_path: object) -> None:
    short = ab.trial("giacta").set(weeks=4)
    analysis = short.simulate(patients=4, seed=1, out=f"{tmp_path}/s").analyse()
    table = analysis.table()
    assert set(table["arm"]) == set(short.protocol.arms)
    assert {"estimate", "low", "high", "n"} <= set(table.columns)
    figures = analysis.figures()
    assert {"flares", "prednisone", "crp", "morning-cortisol"} <= set(figures)
    assert type(figures["flares"]).__name__ == "Figure"
    assert analysis._repr_html_().startswith("<table")
