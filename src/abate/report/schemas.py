"""JSON Schemas of results.json and of the files that people write, made from the code that reads them."""

from __future__ import annotations

from typing import Any

__all__ = ["results_schema", "schemas"]

NUMBER: dict[str, Any] = {"type": ["number", "null"]}


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by name.

    Examples
    --------
    >>> sorted(schemas())
    ['instrument', 'policy', 'population', 'results', 'taper', 'trial']
    """
    from pydantic import TypeAdapter

    from abate.science.instruments.definition import Instrument
    from abate.science.policy.file import PolicyFile
    from abate.science.population.covariates import UNITS, Distribution
    from abate.science.regimen.taper_file import TaperFile
    from abate.trial.protocol import Trial

    one = TypeAdapter(Distribution).json_schema(ref_template="#/$defs/{model}")
    definitions = one.pop("$defs", {})
    by_sex = {"type": "object", "properties": {"female": one, "male": one}, "required": ["female", "male"]}
    population = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "disease": {"type": "string"},
            **{name: {"anyOf": [one, by_sex]} for name in UNITS},
        },
        "required": list(UNITS),
        "$defs": definitions,
    }
    made = {
        "trial": Trial.model_json_schema(),
        "taper": TaperFile.model_json_schema(),
        "policy": PolicyFile.model_json_schema(),
        "instrument": Instrument.model_json_schema(),
        "population": population,
        "results": results_schema(),
    }
    head = "https://json-schema.org/draft/2020-12/schema"
    return {name: {"$schema": head, "title": f"abate {name}", **schema} for name, schema in made.items()}


def results_schema() -> dict[str, Any]:
    """Return the schema of results.json."""
    estimate = {
        "type": "object",
        "description": "an estimate with its interval; null where it is not defined",
        "properties": {
            "estimate": NUMBER,
            "low": NUMBER,
            "high": NUMBER,
            "level": {"type": "number", "minimum": 0, "maximum": 1},
            "n": {"type": "integer", "minimum": 0},
            "method": {"type": "string"},
            "events": {"type": "integer", "minimum": 0, "description": "numerator of a proportion"},
            "p": NUMBER,
        },
        "required": ["estimate", "low", "high", "level", "n", "method"],
    }
    row = {
        "type": "object",
        "properties": {
            "target": {"type": "string"},
            "source": {"type": "string"},
            "grade": {"enum": ["verified", "derived", "calibrated", "assumed", "unverified"]},
            "published": NUMBER,
            "predicted": NUMBER,
            "low": NUMBER,
            "high": NUMBER,
            "inside": {"type": "boolean"},
            "calibrated": {"type": "boolean"},
        },
        "required": [
            "target", "source", "grade", "published", "predicted", "low", "high", "inside", "calibrated",
        ],
    }  # fmt: skip
    exposure = {
        "type": "object",
        "properties": {
            "mean": NUMBER,
            "sd": NUMBER,
            "unit": {"type": "string"},
            "accumulation": {**NUMBER, "description": "ratio of means, last interval over first"},
        },
        "required": ["mean", "sd", "unit", "accumulation"],
    }

    def many(what: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": what}

    ref = {"$ref": "#/$defs/estimate"}
    arm = {"type": "object", "properties": {"label": {"type": "string"}, "endpoints": many(ref)}}
    visits = {"type": "object", "properties": {"visits": many(ref)}}
    return {
        "type": "object",
        "properties": {
            "abate": {"type": "string", "description": "version"},
            "kind": {"type": "string"},
            "seed": {"type": ["integer", "null"]},
            "arms": {"anyOf": [many({"anyOf": [arm, {"type": "integer"}]}), {"type": "array"}]},
            "measures": many(visits),
            "responders": many(visits),
            "scoreboard": {"type": "array", "items": {"$ref": "#/$defs/row"}},
            "exposure": {"type": "object", "description": "cmax, cmin and auc; by target where there are several"},
            "scores": {"type": "object"},
            "parameters": {"type": "object"},
            "options": {"type": "object"},
            "design": {"type": "object"},
        },
        "required": ["abate", "kind", "seed"],
        "$defs": {"estimate": estimate, "row": row, "exposure": exposure},
    }
