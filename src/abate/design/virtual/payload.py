"""Replicate trials as results.json and as a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abate.design.sequential import SequentialDesign
from abate.design.virtual.characteristics import EndpointResult, characteristics, kind_of, people_for, spared
from abate.design.virtual.plausible import power_over_sets
from abate.design.virtual.settings import Replicates
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from abate.report.page import Report

__all__ = ["VirtualTrials", "analyse", "check_endpoint"]


@dataclass(frozen=True)
class VirtualTrials:
    """Replicate trials, analysed."""

    wanted: Replicates
    design: SequentialDesign
    results: tuple[EndpointResult, ...]
    saved: dict[str, Any]
    failed: int
    accrual: float

    @property
    def primary(self) -> EndpointResult:
        """The endpoint that decides."""
        return self.results[0]

    def payload(self) -> dict[str, Any]:
        """Return what results.json holds at ``design``."""
        wanted, design, first = self.wanted, self.design, self.primary
        return {
            "kind": "virtual-trials",
            "trial": wanted.trial.name,
            "arms": {"treatment": wanted.treatment, "control": wanted.control},
            "people_an_arm": wanted.people,
            "replicates": wanted.replicates,
            "weeks": wanted.trial.weeks,
            "alpha": design.alpha,
            "sided": design.sided,
            "looks": design.looks,
            "boundary": str(design.boundary) if design.looks > 1 else None,
            "futility": str(design.futility) if design.futility else None,
            "boundaries": [
                {"look": k + 1, "information": float(t), "z": float(z), "nominal_p": float(p)}
                for k, (t, z, p) in enumerate(zip(design.information, design.upper, design.nominal_p, strict=True))
            ],
            "primary": first.endpoint,
            "power": first.power.as_dict(),
            "type_one_error": first.type_one.as_dict(),
            "expected_sample_size": first.mean_people,
            "expected_duration_weeks": first.mean_share * self.accrual + wanted.trial.weeks,
            "people_an_arm_for_power": {"power": design.power, **people_for(first, design)},
            "endpoints": {one.endpoint: one.as_dict() for one in self.results},
            "varied": {v.name: {"low": v.low, "high": v.high, "unit": v.unit} for v in wanted.varied},
            "plausible": wanted.plausible or None,
            "failed_people": self.failed,
            **self.saved,
        }

    def report(self) -> Report:
        """Return the report."""
        from abate.report.page import Honesty, Key, Keys, Prose, Report, Section, Table

        first, wanted = self.primary, self.wanted
        saved = self.saved["prednisone_spared_mg"]
        keys = Keys(
            (
                Key("power", _percent(first.power.estimate), _between(first.power)),
                Key("type I error", _percent(first.type_one.estimate), _between(first.type_one)),
                Key("people, on average", f"{first.mean_people:.0f}", f"of {2 * wanted.people}"),
                Key("trials", str(wanted.replicates), f"{wanted.trial.weeks} weeks each"),
                Key(
                    "prednisone spared", f"{saved['estimate']:.0f} mg", f"{saved['low']:.0f} to {saved['high']:.0f} mg"
                ),
            )
        )
        text = (
            f"In {wanted.replicates} simulated trials of {wanted.people} people an arm, {first.label.lower()} differed "
            f"significantly in {_percent(first.power.estimate)} ({_between(first.power)}). These numbers hold for the "
            "model and its parameters; they forecast what a trial would find if the model is right."
        )
        over = power_over_sets(first.by_set)
        if over.n > 1:
            text += (
                f" Over {over.n} sets of parameters the power is {_percent(over.estimate)} on average, and "
                f"{_between(over)} in the middle 95 % of them."
            )
        frame = self._table()
        from abate.report.tables import table

        limits = [
            "Power from a model is conditional on the model: it does not include the chance that the model is wrong.",
            "The type I error is estimated by comparing control arms of different replicates.",
        ]
        if not wanted.varied and not wanted.plausible:
            limits.append("Parameters were held at their best values; --plausible or --vary gives the others.")
        honesty = Honesty(
            provenance={
                "trial": wanted.trial.name,
                "model": wanted.trial.model_name,
                "seed": str(wanted.seed),
                "people": str(2 * wanted.people * wanted.replicates),
            },
            calibrated=self._published(calibrated=True),
            predicted=self._published(calibrated=False),
            limits=tuple(limits),
        )
        return Report(
            title=f"Virtual trials: {wanted.trial.title}",
            kind="Trial design",
            sections=(
                Section("The design", (keys, Prose(text))),
                Section(
                    "By endpoint", (Table("endpoints", table(frame, caption="Operating characteristics"), data=frame),)
                ),
                Section("By size", self._sizes()),
                Section("What stands behind this", (honesty,)),
            ),
        )

    def _published(self, *, calibrated: bool) -> tuple[str, ...]:
        rows = [row for row in self.wanted.trial.published if row.calibrated is calibrated]
        return tuple(f"{row.target}, {row.arm} ({row.source})" for row in rows)

    def _sizes(self) -> tuple[Any, ...]:
        import pandas as pd

        from abate.report.figures import blank
        from abate.report.page import Figure

        rows = [(n, one.estimate, one.low, one.high) for n, one in self.primary.by_size]
        data = pd.DataFrame(rows, columns=["people_an_arm", "power", "low", "high"])
        figure = blank("People in each arm", "Power (%)")
        figure.add_scatter(x=data["people_an_arm"], y=100 * data["power"], mode="lines+markers", name="power")
        caption = "Power by the number of people, from the same simulated people; the CSV holds the intervals."
        return (Figure("size", figure, caption=caption, alt="Power rises with the number of people.", data=data),)

    def _table(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "Endpoint": one.label,
                    "Test": one.test,
                    "Power": f"{_percent(one.power.estimate)} ({_between(one.power)})",
                    "Type I error": f"{_percent(one.type_one.estimate)} ({_between(one.type_one)})",
                    "Bias": f"{one.bias:.3g}" if abs(one.bias) > 1e-9 else "0",
                    "Coverage of 95 %": _percent(one.coverage.estimate),
                }
                for one in self.results
            ]
        )


def check_endpoint(wanted: Replicates, endpoint: str | None) -> str:
    """Return the endpoint that decides: as given, or the trial's first.

    Raises
    ------
    InputError
        When the trial has no such endpoint.
    """
    names = list(wanted.trial.endpoints)
    chosen = names[0] if endpoint is None else endpoint
    if chosen not in names:
        hint = did_you_mean(chosen, names)
        raise InputError("--endpoint", "the trial has no such endpoint", value=chosen, allowed=names, hint=hint)
    return chosen


def analyse(
    rows: pd.DataFrame,
    wanted: Replicates,
    design: SequentialDesign,
    *,
    endpoint: str | None = None,
    accrual: float = 0.0,
) -> VirtualTrials:
    """Analyse replicate trials by every endpoint that is defined for everybody, the deciding one first.

    Parameters
    ----------
    rows : DataFrame
        From `abate.design.virtual.run.run`.
    wanted : Replicates
    design : SequentialDesign
    endpoint : str, optional
        The one that decides.
    accrual : float
        Weeks over which people enter evenly.
    """
    first = check_endpoint(wanted, endpoint)
    others = [name for name in wanted.trial.endpoints if name != first]
    whole = [name for name in others if kind_of(name, wanted) == "time" or not rows[name].isna().any()]
    results = tuple(characteristics(rows, wanted, design, name) for name in [first, *whole])
    failed = int(rows["failure"].notna().sum())
    return VirtualTrials(wanted, design, results, spared(rows, wanted), failed, accrual)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _between(one: Any) -> str:
    return f"{100 * one.low:.1f} to {100 * one.high:.1f} %"
