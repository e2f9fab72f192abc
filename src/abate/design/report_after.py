"""Parts of a design's report on what happens once it runs: after a stop, and in simulated trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from abate.design.plan import Plan

if TYPE_CHECKING:
    from abate.report.page import Part, Section

__all__ = ["after_stopping", "simulated"]


def after_stopping(made: Plan, stopped: Mapping[str, Any] | None) -> Section:
    """Return what the trial would say if it stopped on its boundary, and what one says that did stop."""
    import pandas as pd

    from abate.report.page import Prose, Section, Table
    from abate.report.tables import table

    rows = made.stops()
    text = (
        "A trial that stops early stops because its estimate is large: the usual estimate is then too large, and the "
        "usual interval covers too seldom. What is reported instead is the p of the stage-wise ordering, the "
        "median-unbiased estimate with its interval, and the repeated interval, which holds at every look. On the "
        f"boundary itself they would be these ({made.effect_name})."
    )
    frame = pd.DataFrame(
        [
            {
                "Look": row["look"],
                "z": row["z"],
                "p (one-sided)": row["p_one_sided"],
                "Usual estimate": row["naive"]["estimate"],
                "Median-unbiased estimate": row["median_unbiased"]["estimate"],
                "Interval": _between(row["median_unbiased"]),
                "Repeated interval": _between(row["repeated"]),
            }
            for row in rows
        ]
    )
    parts: list[Part] = [Prose(text), Table("after-stopping", table(frame, caption="On the boundary"), data=frame)]
    if stopped is not None:
        parts.insert(0, Prose(sentence(stopped, made.effect_name), role="reading"))
    return Section("What it says when it stops early", tuple(parts))


def sentence(found: Mapping[str, Any], name: str) -> str:
    """Return what a trial says after a look, in words."""
    here = f"At look {found['look']}, with z = {found['z']:.4g}, "
    repeated = f"the repeated interval of the {name} runs {_between(found['repeated'])}"
    if found["decision"] == "goes on":
        chance = f"conditional power {found['conditional_power']:.3f} on the trend so far"
        return f"{here}the trial goes on ({chance}); {repeated}."
    why = {
        "efficacy": "the trial stops: there is a difference",
        "harm": "the trial stops: there is a difference the other way",
        "futility": "the trial may stop for futility",
        "no difference": "the trial ends without a difference",
    }[found["decision"]]
    middle = found["median_unbiased"]
    return (
        f"{here}{why}. One-sided p {found['p_one_sided']:.4g} (stage-wise ordering); {name} "
        f"{middle['estimate']:.4g}, {100 * middle['level']:.4g} % interval {_between(middle)} (median-unbiased), where "
        f"the usual estimate would say {found['naive']['estimate']:.4g}; {repeated}."
    )


def simulated(body: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the section of the simulated trials, when there were any."""
    from abate.report.page import Prose, Section

    sections = []
    if "simulated" in body:
        found = body["simulated"]
        sections.append(Section("In simulated trials", (_operating(found, "This design"),)))
    if "adaptive" in body:
        found = body["adaptive"]
        settings = ", ".join(f"{key} {_setting(value)}" for key, value in found["settings"].items())
        name = found["name"].replace("-", " ")
        parts = (_operating(found, name.capitalize()), Prose(f"Settings: {settings}."))
        sections.append(Section(f"The adaptive version: {name}", parts))
    return tuple(sections)


def _operating(found: Mapping[str, Any], name: str) -> Part:
    import pandas as pd

    from abate.report.page import Table
    from abate.report.tables import table

    rows = []
    for truth, label in (("null", "no effect"), ("effect", "the assumed effect")):
        one = found[truth]
        rate = one["rejected"]
        rows.append(
            {
                "Truth": label,
                "Rejected (%)": 100 * rate["estimate"],
                "95 % interval": f"{100 * rate['low']:.2f} to {100 * rate['high']:.2f}",
                "Nominal (%)": 100 * found["nominal_error"] if truth == "null" else None,
                "Mean size": one["mean_people"],
                "Bias of the estimate": one["bias"],
            }
        )
    frame = pd.DataFrame(rows)
    return Table("simulated", table(frame, caption=f"{name}: {found['trials']} simulated trials each"), data=frame)


def _between(one: Mapping[str, Any]) -> str:
    # What the integration leaves of a zero is no number to show.
    low, high = (0.0 if abs(value) < 1e-9 else value for value in (one["low"], one["high"]))
    return f"{low:.4g} to {high:.4g}"


def _setting(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(f"{float(one):.4g}" for one in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
