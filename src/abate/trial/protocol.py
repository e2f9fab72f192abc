"""A trial as a file: arms, visits, entry, drop-out, endpoints, and what was published."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from abate.ground.errors import InputError
from abate.ground.files import Document, did_you_mean, library_path, load_yaml, set_path
from abate.ground.schema import read
from abate.science.model import available
from abate.science.policy import load_policy
from abate.science.population import load_population
from abate.science.regimen import Regimen, load_taper, parse
from abate.science.regimen.drugs import drug
from abate.study.endpoints import ENDPOINTS, check_rule
from abate.study.observation import charted, load_clinic
from abate.trial.pieces import Dropout, Entry, Habit, Published, Strict

__all__ = ["Arm", "Trial", "load_trial", "trial_names"]

WHOLE = "il6_blockade"
"""The model of the library that a trial runs on, with the numbers of its disease."""
OTHERS = {
    "ra": {"": "rheumatoid_arthritis/frey", "sarilumab": "rheumatoid_arthritis_sarilumab/ma"},
    "fibromyalgia": {"": "fibromyalgia/hypothesis"},
}
"""Diseases with a model of their own: by the one antibody of the trial, and otherwise."""


class Arm(Strict):
    """One arm: how many people, which drugs, which taper."""

    label: str
    patients: int = Field(gt=0)
    drugs: tuple[str, ...] = ()
    taper: str | None = None
    policy: str | None = None
    dropout: Dropout | None = None
    """Instead of the trial's."""

    @property
    def regimens(self) -> tuple[Regimen, ...]:
        """The drugs as regimens."""
        return tuple(parse(text) for text in self.drugs)


class Trial(Strict):
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
    adherence: dict[str, Habit] = Field(default_factory=dict)
    diary: str | None = None
    arms: dict[str, Arm]
    reference: str | None = None
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    endpoints: tuple[str, ...] = ("patients-with-a-flare", "cumulative-glucocorticoid-mg")
    endpoint_rules: dict[str, dict[str, Any]] = Field(default_factory=dict)
    published: tuple[Published, ...] = ()
    twins: bool = False
    parameters: dict[str, float | str] = Field(default_factory=dict)
    uncertainty: Literal["none", "ensemble"] = "none"
    """``ensemble``: people are drawn from plausible sets of the model's numbers instead of from the best one."""

    @property
    def days(self) -> int:
        """Length in days."""
        return 7 * self.weeks

    @property
    def model_name(self) -> str:
        """The model that is solved: the trial's own, or the library's of its disease."""
        if self.model or self.disease not in OTHERS:
            return self.model or f"{WHOLE}/{self.disease}"
        drugs = {r.drug for arm in self.arms.values() for r in arm.regimens if r.drug and drug(r.drug).active == r.drug}
        known = OTHERS[self.disease]
        return known.get(drugs.pop() if len(drugs) == 1 else "", known[""])

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
    _check_model(document, trial)
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
    _check_dropout(document, trial)
    return trial


def _check_model(document: Document, trial: Trial) -> None:
    """Refuse a disease that no model of the library is of, where the file names no model of its own."""
    if trial.model is not None:
        return
    known = [*(name for name in available().get(WHOLE, ()) if not name.startswith("_")), *OTHERS]
    if trial.disease not in known:
        hint = did_you_mean(trial.disease, known) or "or name a model of your own: model: FILE"
        problem = "the library has no model of this disease"
        raise document.error(("disease",), problem, value=trial.disease, allowed=known, hint=hint)


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


def _check_dropout(document: Document, trial: Trial) -> None:
    """Refuse a cause that follows an event which nobody calls: it would be read and do nothing."""
    called = {slug: load_policy(arm.policy or trial.policy).events for slug, arm in trial.arms.items()}
    stated: list[tuple[tuple[str | int, ...], Dropout | None, set[str]]]
    stated = [(("dropout",), trial.dropout, {e for events in called.values() for e in events})]
    stated += [(("arms", slug, "dropout"), arm.dropout, set(called[slug])) for slug, arm in trial.arms.items()]
    for key, dropout, events in stated:
        for name, cause in dropout.causes.items() if dropout else ():
            if cause.after is not None and cause.after not in events:
                known = sorted(events)
                problem, hint = "the policy calls no such event", did_you_mean(cause.after, known)
                where = (*key, "causes", name, "after")
                raise document.error(where, problem, value=cause.after, allowed=known, hint=hint)


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
