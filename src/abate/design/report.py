"""The report of a design: what it needs, when it stops, how sure it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.design.assurance import Assurance
from abate.design.pilot import Pilot
from abate.design.plan import Plan, describe
from abate.design.protocol.sample_size import paragraph
from abate.design.report_after import after_stopping, simulated

if TYPE_CHECKING:
    from abate.report.page import Part, Report

__all__ = ["design_report"]


def design_report(
    made: Plan,
    *,
    title: str = "Design of a randomised trial",
    pilot: Pilot | None = None,
    assured: Assurance | None = None,
    body: Mapping[str, Any] | None = None,
    more: tuple[Any, ...] = (),
) -> Report:
    """Return the report.

    Parameters
    ----------
    made : Plan
    title : str
    pilot, assured : optional
        When the effect comes from a pilot.
    body : mapping, optional
        What results.json holds, for what was simulated and where the trial stopped.
    more : tuple of Section
        Further sections, such as the protocol's.
    """
    from abate.report.page import Honesty, Key, Keys, Prose, Report, Section

    keys = Keys(tuple(Key(label, value, detail) for label, value, detail in _numbers(made, assured)))
    sections = [Section("The design", (keys, Prose(paragraph(made, pilot=pilot, assured=assured))))]
    if made.sequential.looks > 1:
        sections.append(Section("When the trial stops", _looks(made)))
        sections.append(after_stopping(made, (body or {}).get("stopped")))
    sections.append(Section("How power depends on the effect", _power(made)))
    if assured is not None:
        sections.append(Section("How sure the pilot makes us", _assurance(made, assured)))
    sections += simulated(body or {})
    limits = (
        "Sizes rest on normal approximations of the test statistics, except where an exact test is named.",
        "The assumed effect is the least certain number of any design.",
    )
    sections += [*more, Section("What stands behind this", (Honesty(limits=limits, provenance=_provenance(made)),))]
    facts = {name.capitalize(): words for name, words in describe(made).items()}
    return Report(title=title, kind="Trial design", sections=tuple(sections), facts=facts)


def _numbers(made: Plan, assured: Assurance | None) -> list[tuple[str, str, str]]:
    rows = []
    if made.comparison is not None:
        control, treatment = made.randomised
        arms = f"{control} control, {treatment} treatment" if treatment else "everybody gets both"
        rows.append(("to randomise", str(control + treatment), arms))
        rows.append(("power", f"{100 * made.attained_power:.1f} %", f"type I error {made.sequential.alpha:g}"))
    if made.sequential.looks > 1:
        unit = "people" if made.comparison else "of the fixed design"
        expected = made.expected()
        shown = f"{expected['effect']:.0f}" if made.comparison else f"{expected['effect']:.3f}"
        rows.append(("expected when it works", shown, unit))
        rows.append(("inflation by the looks", f"{made.sequential.inflation:.4f}", "largest size over the fixed one"))
    if assured is not None:
        rows.append(
            ("assurance", f"{100 * assured.shrunk:.0f} %", f"at most {100 * assured.ceiling:.0f} % with any size")
        )
    return rows


def _provenance(made: Plan) -> dict[str, str]:
    from abate.ground.version import __version__

    return {"abate": __version__, "seed": str(made.request.seed), "assumptions": made.request.assume.grade}


def _looks(made: Plan) -> tuple[Part, ...]:
    import pandas as pd

    from abate.report.figures import blank
    from abate.report.page import Figure, Prose, Table
    from abate.report.tables import table

    design = made.sequential
    frame = pd.DataFrame(made.looks())
    shares = 100 * design.information
    figure = blank("Share of the information (%)", "z")
    figure.add_scatter(x=shares, y=design.upper, mode="lines+markers", name="stop: a difference")
    if design.futility is not None:
        figure.add_scatter(x=shares[:-1], y=design.lower[:-1], mode="lines+markers", name="stop: futility")
    elif design.sided == 2:
        figure.add_scatter(x=shares, y=design.lower, mode="lines+markers", name="stop: a difference the other way")
    names = {
        "look": "Look",
        "information": "Information",
        "z": "z",
        "nominal_p": "Nominal p",
        "cumulative_alpha": "Error spent",
        "cumulative_power": "Power so far",
        "futility_z": "Futility z",
        "total": "People",
        "events": "Events",
    }
    shown = frame[[column for column in names if column in frame]].rename(columns=names)
    first = float(np.cumsum(design.crossing(design.drift).stopped)[0])
    return (
        Prose(
            f"If the effect is as assumed, the trial ends at its first look with a probability of {100 * first:.0f} %.",
            role="reading",
        ),
        Table("looks", table(shown, caption="Boundaries at each look"), data=frame),
        Figure(
            "boundaries",
            figure,
            caption="The statistic beyond which the trial stops, by how much of the information has come in.",
            alt=f"Boundaries at {design.looks} looks, from z = {design.upper[0]:.2f} to {design.upper[-1]:.2f}.",
        ),
    )


def _power(made: Plan) -> tuple[Part, ...]:
    import pandas as pd

    from abate.report.figures import blank
    from abate.report.page import Figure

    share = np.linspace(0.0, 1.6, 33)
    drift = made.sequential.drift
    power = [100 * made.sequential.power_at(float(s) * drift) for s in share]
    scale = float(made.total) if made.comparison else made.sequential.inflation
    people = [scale * made.sequential.expected_share(float(s) * drift) for s in share]
    figure = blank("True effect, as a share of the assumed one (%)", "Power (%)")
    figure.add_scatter(x=100 * share, y=power, mode="lines", name="power")
    data = pd.DataFrame({"share_of_effect": share, "power": np.array(power) / 100, "expected_size": people})
    half = float(np.interp(0.5, share, power))
    return (
        Figure(
            "power",
            figure,
            caption=f"Power by the true effect. With half of the assumed effect it is {half:.0f} %.",
            alt=f"Power rises with the true effect; at half of the assumed effect it is {half:.0f} %.",
            data=data,
        ),
    )


def _assurance(made: Plan, assured: Assurance) -> tuple[Part, ...]:
    import pandas as pd

    from abate.report.figures import blank
    from abate.report.page import Figure, Prose

    data = pd.DataFrame(assured.people, columns=["total", "assurance"])
    figure = blank("People analysed", "Chance of success (%)")
    figure.add_scatter(x=data["total"], y=100 * data["assurance"], mode="lines+markers", name="assurance")
    ceiling = 100 * assured.ceiling
    figure.add_scatter(
        x=[0, data["total"].max()], y=[ceiling, ceiling], mode="lines", name="ceiling", line={"dash": "dot"}
    )
    text = (
        f"At the pilot's own estimate the power would be {100 * min(assured.power_at_raw, 0.9999):.4g} %; over "
        f"everything that the pilot leaves possible it is {100 * assured.raw:.0f} %, and {100 * assured.shrunk:.0f} % "
        "once the missing control group is paid for by shrinkage."
    )
    caption = (
        f"Assurance by the number of people; no number exceeds {math.floor(ceiling)} %. This design has {made.total}."
    )
    return (
        Prose(text, role="reading"),
        Figure("assurance", figure, caption=caption, alt="Assurance rises with the people and levels off.", data=data),
    )
