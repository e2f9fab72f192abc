"""What the report of a trial needs, taken out of a Study once: arms, people, estimates, published, courses, doses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abate.ground.errors import InputError
from abate.report.figure_time import Band, band_of
from abate.report.palette import arm_colours
from abate.study import endpoints
from abate.study.endpoint_kinds import GLUCOCORTICOIDS

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.store import Study

__all__ = ["ArmView", "PublishedRow", "TrialView", "look"]

Floats = NDArray[np.float64]
WEEK = 7.0


@dataclass(frozen=True, slots=True)
class ArmView:
    """An arm, or a group of arms: its slug, its label, its members' arms and how many people."""

    slug: str
    label: str
    members: tuple[str, ...]
    n: int


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published figure of one arm or group."""

    target: str
    arm: str
    endpoint: str
    figure: float
    n: int
    events: int | None
    unit: str
    source: str
    grade: str
    calibrated: bool


@dataclass(frozen=True)
class TrialView:
    """A trial ready to be told.

    Attributes
    ----------
    study : Study
    title : str
    days : float
        Length of follow-up.
    arms, groups : tuple of ArmView
        In the order of the study.
    people : pandas.DataFrame
        One row a person, from `abate.study.endpoints.per_person`.
    estimates : mapping of arm or group slug to mapping of endpoint slug to mapping
        As in results.json.
    published : tuple of PublishedRow
    board : tuple of mapping
        Each published figure beside what a trial of its size would show here, as the scoreboard of results.json.
    results : mapping
        The content of results.json, or empty.
    own_rules : mapping
        Endpoints that the trial defines itself.
    """

    study: Study
    title: str
    days: float
    arms: tuple[ArmView, ...]
    groups: tuple[ArmView, ...]
    people: pd.DataFrame
    estimates: Mapping[str, Mapping[str, Mapping[str, Any]]]
    published: tuple[PublishedRow, ...]
    board: tuple[Mapping[str, Any], ...] = ()
    results: Mapping[str, Any] = field(default_factory=dict)
    own_rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """Slug of the arm that the others are compared with; empty when there is none."""
        slug = str(self.results.get("reference") or self.study.meta.get("reference") or "")
        return slug if any(arm.slug == slug for arm in self.arms) else ""

    @property
    def colours(self) -> dict[str, str]:
        """One colour an arm, by label."""
        return arm_colours(arm.label for arm in self.arms)

    @property
    def weeks(self) -> float:
        """Length of follow-up in weeks."""
        return self.days / WEEK

    @property
    def simulated(self) -> bool:
        """Whether the model made this Study."""
        return str(self.study.meta.get("source", "")) == "simulated"

    @property
    def here(self) -> str:
        """What this Study's own figures are called beside published ones."""
        return "simulated" if self.simulated else "observed"

    def arm(self, slug: str) -> ArmView:
        """Return an arm or a group by its slug."""
        return next(arm for arm in (*self.arms, *self.groups) if arm.slug == slug)

    def people_of(self, arm: ArmView) -> pd.DataFrame:
        """Return the rows of the people of an arm or group."""
        return self.people[self.people["arm"].isin(arm.members)]

    def estimate(self, slug: str, endpoint: str) -> Mapping[str, Any]:
        """Return an estimate as in results.json; computed here where results.json has none."""
        known = self.estimates.get(slug, {}).get(endpoint)
        if known is not None:
            return known
        return endpoints.estimate(endpoint, self.people_of(self.arm(slug)), own=self.own_rules).as_dict()

    def knows(self, endpoint: str) -> bool:
        """Tell whether an endpoint is defined by the library or by the trial."""
        return endpoint in endpoints.ENDPOINTS or endpoint in self.own_rules

    def label(self, endpoint: str) -> str:
        """Return the name of an endpoint for people."""
        return str(endpoints.endpoint_rule(endpoint, self.own_rules)["label"])

    def estimator(self, endpoint: str) -> str:
        """Return how an endpoint is estimated: ``proportion``, ``median`` or ``time``."""
        return str(endpoints.endpoint_rule(endpoint, self.own_rules)["estimator"])

    def published_for(self, slug: str, endpoint: str) -> PublishedRow | None:
        """Return the published figure of an arm or group, if there is one."""
        rows = (row for row in self.published if row.arm == slug and row.endpoint == endpoint)
        return next(rows, None)

    def course(self, names: tuple[str, ...]) -> tuple[str, dict[str, Band]] | None:
        """Return the unit and the bands by arm of the first recorded output among `names`; None when there is none.

        The band holds 90 % of the people still followed on that day.
        """
        courses = self._courses
        if courses is None:
            return None
        name = next((n for n in names if n in courses), None)
        if name is None:
            return None
        table = courses[name]
        person = next(str(d) for d in table.dims if d != "day")
        days = np.asarray(courses["day"].values, float)
        subjects = [str(s) for s in np.asarray(courses["subject"].values)]
        followed = self.people["followed"].reindex(subjects).to_numpy(float)
        arms = self.people["arm"].reindex(subjects).to_numpy()
        bands = {}
        for arm in self.arms:  # one arm at a time, so that a large study need not fit in memory at once
            rows = np.flatnonzero(np.isin(arms, arm.members))
            values = np.asarray(table.isel({person: rows}).transpose(person, "day").values)
            values = np.where(days[None, :] <= followed[rows, None], values, np.nan)
            bands[arm.label] = band_of(values, days / WEEK)
        return str(table.attrs.get("units") or table.attrs.get("unit") or ""), bands

    def has_course(self, names: tuple[str, ...]) -> bool:
        """Tell whether any of some outputs was recorded."""
        return self._courses is not None and any(name in self._courses for name in names)

    @cached_property
    def _courses(self) -> Any:
        try:
            return self.study.courses()
        except InputError:
            return None

    def daily_glucocorticoid(self, subjects: Sequence[str] | None = None) -> Floats:
        """Return each person's prednisone (or prednisolone) by day, mg, shape (people, days); NaN after leaving.

        Parameters
        ----------
        subjects : sequence of str, optional
            The rows; else everybody, in the order of `people`.
        """
        import pandas as pd

        people = self.people.index if subjects is None else pd.Index(subjects)
        doses = self.study.doses
        doses = doses[doses["drug"].isin(GLUCOCORTICOIDS) & doses["subject"].isin(people)]
        count = doses["count"].to_numpy(int)
        nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        when = np.repeat(doses["time"].to_numpy(float), count) + nth * np.repeat(
            doses["interval"].to_numpy(float), count
        )
        who = np.repeat(people.get_indexer(pd.Index(doses["subject"])), count)
        amount = np.repeat(doses["amount"].to_numpy(float), count)
        day, days = np.floor(when + 1e-9).astype(int), int(np.ceil(self.days))
        inside = (day >= 0) & (day < days) & (who >= 0)
        daily = np.zeros((len(people), days))
        np.add.at(daily, (who[inside], day[inside]), amount[inside])
        left = self.people["followed"].reindex(people).to_numpy(float)
        return np.where(np.arange(days)[None, :] < left[:, None], daily, np.nan)


