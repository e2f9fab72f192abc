"""The variables of the ADaM datasets: name, label, type, length, and what must stand in every row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ADEFF", "ADSL", "ADTTE", "Variable", "crossed", "strata", "with_strata"]


@dataclass(frozen=True)
class Variable:
    """One variable.

    Attributes
    ----------
    name, label : str
        At most 8 and 40 characters.
    type : {'Char', 'Num'}
    length : int
        Bytes: 8 for a number, at most 200 for text.
    format : str
        ``DATE9.`` for a date.
    required : bool
        Never empty.
    """

    name: str
    label: str
    type: Literal["Char", "Num"]
    length: int = 8
    format: str = ""
    required: bool = True

    @property
    def is_date(self) -> bool:
        """Whether it holds dates."""
        return self.format == "DATE9."

    def problems(self, values: pd.Series[Any]) -> Iterator[str]:
        """Yield what is wrong with a column."""
        if len(self.name) > 8 or not self.name.isalnum() or self.name != self.name.upper():
            yield "not a name of 8 capitals and digits"
        if len(self.label) > 40:
            yield "the label has more than 40 characters"
        kind = str(values.dtype)
        if self.is_date and not kind.startswith("datetime"):
            yield f"not dates but {kind}"
        if not self.is_date and self.type == "Num" and kind not in ("float64", "int64"):
            yield f"not numbers but {kind}"
        if self.type == "Char":
            long = values.map(lambda v: len(str(v).encode())).max()
            if long > self.length:
                yield f"{long} bytes do not fit in {self.length}"
        empty = values.isna() | (values.map(lambda v: v == "") if self.type == "Char" else False)
        if self.required and bool(empty.any()):
            yield f"empty in {int(empty.sum())} rows"

    def as_dict(self) -> dict[str, Any]:
        """Return what define.json holds."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "length": self.length,
            "format": self.format,
            "required": self.required,
        }

    def dataset_json(self, dataset: str) -> dict[str, Any]:
        """Return the column of CDISC Dataset-JSON 1.1."""
        kind = "date" if self.is_date else "double" if self.type == "Num" else "string"
        column: dict[str, Any] = {
            "itemOID": f"IT.{dataset}.{self.name}",
            "name": self.name,
            "label": self.label,
            "dataType": kind,
        }
        if self.type == "Char":
            column["length"] = self.length
        return column


def _char(name: str, label: str, length: int, *, required: bool = True) -> Variable:
    return Variable(name, label, "Char", length, required=required)


def _number(name: str, label: str, *, required: bool = True) -> Variable:
    return Variable(name, label, "Num", required=required)


def _date(name: str, label: str) -> Variable:
    return Variable(name, label, "Num", 8, "DATE9.")


def strata(factors: int) -> tuple[Variable, ...]:
    """Return the variables of so many stratification factors, as the ADaM Implementation Guide names them.

    Examples
    --------
    >>> [variable.name for variable in strata(2)]
    ['STRATAR', 'STRAT1D', 'STRAT1R', 'STRAT2D', 'STRAT2R']
    """
    if not factors:
        return ()
    each = [
        variable
        for w in range(1, factors + 1)
        for variable in (
            _char(f"STRAT{w}D", f"Description of Stratification Factor {w}", 200),
            _char(f"STRAT{w}R", f"Strat Factor {w} Value Used for Rand", 200),
        )
    ]
    return (_char("STRATAR", "Strata Used for Randomization", 200), *each)


def with_strata(specification: tuple[Variable, ...], factors: int) -> tuple[Variable, ...]:
    """Return a dataset's variables with those of its strata, after the population flags."""
    place = 1 + max(k for k, variable in enumerate(specification) if variable.name == "ITTFL")
    return (*specification[:place], *strata(factors), *specification[place:])


def crossed(dataset: str) -> tuple[Variable, ...]:
    """Return the variables that a crossover of two periods adds to ADSL or to a BDS dataset.

    Examples
    --------
    >>> [variable.name for variable in crossed("ADEFF")]
    ['APERIOD', 'APERIODC']
    """
    if dataset == "ADSL":
        return (
            _char("TRTSEQP", "Planned Sequence of Treatments", 200),
            _char("TRTSEQA", "Actual Sequence of Treatments", 200),
            _char("TRT02P", "Planned Treatment for Period 02", 60),
            _number("TRT02PN", "Planned Treatment for Period 02 (N)"),
            _char("TRT02A", "Actual Treatment for Period 02", 60),
            _date("TR01SDT", "Date of First Exposure in Period 01"),
            _date("TR02SDT", "Date of First Exposure in Period 02"),
        )
    if dataset == "ADEFF":
        return (_number("APERIOD", "Period"), _char("APERIODC", "Period (C)", 10))
    return ()


_WHO = (
    _char("STUDYID", "Study Identifier", 40),
    _char("USUBJID", "Unique Subject Identifier", 60),
)
_FLAGS = (
    _char("SAFFL", "Safety Population Flag", 1),
    _char("ITTFL", "Intent-To-Treat Population Flag", 1),
)
_TREATED = (
    _char("SUBJID", "Subject Identifier for the Study", 20),
    _char("ARM", "Description of Planned Arm", 80),
    _char("TRTP", "Planned Treatment", 60),
    _char("TRTA", "Actual Treatment", 60),
    _char("TRT01P", "Planned Treatment for Period 01", 60),
    _char("TRT01A", "Actual Treatment for Period 01", 60),
    _date("TRTSDT", "Date of First Exposure to Treatment"),
)

ADSL = (
    *_WHO,
    _char("SUBJID", "Subject Identifier for the Study", 20),
    _char("SITEID", "Study Site Identifier", 10),
    _number("AGE", "Age", required=False),
    _char("AGEU", "Age Units", 6),
    _char("SEX", "Sex", 1),
    _char("ARM", "Description of Planned Arm", 80),
    _char("ACTARM", "Description of Actual Arm", 80),
    _char("TRT01P", "Planned Treatment for Period 01", 60),
    _number("TRT01PN", "Planned Treatment for Period 01 (N)"),
    _char("TRT01A", "Actual Treatment for Period 01", 60),
    _date("TRTSDT", "Date of First Exposure to Treatment"),
    *_FLAGS,
    _char("EOSSTT", "End of Study Status", 12),
)

ADEFF = (
    *_WHO,
    *_TREATED,
    *_FLAGS,
    _char("PARAM", "Parameter", 200),
    _char("PARAMCD", "Parameter Code", 8),
    _number("AVAL", "Analysis Value"),
    _number("BASE", "Baseline Value", required=False),
    _number("CHG", "Change from Baseline", required=False),
    _number("PCHG", "Percent Change from Baseline", required=False),
    _char("ABLFL", "Baseline Record Flag", 1, required=False),
    _char("ANL01FL", "Analysis Flag 01", 1),
    _char("AVISIT", "Analysis Visit", 40),
    _number("AVISITN", "Analysis Visit (N)"),
    _date("ADT", "Analysis Date"),
    _number("ADY", "Analysis Relative Day"),
)

ADTTE = (
    *_WHO,
    *_TREATED,
    *_FLAGS,
    _char("PARAM", "Parameter", 200),
    _char("PARAMCD", "Parameter Code", 8),
    _number("AVAL", "Analysis Value"),
    _number("CNSR", "Censor"),
    _date("STARTDT", "Time to Event Origin Date for Subject"),
    _date("ADT", "Analysis Date"),
    _char("EVNTDESC", "Event or Censoring Description", 200),
    _char("CNSDTDSC", "Censor Date Description", 200, required=False),
)
