"""A second scorer, written plainly and by hand from the questionnaires' rules: no instrument file, no fractions.

It shares nothing with the shipped one, so that a mistake in either shows as a disagreement.
"""

from __future__ import annotations

Answers = dict[str, float | None]
Result = dict[str, float | bool | None]


def fiqr(a: Answers, policy: str) -> Result:
    def domain(first: int, last: int, divisor: float, may_miss: int) -> float | None:
        given = [a.get(f"fiqr/{k}") for k in range(first, last + 1)]
        there = [v for v in given if v is not None]
        if not there or (policy == "strict" and len(given) - len(there) > may_miss):
            return None
        return sum(there) * len(given) / len(there) / divisor

    function, overall, symptoms = domain(1, 9, 3, 1), domain(10, 11, 1, 0), domain(12, 21, 2, 0)
    total = None
    if function is not None and overall is not None and symptoms is not None:
        total = function + overall + symptoms
    return {"function": function, "overall": overall, "symptoms": symptoms, "total": total}


_REGIONS = [
    ["shoulder-left", "upper-arm-left", "lower-arm-left"],
    ["shoulder-right", "upper-arm-right", "lower-arm-right"],
    ["hip-left", "upper-leg-left", "lower-leg-left"],
    ["hip-right", "upper-leg-right", "lower-leg-right"],
    ["neck", "upper-back", "lower-back"],
]
_AREAS = [area for region in _REGIONS for area in region] + ["jaw-left", "jaw-right", "chest", "abdomen"]
_SYMPTOMS = ["fatigue", "unrefreshed", "cognition", "headache", "abdomen", "depression"]


def _all_or_none(values: list[float | None]) -> float | None:
    return None if any(v is None for v in values) else float(sum(v for v in values if v is not None))


def fibromyalgia(a: Answers, year: int) -> Result:
    wpi = _all_or_none([a.get(f"wpi/{area}") for area in _AREAS])
    sss = _all_or_none([a.get(f"sss/{name}") for name in _SYMPTOMS])
    out: Result = {"wpi": wpi, "sss": sss, "total": None if wpi is None or sss is None else wpi + sss}
    lowest = 4 if year == 2016 else 3
    # A verdict is known when every way to fill what is missing gives the same.
    widths = range(20) if wpi is None else [wpi]
    severities = range(13) if sss is None else [sss]
    out["scores-met"] = _agreed(
        [(w >= 7 and s >= 5) or (lowest <= w <= 6 and s >= 9) for w in widths for s in severities]
    )
    months = a.get("fibromyalgia/duration-months")
    conditions: list[bool | None] = [out["scores-met"], None if months is None else months >= 3]  # type: ignore[list-item]
    if year == 2016:
        touched: list[bool | None] = []
        for region in _REGIONS:
            marks = [a.get(f"wpi/{area}") for area in region]
            touched.append(True if 1 in marks else None if None in marks else False)
        out["regions"] = None if None in touched else float(sum(bool(t) for t in touched))
        conditions.append(None if None in touched else sum(bool(t) for t in touched) >= 4)
    else:
        other = a.get("fibromyalgia/other-disorder")
        conditions.append(None if other is None else other == 0)
    out["criteria-met"] = _and(conditions)
    return out


def _agreed(verdicts: list[bool]) -> bool | None:
    return verdicts[0] if all(v == verdicts[0] for v in verdicts) else None


def _and(conditions: list[bool | None]) -> bool | None:
    if any(c is False for c in conditions):
        return False
    return None if any(c is None for c in conditions) else True


def pmr_as(a: Answers) -> Result:
    crp, patient, physician = a.get("crp"), a.get("pmr-as/vas-patient"), a.get("pmr-as/vas-physician")
    stiffness, elevation = a.get("pmr-as/stiffness"), a.get("pmr-as/elevation")
    clinical = total = None
    if patient is not None and physician is not None and stiffness is not None and elevation is not None:
        clinical = patient + physician + 0.1 * stiffness + elevation
        total = None if crp is None else clinical + crp / 10
    # Rounded to what an answer in tenths can differ by, so that a double's last bit does not decide a cut-off.
    exact = None if total is None else round(total, 6)
    return {
        "clinical": clinical,
        "total": total,
        "remission": None if exact is None else exact <= 1.5,
        "flare-level": None if exact is None else exact >= 9.35,
    }


