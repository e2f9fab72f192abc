"""A protocol skeleton in the order of SPIRIT 2013: filled where the design file knows, and asking where it does not.

References
----------
Chan AW, Tetzlaff JM, Altman DG, et al. SPIRIT 2013 statement. Ann Intern Med 2013;158:200-207.
"""

from __future__ import annotations

from collections.abc import Callable

from abate.design.plan import Plan
from abate.design.protocol.file import DesignFile
from abate.design.protocol.sample_size import paragraph
from abate.design.protocol.visits import schedule_markdown

__all__ = ["spirit"]

STEROIDS = (
    "Nobody on a glucocorticoid stops or lowers it abruptly for this trial: after weeks of treatment the adrenal "
    "glands need time, and any taper, rescue dose and stress cover is written here and decided by the treating "
    "clinician."
)

# SPIRIT item -> what it asks, shown where the file has no answer.
ITEMS: tuple[tuple[str, str, str], ...] = (
    ("1", "Title", ""),
    ("2", "Trial registration", "registry and number; the registration data set"),
    ("3", "Protocol version", "date and version"),
    ("4", "Funding", "sources and kinds of support"),
    ("5", "Roles and responsibilities", "contributors, sponsor, committees"),
    ("6", "Background and rationale", "the question, the evidence so far, why this comparator"),
    ("7", "Objectives", ""),
    ("8", "Trial design", ""),
    ("9", "Study setting", "centres and countries"),
    ("10", "Eligibility criteria", "inclusion and exclusion"),
    ("11", "Interventions", ""),
    ("12", "Outcomes", ""),
    ("13", "Participant timeline", ""),
    ("14", "Sample size", ""),
    ("15", "Recruitment", "how enough people are reached"),
    ("16", "Allocation", ""),
    ("17", "Blinding", "who is blinded, how, and when the code may be broken"),
    (
        "18",
        "Data collection methods",
        "instruments, training, how people are kept in follow-up after stopping the drug",
    ),
    ("19", "Data management", "entry, coding, security, storage"),
    ("20", "Statistical methods", ""),
    ("21", "Data monitoring", ""),
    ("22", "Harms", ""),
    ("23", "Auditing", "how often, and by whom"),
    ("24", "Research ethics approval", "committee"),
    ("25", "Protocol amendments", "how changes are communicated"),
    ("26", "Consent or assent", "who obtains it, and how"),
    ("27", "Confidentiality", "how personal data are kept"),
    ("28", "Declaration of interests", "of the investigators"),
    ("29", "Access to data", "who may see the final data set"),
    ("30", "Ancillary and post-trial care", "treatment after the trial; compensation for harm"),
    ("31", "Dissemination policy", "publication, authorship, data and code sharing"),
    ("32", "Informed consent materials", "form and information sheet"),
    ("33", "Biological specimens", "collection, storage, genetic analysis"),
)


def spirit(design: DesignFile, made: Plan, size: str | None = None) -> str:
    """Return the protocol skeleton as Markdown; `size` is the sample-size paragraph, if it says more than the plan."""
    known: dict[str, Callable[[DesignFile, Plan], str]] = {
        "1": lambda d, p: d.title + ".",
        "6": lambda d, p: d.background,
        "7": _objectives,
        "8": _trial_design,
        "10": _eligibility,
        "11": _interventions,
        "12": _outcomes,
        "13": lambda d, p: schedule_markdown(d),
        "14": lambda d, p: size or paragraph(p),
        "16": _allocation,
        "20": _statistics,
        "21": _monitoring,
        "22": _harms,
    }
    parts = [
        f"# {design.title}",
        "",
        "Protocol skeleton in the order of SPIRIT 2013. For research; not a prescription.",
        "",
    ]
    for number, title, asks in ITEMS:
        text = known[number](design, made).strip() if number in known else ""
        parts += [f"## {number}. {title}", "", text or f"*To be written: {asks}.*", ""]
    return "\n".join(parts)


