"""From a checked file to a value: pydantic's findings as one clear line with file, line and key."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from abate.ground.errors import InputError
from abate.ground.files import Document, did_you_mean
from abate.ground.schema import in_words

__all__ = ["StrictModel", "validated"]

M = TypeVar("M", bound=BaseModel)


class StrictModel(BaseModel):
    """A group of keys of a file: no unknown keys, no silent conversion from text to number, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def validated(document: Document, model: type[M]) -> M:
    """Check a document against a model of its keys.

    Raises
    ------
    InputError
        For the first finding: file, line, key, value, what is allowed; a misspelt key with the nearest one.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise _first(document, model, error) from error


def _first(document: Document, model: type[BaseModel], error: ValidationError) -> InputError:
    found = error.errors(include_url=False)
    extra = [e for e in found if e["type"] == "extra_forbidden"]
    finding = (extra or found)[0]  # a misspelt key explains a missing one, not the other way round
    *above, last = finding["loc"] or ("",)
    named = [last] if finding["type"] in ("extra_forbidden", "missing") else [p for p in (last,) if not _is_tag(p)]
    key = tuple(part for part in above if not _is_tag(part)) + tuple(named)
    if finding["type"] == "extra_forbidden":
        names = _keys(document, model, key[:-1])
        return document.error(key, "there is no such key", allowed=names, hint=did_you_mean(str(key[-1]), names))
    if finding["type"] == "missing":
        return document.error(key[:-1], f"the key {key[-1]!r} is missing", hint="add it")
    value = finding["input"]
    return document.error(
        key, in_words(finding), **({} if isinstance(value, (dict, list, tuple)) else {"value": value})
    )


def _is_tag(part: str | int) -> bool:
    """Whether a part of a finding's place is the name of a type tried there, not a key of the file."""
    return isinstance(part, str) and ("[" in part or "function" in part)


def _keys(document: Document, model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """Return the keys allowed at a path, by walking the model's JSON schema."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    node = schema
    for part in path:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        if not node and isinstance(part, str):
            node = schema.get("additionalProperties", {}) or {}
        options = [node, *node.get("anyOf", [])]
        node = next((definitions[o["$ref"].split("/")[-1]] for o in options if "$ref" in o), node)
        node = next((o for o in node.get("anyOf", []) if o.get("type") == "array"), node)
        if isinstance(node.get("additionalProperties"), dict) and "properties" not in node:
            inner = node["additionalProperties"]
            node = {**node, "properties": _Any(definitions.get(inner.get("$ref", "").split("/")[-1], inner))}
    return sorted(node.get("properties", {}))


class _Any(dict):  # type: ignore[type-arg]
    """Properties of a mapping with free keys: every key leads to the same schema."""

    def __init__(self, schema: object) -> None:
        super().__init__()
        self.schema = schema

    def get(self, key: object, default: object = None) -> object:
        return self.schema