def classification(a: Answers) -> Result:
    def of(name: str) -> float | None:
        return a.get(f"pmr-2012/{name}")

    stiffness, rf, joints = of("stiffness"), of("rf-or-acpa"), of("other-joints")
    base = [
        None if stiffness is None else 2.0 * (stiffness > 45),
        of("hip"),
        None if rf is None else 2.0 * (rf == 0),
        None if joints is None else 1.0 * (joints == 0),
    ]
    shoulders, hip = of("shoulders-with-lesion"), of("hip-lesion")
    if shoulders == 0 or hip == 0:
        one_of_each: float | None = 0.0
    else:
        one_of_each = None if shoulders is None or hip is None else 1.0
    both = None if shoulders is None else 1.0 * (shoulders == 2)
    points, with_ultrasound = _all_or_none(base), _all_or_none([*base, one_of_each, both])
    age, aching, abnormal = of("age"), of("bilateral-shoulder-aching"), of("abnormal-crp-or-esr")
    required = [None if age is None else age >= 50] + [None if v is None else v == 1 for v in (aching, abnormal)]
    return {
        "total": points,
        "points-with-ultrasound": with_ultrasound,
        "classified": _and([*required, None if points is None else points >= 4]),
        "classified-with-ultrasound": _and([*required, None if with_ultrasound is None else with_ultrasound >= 5]),
    }


_SECTIONS = {
    "dressing": 2,
    "arising": 2,
    "eating": 3,
    "walking": 2,
    "hygiene": 3,
    "reach": 2,
    "grip": 3,
    "activities": 3,
}


def haq_di(a: Answers, policy: str) -> Result:
    plain: list[float] = []
    aided: list[float] = []
    for section, questions in _SECTIONS.items():
        answers = [v for k in range(1, questions + 1) if (v := a.get(f"haq-di/{section}-{k}")) is not None]
        if answers:
            worst = max(answers)
            plain.append(worst)
            aided.append(max(worst, 2) if a.get(f"haq-di/{section}-aid") else worst)
    enough = len(plain) >= (7 if policy == "strict" else 6)
    return {
        "total": sum(aided) / len(aided) if enough else None,
        "without-aids": sum(plain) / len(plain) if enough else None,
    }


def facit_fatigue(a: Answers, policy: str) -> Result:
    total = count = 0.0
    for k in range(1, 14):
        answer = a.get(f"facit-fatigue/{k}")
        if answer is not None:
            total += answer if k in (7, 8) else 4 - answer
            count += 1
    enough = count == 13 or (policy == "prorate" and count > 6.5)
    return {"total": total * 13 / count if enough else None}


def sf36(a: Answers) -> Result:
    def recoded(k: int) -> float | None:
        x = a.get(f"sf-36/{k}")
        if x is None:
            return None
        if k in (1, 2, 20, 22, 34, 36):
            return 100 - 25 * (x - 1)
        if 3 <= k <= 12:
            return 50 * (x - 1)
        if 13 <= k <= 19:
            return 100 * (x - 1)
        if k in (21, 23, 26, 27, 30):
            return 100 - 20 * (x - 1)
        return 20 * (x - 1) if k in (24, 25, 28, 29, 31) else 25 * (x - 1)

    scales = {
        "physical-function": range(3, 13),
        "role-physical": range(13, 17),
        "role-emotional": range(17, 20),
        "energy": (23, 27, 29, 31),
        "well-being": (24, 25, 26, 28, 30),
        "social": (20, 32),
        "pain": (21, 22),
        "general-health": (1, 33, 34, 35, 36),
    }
    out: Result = {}
    for name, numbers in scales.items():
        values = [v for k in numbers if (v := recoded(k)) is not None]
        out[name] = sum(values) / len(values) if values else None
    return out


def giacta(a: Answers) -> Result:
    symptoms, esr, crp = a.get("giacta/symptoms"), a.get("esr"), a.get("crp")
    treated, due = a.get("giacta/needs-treatment"), a.get("giacta/esr-due-to-gca")
    quiet = [
        None if symptoms is None else symptoms == 0,
        None if esr is None else esr < 30,
        None if crp is None else crp < 10,
    ]
    from_esr = _and([None if esr is None else esr >= 30, None if due is None else due == 1])
    if symptoms == 1 or from_esr:
        sign: bool | None = True
    else:
        sign = None if symptoms is None or from_esr is None else False
    return {
        "remission": _and(quiet),
        "flare-a": None if symptoms is None else symptoms == 1,
        "flare-b": _and([sign, None if treated is None else treated == 1]),
    }


def omeract(a: Answers) -> Result:
    def any_of(*names: str) -> bool:
        return any(a.get(name) is not None for name in names)

    inflammation, pain = any_of("esr", "crp"), any_of("pain", "pmr-as/vas-patient")
    stiff, function = any_of("pmr-as/stiffness"), any_of("haq-di")
    return {
        "systemic-inflammation": inflammation,
        "pain-recorded": pain,
        "fatigue": any_of("facit-fatigue"),
        "core-set-complete": inflammation and pain and stiff and function,
    }