def look(study: Study, published: Iterable[Any] | None = None, results: Mapping[str, Any] | None = None) -> TrialView:
    """Look at a Study as a trial.

    Parameters
    ----------
    study : Study
    published : iterable of mapping or object, optional
        Published figures (fields of `PublishedRow`; ``figure``, or ``events`` of ``n``, or ``value``); else those of
        the trial of the same name in the library, if there is one.
    results : mapping, optional
        The content of results.json; else the file in the Study's folder, if there is one; else estimated here.
    """
    meta = study.meta
    whole = "published" in meta and "days" in meta  # what `simulate` wrote says all itself
    trial = None if whole else _library_trial(meta)
    labels = _labels(study, trial)
    days = _days(study, trial)
    rows = published if published is not None else meta.get("published") or (trial.published if trial else ())
    known = [_published(row) for row in rows]
    own = {**dict(trial.endpoint_rules if trial else {}), **dict(meta.get("endpoint_rules") or {})}
    wanted = list(dict.fromkeys([*meta.get("endpoints", ()), *own, *(row.endpoint for row in known)]))
    people = endpoints.per_person(
        study.tables(), days, wanted if meta.get("endpoints") else [*endpoints.ENDPOINTS, *own], own
    )
    counts = people["arm"].value_counts()
    arms = tuple(ArmView(slug, label, (slug,), int(counts.get(slug, 0))) for slug, label in labels.items())
    grouped = dict(meta.get("groups") or (trial.groups if trial else {}))
    groups = tuple(
        ArmView(slug, _group_label(slug, len(members)), tuple(members), int(sum(counts.get(m, 0) for m in members)))
        for slug, members in grouped.items()
    )
    title = str(meta.get("title") or (trial.title if trial else meta.get("name") or study.name))
    slugs = {a.slug for a in (*arms, *groups)}
    shown = tuple(row for row in known if row.arm in slugs)
    known_results = _results(study, results)
    view = TrialView(study, title, days, arms, groups, people, _estimates(known_results), shown, (), known_results, own)
    return replace(view, board=_board(view, given=published is not None))


