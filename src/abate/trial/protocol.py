"""A trial as a file: arms, visits, entry, drop-out, endpoints, and what was published."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from abate.ground.errors import InputError
from abate.ground.files import Document, did_you_mean, library_path, load_yaml, set_path
from abate.ground.quantity import Grade
from abate.ground.schema import read
from abate.science.policy import load_policy
from abate.science.population import load_population
from abate.science.regimen import Regimen, load_taper, parse
from abate.science.regimen.adherence import Adherence
from abate.science.regimen.drugs import drug
from abate.study.endpoints import ENDPOINTS, check_rule
from abate.study.observation import charted, load_clinic

__all__ = ["Arm", "Trial", "load_trial", "trial_names"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Sourced(_Strict):
    """Something assumed or cited: who says so, and how far to trust it."""

    source: str = Field(min_length=1)
    grade: Grade


class EntryDose(Sourced):
    """Prednisone at entry, mg a day, and the share of people at each."""

    mg: tuple[float, ...] = Field(min_length=1)
    share: tuple[float, ...] = (1.0,)

    @model_validator(mode="after")
    def _shares_add_up(self) -> EntryDose:
        if len(self.mg) != len(self.share):
            raise ValueError(f"{len(self.mg)} doses but {len(self.share)} shares: give one share a dose")
        if any(dose < 0 for dose in self.mg):
            raise ValueError(f"a dose is negative ({min(self.mg):g}): allowed is 0 or more mg")
        if abs(sum(self.share) - 1) > 1e-6 or any(part < 0 for part in self.share):
            raise ValueError(f"the shares add up to {sum(self.share):g}: they must add up to 1, each 0 or more")
        return self


class EntryStates(Sourced):
    """Parameters that set the state at entry: a number, or ``0.7 of prednisone`` (a share of the entry dose)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def values(self) -> dict[str, float | str]:
        """The entry parameters by name."""
        return dict(self.model_extra or {})


class Entry(_Strict):
    """In which state people enter."""

    prednisone: EntryDose | None = None
    states: EntryStates | None = None


class Dropout(Sourced):
    """People who leave for reasons of their own, at a constant rate."""

    rate: float = Field(ge=0)
    unit: str

    @field_validator("unit")
    @classmethod
    def _a_rate(cls, unit: str) -> str:
        from abate.ground.units import convert

        convert(1.0, unit, "1/day", where="dropout.unit")
        return unit

    @property
    def per_day(self) -> float:
        """The rate a day."""
        from abate.ground.units import convert

        return convert(self.rate, self.unit, "1/day")


class Habit(Sourced):
    """How people take a drug: doses missed, missed in a row, and late."""

    missed: float = Field(0.0, ge=0, le=1)
    """Share of doses that are not taken."""
    clustered: float = Field(0.0, ge=0, lt=1)
    """How missed doses cluster: 0 for each on its own, towards 1 for long runs; the share stays what it is."""
    late: float = Field(0.0, ge=0, le=1)
    """Share of the doses taken that are taken late."""
    mean_delay_h: float | None = Field(None, gt=0)
    """Mean delay of late doses, hours (exponential)."""
    longest_delay_h: float | None = Field(None, gt=0)
    """No dose is later than this."""
    grid_h: float = Field(4.0, gt=0)
    """Delays are rounded up to multiples of this; a finer grid costs more, as everybody's solution stops at each."""

    @model_validator(mode="after")
    def _lateness_has_a_length(self) -> Habit:
        if self.late > 0 and (self.mean_delay_h is None or self.longest_delay_h is None):
            raise ValueError("late doses need a length: write mean_delay_h and longest_delay_h in hours")
        if self.longest_delay_h is not None and self.longest_delay_h < self.grid_h:
            raise ValueError(
                f"the longest delay ({self.longest_delay_h:g} h) is shorter than grid_h ({self.grid_h:g} h): "
                "write a smaller grid_h"
            )
        return self

    @property
    def adherence(self) -> Adherence:
        """The random process."""
        if self.late == 0:
            return Adherence(self.missed, self.clustered)
        return Adherence(
            self.missed, self.clustered, self.late, self.mean_delay_h or 0.0, self.longest_delay_h or 0.0, self.grid_h
        )


class Arm(_Strict):
    """One arm: how many people, which drugs, which taper."""

    label: str
    patients: int = Field(gt=0)
    drugs: tuple[str, ...] = ()
    taper: str | None = None
    policy: str | None = None

    @property
    def regimens(self) -> tuple[Regimen, ...]:
        """The drugs as regimens."""
        return tuple(parse(text) for text in self.drugs)


