"""The sample-size paragraph of a protocol, from the design itself, so that text and numbers cannot part."""

from __future__ import annotations

from abate.design.assurance import Assurance
from abate.design.pilot import Pilot, PilotChange
from abate.design.plan import Plan

__all__ = ["paragraph"]


def paragraph(made: Plan, *, pilot: Pilot | None = None, assured: Assurance | None = None) -> str:
    """Return the paragraph.

    Parameters
    ----------
    made : Plan
    pilot, assured : optional
        When the effect comes from a pilot.

    Examples
    --------
    >>> from abate.design.plan import plan
    >>> from abate.design.request import request
    >>> print(paragraph(plan(request(control=0.25, treatment=0.5, dropout=0.1))))
    The trial is to find 50 % responders on treatment against 25 % on control. With a power of 90 % and a two-sided
    type I error of 0.05 (chi-squared test, pooled variance under the null) 154 people are to be analysed: 77 on control
    and 77 on treatment. Allowing for 10 % lost, 172 people are randomised: 86 to control and 86 to treatment. The
    effect is assumed.
    """
    sentences = [_effect(made), _people(made), *_looks(made), *_dropout(made), _source(made)]
    if pilot is not None and assured is not None:
        sentences += _pilot(pilot, assured)
    return " ".join(sentence for sentence in sentences if sentence)


def _effect(made: Plan) -> str:
    return f"The trial is to find {made.comparison.sentence()}." if made.comparison else ""


def _people(made: Plan) -> str:
    wanted, design = made.request, made.sequential
    sides = "two-sided" if design.sided == 2 else "one-sided"
    errors = f"a power of {100 * wanted.power:.3g} % and a {sides} type I error of {design.alpha:g}"
    if made.comparison is None:
        return f"With {errors}, the largest sample size is {design.inflation:.3f} times that of a trial without looks."
    arms = f": {made.control} on control and {made.treatment} on treatment" if made.treatment else ""
    text = f"With {errors} ({made.comparison.method}) {made.total} people are to be analysed{arms}"
    events = made.comparison.events(made.control, made.treatment)
    return text + (f", in whom {events:.0f} events are expected." if events is not None else ".")


def _looks(made: Plan) -> list[str]:
    design = made.sequential
    if design.looks == 1:
        return []
    shares = ", ".join(f"{100 * share:.3g}" for share in design.information)
    bounds = ", ".join(f"{z:.3f}" for z in design.upper)
    statistic = "|z|" if design.sided == 2 and design.futility is None else "z"
    text = [
        f"The data are analysed {design.looks} times, at {shares} % of the information.",
        f"The trial stops for a difference when {statistic} exceeds {bounds} ({design.boundary}).",
    ]
    if design.futility is not None:
        low = ", ".join(f"{z:.3f}" for z in design.lower[:-1])
        text.append(f"It may stop for futility when z falls below {low} ({design.futility}).")
    if made.comparison is not None:
        expected = made.expected()
        text.append(
            f"On average {expected['effect']:.0f} people are needed if the effect is as assumed and "
            f"{expected['null']:.0f} if there is none."
        )
    return text


def _dropout(made: Plan) -> list[str]:
    lost = made.request.dropout
    if not lost or made.comparison is None:
        return []
    control, treatment = made.randomised
    arms = f": {control} to control and {treatment} to treatment" if treatment else ""
    return [f"Allowing for {100 * lost:.3g} % lost, {control + treatment} people are randomised{arms}."]


def _source(made: Plan) -> str:
    if made.comparison is None:
        return ""
    assume = made.request.assume
    return f"The effect is {assume.grade}: {assume.source}." if assume.source else f"The effect is {assume.grade}."


def _pilot(pilot: Pilot, assured: Assurance) -> list[str]:
    seen = (
        f"a mean change of {pilot.raw + pilot.control:.3g} (standard deviation {pilot.sd:.3g})"
        if isinstance(pilot, PilotChange)
        else f"{pilot.responders} responders"
    )
    return [
        f"The pilot saw {seen} in {pilot.n} people, without a control group: it cannot tell the drug from placebo "
        f"response and regression to the mean, so {100 * (1 - pilot.kept):.3g} % of the effect was given up "
        f"(a prior of no effect worth {pilot.prior_people:g} people).",
        f"Averaged over what the pilot leaves possible, the chance that this trial succeeds is "
        f"{100 * assured.shrunk:.0f} % (assurance); it could not exceed {100 * assured.ceiling:.0f} % with any number "
        f"of people. Its own estimate would have promised {100 * min(assured.power_at_raw, 0.9999):.4g} %.",
    ]
