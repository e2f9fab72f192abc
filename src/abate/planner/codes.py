"""How other programs name what a record holds: LOINC, ICD-10 and words, from the library."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from abate.ground.files import library_path, load_toml
from abate.ground.quantity import Grade
from abate.ground.schema import read
from abate.science.regimen.drugs import drugs

__all__ = ["ICD10", "LOINC", "codes", "disease_of", "drug_in", "measure_of"]

LOINC = "http://loinc.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"


class Codes(BaseModel):
    """The library's table."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str = Field(min_length=1)
    grade: Grade
    loinc: dict[str, tuple[str, ...]]
    icd10: dict[str, tuple[str, ...]]
    words: dict[str, tuple[str, ...]]


@cache
def codes() -> Codes:
    """Return the table.

    Examples
    --------
    >>> codes().loinc["crp"][0]
    '1988-5'
    """
    return read(Codes, load_toml(library_path("plans", "codes.toml")))


def measure_of(concept: Any) -> str | None:
    """Return what a CodeableConcept measures, by code, else by its own words; None where it is nothing of a record.

    Examples
    --------
    >>> measure_of({"coding": [{"system": "http://loinc.org", "code": "1988-5"}]}), measure_of({"text": "fatigue"})
    ('crp', 'fatigue')
    """
    coded = {c.get("code") for c in _codings(concept) if c.get("system") == LOINC}
    for name, known in codes().loinc.items():
        if coded & set(known):
            return name
    return _text(concept) or None


def disease_of(concept: Any) -> str | None:
    """Return the disease of a CodeableConcept, by ICD-10 or by words.

    Examples
    --------
    >>> disease_of({"coding": [{"code": "M35.3"}]}), disease_of({"text": "Giant cell arteritis"}), disease_of({})
    ('pmr', 'gca', None)
    """
    coded = [str(c.get("code", "")) for c in _codings(concept) if c.get("system") in (None, ICD10) or "icd" in str(c)]
    for name, known in codes().icd10.items():
        if any(code == k or code.startswith(f"{k}.") for code in coded for k in known):
            return name
    said = " ".join([_text(concept), *(str(c.get("display", "")).casefold() for c in _codings(concept))])
    return next((name for name, words in codes().words.items() if any(w in said for w in words)), None)


def drug_in(text: str) -> str | None:
    """Return the drug of the library that a product's name holds.

    Examples
    --------
    >>> drug_in("predniSONE 5 MG Oral Tablet"), drug_in("Kevzara 200 mg pen"), drug_in("Metformin 500")
    ('prednisone', 'sarilumab', None)
    """
    said = text.casefold()
    spelt = [(spelling, known.name) for known in drugs().values() for spelling in (known.name, *known.names)]
    for spelling, name in sorted(spelt, key=lambda pair: -len(pair[0])):
        if re.search(rf"(?<![a-z]){re.escape(spelling)}(?![a-z])", said):
            return name
    return None


def _codings(concept: Any) -> list[dict[str, Any]]:
    found = concept.get("coding") if isinstance(concept, dict) else None
    return [c for c in found if isinstance(c, dict)] if isinstance(found, list) else []


def _text(concept: Any) -> str:
    return str(concept.get("text") or "").strip().casefold() if isinstance(concept, dict) else ""
