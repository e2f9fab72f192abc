"""The few verbs that people type: ``import abate as ab``.

Everything heavy is imported when it is used, so that ``import abate`` costs a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abate.science.model import Model
    from abate.science.policy import Policy
    from abate.science.regimen import Regimen, Taper
    from abate.study.store import Study as StoredStudy
    from abate.trial.protocol import Trial as Protocol

__all__ = ["Analysis", "Trial", "model", "policy", "regimen", "simulate_counts", "study", "taper", "trial"]


@dataclass(frozen=True)
class Trial:
    """A trial that can be run.

    Examples
    --------
    >>> import abate as ab
    >>> ab.trial("giacta")
    Trial('giacta', 4 arms, 52 weeks)
    """

    protocol: Protocol

    def __repr__(self) -> str:
        return f"Trial({self.protocol.name!r}, {len(self.protocol.arms)} arms, {self.protocol.weeks} weeks)"

    def set(self, **settings: Any) -> Trial:
        """Return the trial with parameters or keys changed: ``set(**{"tocilizumab.CL": "0.2 L/day"})``."""
        from abate.trial.settings import apply

        return Trial(apply(self.protocol, {key: str(value) for key, value in settings.items()}))

    def simulate(
        self, patients: int | None = None, seed: int = 1, out: str | Path | None = None, **options: Any
    ) -> Analysable:
        """Run the trial and return its Study; see `abate.trial.simulate.simulate` for the options."""
        from abate.trial.simulate import simulate

        target = Path(out) if out is not None else Path(mkdtemp(prefix="abate-")) / self.protocol.name
        return Analysable(simulate(self.protocol, target, patients=patients, seed=seed, **options))


@dataclass(frozen=True)
class Analysable:
    """A Study with the verbs that people type; everything else is the Study's own."""

    study: StoredStudy

    def __repr__(self) -> str:
        return repr(self.study)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.study, name)

    def analyse(self, **options: Any) -> Analysis:
        """Analyse by arm, or before and after where nobody was allocated."""
        if self.study.meta.get("source") == "simulated" or len(self.study.events):
            from abate.study.arms import analyse_arms

            return Analysis(self.study, analyse_arms(self.study.tables(), **options), "trial")
        from abate.study.series import analyse

        return Analysis(self.study, analyse(self.study.tables(), **options), "series")


@dataclass(frozen=True)
class Analysis:
    """The numbers of a Study, as results.json holds them."""

    study: StoredStudy
    results: Mapping[str, Any]
    kind: str

    def __repr__(self) -> str:
        names = list(self.results.get("arms", {}) or self.results.get("measures", {}))
        return f"Analysis({self.kind}: {', '.join(map(str, names))})"

    def table(self) -> Any:
        """Return the estimates as a DataFrame: one row an arm and endpoint, or a measure and visit."""
        import pandas as pd

        if self.kind == "trial":
            cells = ((a, e, row) for a, arm in self.results["arms"].items() for e, row in arm["endpoints"].items())
            names = ["arm", "endpoint"]
        else:
            cells = ((m, v, row) for m, one in self.results["measures"].items() for v, row in one["visits"].items())
            names = ["measure", "visit"]
        keep = ("estimate", "low", "high", "level", "n", "p", "method")
        rows = [{names[0]: a, names[1]: b, **{k: row[k] for k in keep if k in row}} for a, b, row in cells]
        return pd.DataFrame(rows)

    def figures(self) -> dict[str, Any]:
        """Return the figures of the report by name, as plotly figures; nothing is shown.

        Raises
        ------
        InputError
            If the Study does not hold what a figure needs.
        """
        return dict(self._composed().figures)

    def _composed(self) -> Any:
        if self.kind == "trial":
            from abate.report.trial import compose as compose_trial
            from abate.report.trial_view import look

            return compose_trial(look(self.study, results=self.results))
        from abate.report.series import compose as compose_series
        from abate.report.series_view import view

        return compose_series(view(self.study, self.results))

    def _repr_html_(self) -> str:
        return str(self.table().to_html(index=False, float_format=lambda value: f"{value:.4g}", na_rep=""))

    def report(self, directory: str | Path) -> Path:
        """Write report.html with its tables and figures into a folder, and return its path."""
        if self.kind == "trial":
            from abate.report.trial import write as write_trial

            return write_trial(self.study, directory, results=self.results)
        from abate.report.series import write as write_series

        return write_series(self.study, self.results, directory)


def trial(name: str | Path) -> Trial:
    """Load a trial of the library, or a YAML file."""
    from abate.trial.protocol import load_trial

    return Trial(load_trial(name))


def study(path: str | Path) -> Analysable:
    """Open a Study: a folder, a zip, or any file that a clinic keeps."""
    from abate.study.store import Study, is_study, write

    if is_study(path):
        return Analysable(Study(path))
    from abate.study import readers

    tables = readers.read(path).tables
    folder = Path(mkdtemp(prefix="abate-")) / Path(path).stem
    frames = {name: getattr(tables, name) for name in ("subjects", "doses", "measurements", "events", "decisions")}
    write(folder, {"name": Path(path).stem, "source": "observed", **tables.meta}, frames)
    return Analysable(Study(folder))


def model(name: str) -> Model:
    """Load a model of the library (``il6_blockade/gca``), or an Antimony or SBML file."""
    from abate.science.model import load

    return load(name)


def policy(name: str | Path) -> Policy:
    """Load a policy of the library, or a YAML file."""
    from abate.science.policy import load_policy

    return load_policy(name)


def taper(name: str | Path) -> Taper:
    """Load a taper of the library, or a YAML file."""
    from abate.science.regimen import load_taper

    return load_taper(name)


def regimen(text: str) -> Regimen:
    """Read a regimen as people write it: ``162 mg sc every week``."""
    from abate.science.regimen import parse

    return parse(text)


def simulate_counts(*arguments: Any, **options: Any) -> Any:
    """Simulate gene counts with known truth; see `abate.study.expression.simulate_counts`."""
    from abate.study.expression import simulate_counts as make

    return make(*arguments, **options)
