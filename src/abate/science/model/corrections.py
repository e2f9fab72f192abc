"""Named corrections of published model files: what is wrong in a deposited file, and what to load instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.ground.quantity import GRADES, Grade
from abate.science.model.model import Model

__all__ = ["Correction", "correct", "corrections"]


@dataclass(frozen=True)
class Correction:
    """A known defect of a deposited model file.

    Attributes
    ----------
    name : str
        ``dwivedi-2014/antibody-affinity``.
    defect, correction : str
        What is wrong, and what is done about it.
    source, grade : str
        Who says so, and how far to trust it.
    values : dict of parameter to number
        In the unit of the file, parameters as the file shows them to people; empty where nothing can be done.
    """

    name: str
    defect: str
    correction: str
    source: str
    grade: Grade
    values: Mapping[str, float] = field(default_factory=dict)


def corrections() -> dict[str, Correction]:
    """Return every known defect of every known file, by name.

    Examples
    --------
    >>> corrections()["dwivedi-2014/antibody-affinity"].values
    {'kIL6RUnbind': 2540.0}
    """
    found = {}
    for path in sorted(library_path("corrections").glob("*.toml")):
        document = load_toml(path)
        for key, row in document.data.items():
            if not isinstance(row, dict):
                continue
            if row.get("grade") not in GRADES:
                raise document.error((key, "grade"), "this is no grade", value=row.get("grade"), allowed=GRADES)
            name = f"{path.stem}/{key}"
            values = {parameter: float(value) for parameter, value in row.get("values", {}).items()}
            found[name] = Correction(name, row["defect"], row["correction"], row["source"], row["grade"], values)
    return found


def correct(model: Model, name: str) -> Model:
    """Return a model with a named correction.

    Parameters
    ----------
    model : Model
        Loaded from a user's file.
    name : str
        One of `corrections`.

    Raises
    ------
    InputError
        If there is no such correction, if nothing can be done about the defect, or if the model has other parameters.
    """
    known = corrections()
    if name not in known:
        able = [key for key, entry in known.items() if entry.values]
        raise InputError(
            model.name, "there is no such correction", value=name, allowed=able, hint=did_you_mean(name, known)
        )
    entry = known[name]
    if not entry.values:
        raise InputError(model.name, f"this defect has no correction ({entry.correction})", value=name)
    parameters = dict(model.parameters)
    for label, value in entry.values.items():
        key = model.resolve(label)
        parameters[key] = replace(parameters[key], value=value, source=entry.source, grade=entry.grade)
    return replace(model, name=f"{model.name}, {name}", parameters=parameters)