class Published(Sourced):
    """One published figure: a proportion (events of n) or a value."""

    target: str
    arm: str
    endpoint: str
    n: int = Field(gt=0)
    events: int | None = None
    value: float | None = None
    unit: str = ""
    calibrated: bool
    misfit: str = ""
    """Why the model is known to miss this figure, where it does."""

    @model_validator(mode="after")
    def _one_figure(self) -> Published:
        if (self.events is None) == (self.value is None):
            raise ValueError("give either events (of n) or a value")
        if self.events is not None and not 0 <= self.events <= self.n:
            raise ValueError(f"{self.events} events of {self.n} people: allowed are 0 to {self.n}")
        return self

    @property
    def figure(self) -> float:
        """The published figure as one number."""
        return self.events / self.n if self.events is not None else float(self.value or 0.0)


class Trial(_Strict):
    """A trial, ready to run.

    Examples
    --------
    >>> trial = load_trial("giacta")
    >>> list(trial.arms), trial.days
    (['tocilizumab-weekly', 'tocilizumab-fortnightly', 'placebo-26', 'placebo-52'], 364)
    """

    name: str
    title: str
    disease: str
    source: str = ""
    weeks: int = Field(gt=0, le=2600)
    visits: str | tuple[int, ...] = "every 4 weeks"
    measures: tuple[str, ...] = ("symptom-score", "crp")
    population: str
    model: str | None = None
    policy: str
    entry: Entry = Entry()
    dropout: Dropout | None = None
    adherence: dict[str, Habit] = {}
    diary: str | None = None
    arms: dict[str, Arm]
    reference: str | None = None
    groups: dict[str, tuple[str, ...]] = {}
    endpoints: tuple[str, ...] = ("patients-with-a-flare", "cumulative-glucocorticoid-mg")
    endpoint_rules: dict[str, dict[str, Any]] = {}
    published: tuple[Published, ...] = ()
    twins: bool = False
    parameters: dict[str, float | str] = {}
    uncertainty: Literal["none", "ensemble"] = "none"
    """``ensemble``: people are drawn from plausible sets of the model's numbers instead of from the best one."""

    @property
    def days(self) -> int:
        """Length in days."""
        return 7 * self.weeks

    @property
    def model_name(self) -> str:
        """The model that is solved."""
        return self.model or f"il6_blockade/{self.disease}"

    @property
    def visit_days(self) -> tuple[int, ...]:
        """Days of the visits, the first at day 0 and the last at the end."""
        if isinstance(self.visits, str):
            step = 7 * visit_weeks(self.visits)
            days = set(range(0, self.days + 1, step))
        else:
            days = {7 * week for week in self.visits}
        return tuple(sorted({0, *days, self.days}))

    @property
    def diary_days(self) -> int:
        """Days between two looks at the diary."""
        return 7 * visit_weeks(self.diary or "every week")

    @field_validator("diary")
    @classmethod
    def _a_diary(cls, diary: str | None) -> str | None:
        if diary is not None:
            visit_weeks(diary)
        return diary

    @field_validator("visits")
    @classmethod
    def _visits(cls, visits: str | tuple[int, ...]) -> str | tuple[int, ...]:
        if isinstance(visits, str):
            visit_weeks(visits)
        elif list(visits) != sorted(set(visits)) or (visits and visits[0] < 0):
            raise ValueError("weeks overlap or run backwards: write each week once, in order")
        return visits


def visit_weeks(text: str) -> int:
    """Read ``every 2 weeks``.

    Examples
    --------
    >>> visit_weeks("every week"), visit_weeks("every 4 weeks")
    (1, 4)
    """
    match = re.fullmatch(r"\s*every\s+(?:(\d+)\s+)?weeks?\s*", text)
    if not match or match[1] == "0":
        raise ValueError(f"not a visit schedule ({text!r}): write 'every 2 weeks', or a list of weeks")
    return int(match[1] or 1)


def trial_names() -> list[str]:
    """Return the names of the trials in the library."""
    return sorted(path.stem for path in library_path("trials").glob("*.yaml"))


@dataclass(frozen=True)
class _Check:
    """One name in the file and where it is looked up."""

    key: tuple[str | int, ...]
    name: str
    names: list[str]
    what: str


