"""A statistical analysis plan skeleton, with its estimands as in ICH E9(R1).

References
----------
ICH E9(R1) addendum on estimands and sensitivity analysis in clinical trials, 2019.
Gamble C, et al. Guidelines for the content of statistical analysis plans in clinical trials. JAMA 2017;318:2337-2343.
"""

from __future__ import annotations

from abate.design.plan import Plan
from abate.design.protocol.file import DesignFile, Estimand
from abate.design.protocol.sample_size import paragraph

__all__ = ["STRATEGIES", "estimands_of", "sap"]

STRATEGIES = {
    "treatment-policy": "the value is used whether or not it happens",
    "hypothetical": "the value that would have been seen without it; later values are set to missing and imputed",
    "composite": "it counts as not responding",
    "while-on-treatment": "values up to it are used",
    "principal-stratum": "only people in whom it would not happen are in the population",
}


def estimands_of(design: DesignFile, made: Plan) -> tuple[Estimand, ...]:
    """Return the estimands of the file, or the two that this field needs when it names none.

    Rescue with a glucocorticoid is the event that matters: under the treatment policy it is part of the care compared;
    hypothetically, the drug is asked to work without it.
    """
    if design.estimands:
        return design.estimands
    summary = {
        "responders": "difference of proportions",
        "time-to-flare": "hazard ratio",
        "ordered-outcome": "common odds ratio",
        "win-ratio": "win ratio",
    }.get(made.comparison.endpoint if made.comparison else "", "difference of means")
    shared = {
        "population": f"everybody randomised, with {design.disease}",
        "variable": f"{design.endpoint.name} at week {design.endpoint.week}",
        "summary": summary,
        "treatment": f"{design.treatment.label} against {design.control.label}",
    }
    stop = "stopping the trial drug"
    rescue = "rescue medication"
    return (
        Estimand(
            name="treatment policy", intercurrent={stop: "treatment-policy", rescue: "treatment-policy"}, **shared
        ),
        Estimand(
            name="hypothetical for rescue", intercurrent={stop: "treatment-policy", rescue: "hypothetical"}, **shared
        ),
    )


def sap(design: DesignFile, made: Plan, size: str | None = None) -> str:
    """Return the statistical analysis plan as Markdown; `size` as in `abate.design.protocol.spirit.spirit`."""
    parts = [
        f"# Statistical analysis plan: {design.title}",
        "## Objectives",
        f"{_aim(design, made)} {design.control.label} in {design.endpoint.name} at week {design.endpoint.week}.",
        "## Sample size",
        size or paragraph(made),
        "## Estimands",
        *(_estimand(e) for e in estimands_of(design, made)),
        "## Populations",
        "- **Intention to treat** (ITTFL): everybody randomised, as randomised.\n"
        "- **Safety** (SAFFL): everybody who took the trial drug, as taken.",
        "## Primary analysis",
        _primary(design, made),
        "## Interim analyses",
        _interim(made),
        "## Missing data",
        _missing(design, made),
        "## Secondary endpoints",
        _secondary(design),
        "## Software",
        f"abate {_version()}; the same statistics that analyse any Study analyse this one: `abate analyse STUDY`.",
    ]
    return "\n\n".join(parts) + "\n"


def _aim(design: DesignFile, made: Plan) -> str:
    if made.comparison is not None and made.comparison.non_inferior:
        return f"Non-inferiority of {design.treatment.label} to"
    return f"Superiority of {design.treatment.label} over"


def _estimand(estimand: Estimand) -> str:
    rows = [
        f"### {estimand.name[0].upper()}{estimand.name[1:]}",
        "",
        "| attribute | |",
        "| --- | --- |",
        f"| treatment | {estimand.treatment} |",
        f"| population | {estimand.population} |",
        f"| variable | {estimand.variable} |",
    ]
    rows += [
        f"| intercurrent event: {event} | {strategy.replace('-', ' ')}: {STRATEGIES[strategy]} |"
        for event, strategy in estimand.intercurrent.items()
    ]
    return "\n".join([*rows, f"| summary | {estimand.summary} |"])


def _primary(design: DesignFile, made: Plan) -> str:
    text = design.analysis.primary or (made.comparison.method if made.comparison else "*to be written*")
    sides = "two" if made.sequential.sided == 2 else "one"
    adjusted = f" Adjusted for {', '.join(design.analysis.covariates)}." if design.analysis.covariates else ""
    strata = (
        f" Strata of the randomisation: {', '.join(design.randomisation.strata)}."
        if design.randomisation.strata
        else ""
    )
    carried = ""
    if design.is_crossover:
        carried = (
            " The period effect is estimated and cancels. Carry-over is shown with its interval; no analysis is chosen "
            "by its test, and data of the second period are never left out because of it."
        )
    when = " over all looks" if made.sequential.looks > 1 else ""
    level = f"{sides}-sided at {made.sequential.alpha:g}{when}"
    return f"{text[0].upper()}{text[1:]}, {level}.{adjusted}{strata}{carried}"


def _interim(made: Plan) -> str:
    if made.sequential.looks == 1:
        return "None."
    lines = ["| look | information | people | z | nominal p | error spent |", "| --- | --- | --- | --- | --- | --- |"]
    for row in made.looks():
        cells = [str(row["look"]), f"{row['information']:.3f}", str(row.get("total", "")), f"{row['z']:.4f}"]
        cells += [f"{row['nominal_p']:.5f}", f"{row['cumulative_alpha']:.5f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _missing(design: DesignFile, made: Plan) -> str:
    kind = made.comparison.endpoint if made.comparison else ""
    kind = f"crossover of {kind}" if design.is_crossover else kind
    reference = (
        "reference-based multiple imputation (jump to reference, copy reference) of values after stopping the drug"
    )
    usual = {
        "ordered-outcome": (
            "multiple imputation from people of the arm, or of the control, who stood at the same category before",
            "best and worst case, and the worst category for everybody missing",
            "tipping point: how bad a category the missing on treatment may have been for the result to stand",
        ),
        "crossover of change": (
            "only people with both periods, by their differences",
            "whoever lacks a period taken to have had no benefit",
        ),
        "crossover of responders": ("best and worst case, and everybody missing taken not to respond",),
        "win-ratio": (
            "best and worst case: comparisons that missing values hide taken for wins of the treatment, and for losses",
            "everybody missing taken to lose",
        ),
        "time-to-flare": ("everybody who left the treatment arm early counted as having had the event then",),
    }.get(
        kind,
        (
            reference,
            "tipping point: how much worse the missing values on treatment would have to be for the result to turn",
        ),
    )
    first = {
        "crossover of change": "People of whom one period was seen are in a mixed model of both, missing at random.",
        "crossover of responders": "People who lack a period are left out.",
        "win-ratio": "In the primary analysis a comparison that a missing value hides is a tie.",
        "time-to-flare": "The primary analysis assumes that leaving tells nothing of the event to come.",
    }.get(kind, "The primary analysis assumes values missing at random.")
    given = design.analysis.sensitivity or usual
    return "\n".join([f"{first} That is tested by:", "", *(f"- {g}" for g in given)])


def _secondary(design: DesignFile) -> str:
    if not design.secondary:
        return "*To be written.*"
    return "\n".join(
        f"- {e.name}, week {e.week}; estimated with its interval, without a claim" for e in design.secondary
    )


def _version() -> str:
    from abate.ground.version import __version__

    return __version__