def _objectives(design: DesignFile, made: Plan) -> str:
    better = "no worse" if made.comparison and made.comparison.non_inferior else "better"
    return (
        f"To find out whether {design.treatment.label} is {better} than {design.control.label} in {design.disease}, "
        f"by {design.endpoint.name} at week {design.endpoint.week}."
    )


def _trial_design(design: DesignFile, made: Plan) -> str:
    wanted = made.request
    layout = {"parallel": "parallel-group", "paired": "single-arm", "crossover": "crossover"}[wanted.layout]
    looks = f", with {made.sequential.looks} planned analyses" if made.sequential.looks > 1 else ""
    ratio = f", allocation {wanted.ratio:g}:1" if made.treatment else ""
    aim = "non-inferiority" if made.comparison and made.comparison.non_inferior else "superiority"
    periods = ""
    if design.is_crossover:
        wash = f", {design.washout} weeks of wash-out between them" if design.washout else ", without a wash-out"
        periods = f": two periods of {design.visits.weeks[-1]} weeks{wash}; people are randomised to the order"
    return f"Randomised {layout} {aim} trial over {design.weeks} weeks{periods}{ratio}{looks}."


def _eligibility(design: DesignFile, made: Plan) -> str:
    if not design.include and not design.exclude:
        return ""
    lines = ["Included are people with:", "", *(f"- {line}" for line in design.include)]
    return "\n".join([*lines, "", "Not included are people with:", "", *(f"- {line}" for line in design.exclude)])


def _interventions(design: DesignFile, made: Plan) -> str:
    arms = [f"- **{a.label}** {a.regimen}".rstrip() for a in (design.treatment, design.control)]
    return "\n".join([*arms, "", STEROIDS])


def _outcomes(design: DesignFile, made: Plan) -> str:
    first = design.endpoint
    lines = [f"Primary: {first.name} at week {first.week}. {first.definition}".rstrip()]
    if design.secondary:
        lines += [
            "",
            "Secondary:",
            "",
            *(f"- {e.name}, week {e.week}. {e.definition}".rstrip() for e in design.secondary),
        ]
    return "\n".join(lines)


def _allocation(design: DesignFile, made: Plan) -> str:
    chosen = design.randomisation
    strata = f", stratified by {', '.join(chosen.strata)}" if chosen.strata else ""
    if chosen.method == "minimisation":
        chance = f"the balancing arm with probability {chosen.probability:g}"
        way = f"by minimisation over {', '.join(chosen.strata)} ({chance})"
    else:
        # Block sizes stay out of the protocol that sites read.
        way = f"in randomly permuted blocks of varying size{strata}"
    return (
        f"**Sequence (16a).** People are allocated {way}. The list is drawn from a secret seed.\n\n"
        "**Concealment (16b).** Sites receive kit numbers only; the sealed list is held by the unblinded pharmacist or "
        "the central system, and a hash of it is published before the first person is randomised.\n\n"
        "**Implementation (16c).** *To be written: who generates the list, who enrols, who assigns.*"
    )


def _statistics(design: DesignFile, made: Plan) -> str:
    return "See the statistical analysis plan. " + (
        design.analysis.primary or (made.comparison.method if made.comparison else "")
    )


def _monitoring(design: DesignFile, made: Plan) -> str:
    if made.sequential.looks == 1:
        return "No interim analysis is planned. *To be written: the data monitoring committee, or why none is needed.*"
    rows = ["| look | information | stop for a difference, z | nominal p |", "| --- | --- | --- | --- |"]
    rows += [
        f"| {row['look']} | {row['information']:.3f} | {row['z']:.4f} | {row['nominal_p']:.5f} |"
        for row in made.looks()
    ]
    return "A data monitoring committee sees the unblinded data at each look; nobody else does.\n\n" + "\n".join(rows)


def _harms(design: DesignFile, made: Plan) -> str:
    lines = [f"- {line}" for line in design.safety]
    return "\n".join([*lines, "", STEROIDS] if lines else ["*To be written: which harms, how sought.*", "", STEROIDS])