def load_trial(name: str | Path, *, changes: Mapping[str, Any] | None = None) -> Trial:
    """Load a trial of the library by name, or from a YAML file.

    Parameters
    ----------
    name : str or Path
        ``giacta``, or the path of a YAML file.
    changes : mapping, optional
        ``{"arms.placebo-26.patients": 10}``: keys of the file to replace before it is read.

    Raises
    ------
    InputError
        If there is none of that name, or the file is wrong; the message names file, line and key.
    """
    text = str(name)
    path = Path(text) if text.endswith((".yaml", ".yml")) else library_path("trials", f"{text}.yaml")
    if not path.exists():
        names = trial_names()
        hint = did_you_mean(text, names) or "or give a YAML file; start from: abate library giacta --yaml"
        raise InputError("TRIAL", "there is no such trial", value=text, allowed=names, hint=hint)
    document = load_yaml(path)
    data: Any = _beside(document.data, path.parent)
    for key, value in (changes or {}).items():
        data = set_path(data, key, value)
    return read_trial(Document(document.path, data, document.lines))


def _beside(data: Any, folder: Path) -> Any:
    """Read names of files (tapers, policies, a population) from beside the trial's own file."""
    if isinstance(data, dict):
        return {k: _beside(v, folder) for k, v in data.items()}
    if isinstance(data, str) and data.endswith((".yaml", ".yml", ".toml")) and not Path(data).is_absolute():
        return str(folder / data) if (folder / data).exists() else data
    return data


def read_trial(document: Document) -> Trial:
    """Read a trial from a parsed file, with every name looked up."""
    trial = read(Trial, document)
    if not trial.arms:
        raise document.error(("arms",), "a trial needs an arm", hint="add one: name: {label: ..., patients: 50}")
    _look_up(document, trial)
    for slug, arm in trial.arms.items():
        for index, regimen in enumerate(arm.drugs):
            with _pointing(document, ("arms", slug, "drugs", index)):
                routes = drug_of(parse(regimen))
                if parse(regimen).route is None and len(routes) > 1:
                    raise InputError("", "the route is missing", value=regimen, allowed=routes)
        if arm.taper:
            with _pointing(document, ("arms", slug, "taper")):
                load_taper(arm.taper)
        if arm.policy:
            with _pointing(document, ("arms", slug, "policy")):
                load_policy(arm.policy)
    with _pointing(document, ("policy",)):
        load_policy(trial.policy)
    _check_adherence(document, trial)
    return trial


def _check_adherence(document: Document, trial: Trial) -> None:
    """Refuse a habit for a drug that nobody takes: it would be read and do nothing."""
    taken = sorted(
        {"prednisone", *(drug(r.drug).active for arm in trial.arms.values() for r in arm.regimens if r.drug)}
    )
    for name in trial.adherence:
        if name not in taken:
            hint = did_you_mean(name, taken)
            raise document.error(("adherence", name), "no arm takes this drug", value=name, allowed=taken, hint=hint)


def drug_of(regimen: Regimen) -> tuple[str, ...]:
    """Return the routes by which the drug of a regimen may be given."""
    if regimen.drug is None:
        raise InputError("", "no drug is named", value=str(regimen), hint="write it first: tocilizumab 162 mg sc ...")
    return tuple(drug(regimen.drug).routes)


@contextmanager
def _pointing(document: Document, key: tuple[str | int, ...]) -> Iterator[None]:
    """Let an error from another file or text say where this file asked for it."""
    try:
        yield
    except InputError as error:
        raise document.error(key, str(error)) from error


def _look_up(document: Document, trial: Trial) -> None:
    arms, groups = list(trial.arms), list(trial.groups)
    measures = [*load_clinic().measures, *charted()]
    known = [*ENDPOINTS, *trial.endpoint_rules]
    for name, rule in trial.endpoint_rules.items():
        try:
            check_rule(name, rule)
        except InputError as error:
            raise document.error(("endpoint_rules", name), str(error)) from error
    checks = [_Check(("endpoints", i), e, known, "endpoint") for i, e in enumerate(trial.endpoints)]
    checks += [_Check(("measures", i), m, measures, "measure") for i, m in enumerate(trial.measures)]
    for group, members in trial.groups.items():
        checks += [_Check(("groups", group, i), m, arms, "arm") for i, m in enumerate(members)]
    for i, row in enumerate(trial.published):
        checks.append(_Check(("published", i, "arm"), row.arm, arms + groups, "arm"))
        checks.append(_Check(("published", i, "endpoint"), row.endpoint, known, "endpoint"))
    if trial.reference:
        checks.append(_Check(("reference",), trial.reference, arms, "arm"))
    for check in checks:
        if check.name not in check.names:
            hint = did_you_mean(check.name, check.names)
            raise document.error(
                check.key, f"there is no such {check.what}", value=check.name, allowed=check.names, hint=hint
            )
    try:
        load_population(trial.population)
    except InputError as error:
        raise document.error(
            ("population",), error.problem, value=error.value, allowed=error.allowed, hint=error.hint
        ) from error