def _library_trial(meta: Mapping[str, Any]) -> Any:
    from abate.trial.protocol import load_trial, trial_names

    name = str(meta.get("trial") or meta.get("name") or "")
    return load_trial(name) if name in trial_names() else None


def _labels(study: Study, trial: Any) -> dict[str, str]:
    """Return the arms in the order of the study, with their labels."""
    found = [str(a) for a in dict.fromkeys(study.subjects["arm"])]
    listed = study.meta.get("arms") or (trial.arms if trial else {})
    names = listed if isinstance(listed, Mapping) else {str(_field(a, "slug", a)): a for a in listed}
    order = [str(s) for s in names if str(s) in found] + [a for a in found if a not in names]
    labels = {}
    for slug in order:
        given = names.get(slug)
        label = given if isinstance(given, str) and given != slug else _field(given, "label", None)
        if label is None and trial and slug in trial.arms:
            label = trial.arms[slug].label
        labels[slug] = str(label or slug.replace("-", " ").capitalize())
    return labels


def _group_label(slug: str, arms: int) -> str:
    name = slug.replace("-", " ").capitalize()
    return f"{name}, both arms" if arms == 2 else f"{name}, {arms} arms"


def _days(study: Study, trial: Any) -> float:
    meta = study.meta
    if meta.get("days"):
        return float(meta["days"])
    if meta.get("weeks"):
        return WEEK * float(meta["weeks"])
    if trial is not None:
        return float(trial.days)
    times = [float(t["time"].max()) for t in (study.measurements, study.events) if len(t)]
    return max(times, default=0.0)


def _results(study: Study, results: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if results is not None:
        return results
    file = study.path / "results.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _estimates(results: Mapping[str, Any]) -> dict[str, Mapping[str, Mapping[str, Any]]]:
    both = {**dict(results.get("groups") or {}), **dict(results.get("arms") or {})}
    return {slug: dict(arm.get("endpoints") or {}) for slug, arm in both.items()}


def _board(view: TrialView, *, given: bool) -> tuple[Mapping[str, Any], ...]:
    if view.results.get("scoreboard") and not given:
        return tuple(view.results["scoreboard"])
    from abate.study.arms import scoreboard

    rows = {arm.slug: view.people_of(arm) for arm in (*view.arms, *view.groups)}
    known = [{**asdict(row), "value": row.figure} for row in view.published if len(rows[row.arm])]
    return tuple(scoreboard(rows, known, own=view.own_rules))


def _published(row: Any) -> PublishedRow:
    events, n, value = _field(row, "events", None), int(_field(row, "n", 0) or 0), _field(row, "value", None)
    figure = _field(row, "figure", None)
    if figure is None:
        figure = events / n if events is not None and n else value
    return PublishedRow(
        target=str(_field(row, "target", "")),
        arm=str(_field(row, "arm", "")),
        endpoint=str(_field(row, "endpoint", "")),
        figure=float(figure),
        n=n,
        events=events,
        unit=str(_field(row, "unit", "") or ""),
        source=str(_field(row, "source", "")),
        grade=str(_field(row, "grade", "")),
        calibrated=bool(_field(row, "calibrated", False)),
    )


def _field(row: Any, name: str, default: Any) -> Any:
    return row.get(name, default) if isinstance(row, Mapping) else getattr(row, name, default)
