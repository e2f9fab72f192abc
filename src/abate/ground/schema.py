"""A parsed file becomes a checked value; what is wrong is said with file, line, key, value and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from abate.ground.errors import InputError
from abate.ground.files import Document, did_you_mean

__all__ = ["explain", "in_words", "read"]

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], document: Document, key: Iterable[str | int] = ()) -> M:
    """Check a document, or the part of it at a key path, against a pydantic model.

    Raises
    ------
    InputError
        For the first thing that is wrong.

    Examples
    --------
    >>> class Step(BaseModel, extra="forbid"):
    ...     mg: float
    >>> read(Step, Document("taper.yaml", {"mg": 5}))
    Step(mg=5.0)
    >>> read(Step, Document("taper.yaml", {"mgg": 5}))
    Traceback (most recent call last):
    abate.ground.errors.InputError: taper.yaml, mgg: there is no such key; allowed: mg; did you mean 'mg'?
    """
    place = tuple(key)
    data: Any = document.data
    for part in place:
        data = data[part]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise explain(model, document, error, place) from error


def explain(model: Any, document: Document, error: ValidationError, place: tuple[str | int, ...] = ()) -> InputError:
    """Turn a validation error into one line. A misspelt key goes before the missing one that it stands for."""
    found = error.errors()
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    # A discriminated union puts its tag into the path, which is no key of the file.
    data: Any = document.data
    for part in place:
        data = data[part]
    key = (*place, *_keys(first["loc"], data))
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, tuple(first["loc"][:-1]))
        return document.error(key, "there is no such key", allowed=known, hint=did_you_mean(str(key[-1]), known))
    if first["type"] == "missing":
        return document.error(key[:-1], f"the key {str(key[-1])!r} is missing")
    value = first.get("input")
    details = {} if isinstance(value, (dict, list, tuple)) else {"value": value}
    cause = (first.get("ctx") or {}).get("error")
    deeper = cause.__cause__ if isinstance(cause, ValueError) else None
    if isinstance(deeper, InputError):
        return document.error(key, deeper.problem, value=deeper.value, allowed=deeper.allowed, hint=deeper.hint)
    return document.error(key, in_words(first), **details)


_SHAPES = {
    "extra_forbidden": "there is no such key",
    "missing": "this is missing",
    "tuple_type": "here should stand a list, as in [a, b] or lines that begin with -",
    "list_type": "here should stand a list, as in [a, b] or lines that begin with -",
    "dict_type": "here should stand keys with values, as in key: value",
    "model_type": "here should stand keys with values, as in key: value",
    "model_attributes_type": "here should stand keys with values, as in key: value",
    "string_type": "here should stand text; put a number or a date into quotes",
    "bool_type": "here should stand true or false",
    "bool_parsing": "here should stand true or false",
    "int_type": "here should stand a whole number",
    "int_parsing": "here should stand a whole number",
    "int_from_float": "here should stand a whole number",
    "float_type": "here should stand a number",
    "float_parsing": "here should stand a number",
    "finite_number": "here should stand a finite number",
    "date_from_datetime_parsing": "here should stand a date, as in 2026-11-02",
    "date_parsing": "here should stand a date, as in 2026-11-02",
    "date_type": "here should stand a date, as in 2026-11-02",
    "too_short": "here is less than is needed",
    "string_too_short": "here should stand some text",
    "string_pattern_mismatch": "this does not have the right form",
}


def in_words(finding: Mapping[str, Any]) -> str:
    """Say a finding of pydantic's in words that a file's author knows.

    Examples
    --------
    >>> in_words({"type": "tuple_type", "msg": "Input should be a valid tuple"})
    'here should stand a list, as in [a, b] or lines that begin with -'
    >>> in_words({"type": "greater_than", "msg": "Input should be greater than 0"})
    'it should be greater than 0'
    """
    kind = str(finding["type"])
    if (finding.get("ctx") or {}).get("pattern") == r"^[a-z][a-z0-9-]*$":
        return "a name has small letters, digits and hyphens, and begins with a letter"
    if kind in _SHAPES:
        return _SHAPES[kind]
    message = str(finding["msg"]).removeprefix("Value error, ").replace("Input should be", "it should be")
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _keys(path: Iterable[str | int], data: Any) -> tuple[str | int, ...]:
    path = list(path)
    kept: list[str | int] = []
    for index, part in enumerate(path):
        inside = isinstance(data, (dict, list)) and (
            (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int))
        )
        if inside or index == len(path) - 1:
            kept.append(part)
            data = data[part] if inside and not (isinstance(data, list) and part >= len(data)) else None  # type: ignore[operator]
    return tuple(kept)


def _fields_at(model: Any, key: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the file may have at a place."""
    here = model
    for part in key:
        here = _model_in(here)
        if here is not None and part in here.model_fields:
            here = here.model_fields[str(part)].annotation
        elif isinstance(part, int):
            continue
    found = _model_in(here)
    return list(found.model_fields) if found else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the pydantic model inside an annotation such as ``dict[str, Arm]`` or ``Arm | None``."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, BaseModel) else None
    return next((m for m in map(_model_in, get_args(annotation)) if m is not None), None)
