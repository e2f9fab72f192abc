"""Find a model by name or path, join equations and numbers, check them, freeze."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError, UnitError
from abate.ground.files import did_you_mean, library_path, load_toml
from abate.science.model.antimony_text import antimony_to_sbml
from abate.science.model.corrections import correct
from abate.science.model.equations import Equations, constants_of
from abate.science.model.model import Covariate, Input, Model, Output, Parameter
from abate.science.model.numbers import Numbers, read_numbers
from abate.science.model.sbml_import import read_sbml
from abate.science.model.unit_check import check_units

__all__ = ["available", "load", "sbml_text"]

_SUFFIXES = (".ant", ".xml", ".sbml")


def available() -> dict[str, list[str]]:
    """Return the models of the library, each with the names of its sets of numbers.

    Examples
    --------
    >>> "ra" in available()["tocilizumab"]
    True
    """
    names: dict[str, list[str]] = {p.stem: [] for p in sorted(library_path("models").glob("*.ant"))}
    for path in sorted(library_path("parameters").glob("*.toml")):
        model, _, numbers = path.stem.partition("-")
        if model in names and numbers:
            names[model].append(numbers)
    return {name: sets for name, sets in names.items() if sets}


def load(name: str | Path, numbers: str | Path | None = None) -> Model:
    """Load a model.

    Parameters
    ----------
    name : str or Path
        An entry of the library with its set of numbers, ``model/set`` (``il6_blockade/gca``, ``tocilizumab/ra``;
        without a set, the default one); after a comma, sets for single modules instead of their own
        (``il6_blockade/gca, tocilizumab/moes``); or the path of a user's ``.ant``, ``.xml`` or ``.sbml`` file; after a
        comma, corrections of its known defects (``BIOMD0000000537.xml, dwivedi-2014/antibody-affinity``).
    numbers : str or Path, optional
        For a user's file, its parameter TOML; without it, a ``.toml`` of the same name beside the file, if any.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        If there is no such model, or its equations, numbers or units do not hold together.

    Examples
    --------
    >>> model = load("tocilizumab/ra")
    >>> model.parameters["CL"].value, model.parameters["CL"].unit
    (0.3, 'L/day')
    >>> model.doses[("tocilizumab", "sc")].state
    'depot'
    """
    text = str(name)
    path, *wanted = [text] if Path(text).is_file() else [part.strip() for part in text.split(",")]
    if path.endswith(_SUFFIXES):
        model = _load_file(Path(path), None if numbers is None else Path(numbers))
        for correction in wanted:
            model = correct(model, correction)
        return model
    if numbers is not None:
        raise InputError("numbers", "a set of the library is chosen by name", value=text, allowed="model/set")
    entry, *others = [part.strip() for part in text.split(",")]
    return _load_entry(_entry_name(entry), tuple(_entry_name(other) for other in others))


def _entry_name(text: str) -> tuple[str, str]:
    model, _, chosen = text.partition("/")
    sets = available()
    if model not in sets:
        hint = did_you_mean(model, sets)
        raise InputError("model", "there is no such model", value=text, allowed=sorted(sets), hint=hint)
    if not chosen:
        chosen = _default(model, sets[model])
    if chosen not in sets[model]:
        allowed = [f"{model}/{s}" for s in sets[model]]
        problem = "there is no such set of numbers" if chosen else "this model has several sets of numbers: choose one"
        raise InputError("model", problem, value=text, allowed=allowed, hint=did_you_mean(text, allowed))
    return model, chosen


def _default(model: str, sets: list[str]) -> str:
    """Return the set that a model is read with when none is named: the only one, or the one that says so."""
    if len(sets) == 1:
        return sets[0]
    files = {chosen: library_path("parameters", f"{model}-{chosen}.toml") for chosen in sets}
    return next((chosen for chosen, path in files.items() if load_toml(path).data.get("default")), "")


@lru_cache(maxsize=32)
def _load_entry(entry: tuple[str, str], others: tuple[tuple[str, str], ...]) -> Model:
    model, chosen = entry
    path = library_path("models", f"{model}.ant")
    equations = read_sbml(antimony_to_sbml(path, where=f"models/{path.name}"), f"models/{path.name}")
    numbers, modules = _library_numbers(model, chosen, _names(equations), dict(others))
    name = ", ".join("/".join(part) for part in (entry, *others))
    return _join(equations, numbers, name=name, modules=modules, strict=True)


def _load_file(path: Path, numbers: Path | None) -> Model:
    where = path.name
    if not path.is_file():
        raise InputError(str(path), "there is no such file", hint="check the name")
    if path.suffix == ".ant":
        text = antimony_to_sbml(path, where=where)
    else:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(str(path), "the file is not UTF-8 text", hint="save it as UTF-8") from error
    equations = read_sbml(text, where)
    beside = path.with_suffix(".toml")
    chosen = numbers or (beside if beside.is_file() else None)
    said = read_numbers(load_toml(chosen), strict=False) if chosen else Numbers()
    return _join(equations, said, name=path.stem, modules=(), strict=False)


def sbml_text(entry: str) -> str:
    """Return the flat SBML of a library model (``tocilizumab``) without numbers, as Antimony writes it."""
    return antimony_to_sbml(library_path("models", f"{entry}.ant"), where=f"models/{entry}.ant")


def _names(equations: Equations) -> set[str]:
    return {*equations.rates, *equations.assignments, *equations.values}


def _library_numbers(
    model: str, chosen: str, names: set[str], instead: Mapping[str, str]
) -> tuple[Numbers, tuple[str, ...]]:
    """Read a set with what it extends; a composed model's modules bring their own sets, or others asked for instead."""
    document = load_toml(library_path("parameters", f"{model}-{chosen}.toml"))
    own, base = read_numbers(document, strict=True), document
    while "extends" in base.data:
        base = load_toml(library_path("parameters", f"{base.data['extends']}.toml"))
        own = own.over(read_numbers(base, strict=True))
    modules = document.data.get("modules", {})
    total = Numbers()
    brought = {prefix: _entry_name(entry) for prefix, entry in modules.items()}
    for other in instead:
        if other not in {module for module, _ in brought.values()}:
            allowed = sorted({module for module, _ in brought.values()}) or "no other sets: it has no modules"
            raise InputError(f"{model}/{chosen}", "this model has no such module", value=other, allowed=allowed)
    for prefix, (module, own_set) in brought.items():
        part, _ = _library_numbers(module, instead.get(module, own_set), names, {})
        total = _prefixed(part, prefix, names).over(total)
    return own.over(total), tuple(modules)


def _prefixed(numbers: Numbers, prefix: str, names: set[str]) -> Numbers:
    """Give the names of a module the form they have in the whole: ``prefix_name``, or the name itself where shared."""

    def full(name: str) -> str:
        return name if name in names and f"{prefix}_{name}" not in names else f"{prefix}_{name}"

    def renamed(table: Mapping[str, Any], **words: bool) -> dict[str, Any]:
        return {full(k): replace(v, name=full(k)) if hasattr(v, "name") else v for k, v in table.items()}

    doses = {
        key: replace(
            target,
            state=full(target.state),
            bioavailability=target.bioavailability and full(target.bioavailability),
            rate_input=target.rate_input and full(target.rate_input),
        )
        for key, target in numbers.doses.items()
    }

    def input_of(entry: Input) -> Input:
        return replace(
            entry,
            name=full(entry.name),
            sd=entry.sd and full(entry.sd),
            time_constant=entry.time_constant and full(entry.time_constant),
            rate=entry.rate and full(entry.rate),
            size=entry.size and full(entry.size),
        )

    inputs = {full(k): input_of(v) for k, v in numbers.inputs.items()}
    return replace(
        numbers,
        parameters=renamed(numbers.parameters),
        observation=dict(numbers.observation),
        inputs=inputs,
        outputs=renamed(numbers.outputs),
        doses=doses,
        correlations={(full(a), full(b)): rho for (a, b), rho in numbers.correlations.items()},
        units={full(k): v for k, v in numbers.units.items()},
        quasi_steady=tuple(full(name) for name in numbers.quasi_steady),
    )


def _join(equations: Equations, numbers: Numbers, *, name: str, modules: tuple[str, ...], strict: bool) -> Model:
    """Put equations and numbers together and check that nothing is missing or left over."""
    defined = {*equations.rates, *equations.assignments}
    used = constants_of([*equations.rates.values(), *equations.assignments.values(), *equations.initial.values()])
    inputs = {k: v for k, v in numbers.inputs.items() if k not in defined}
    # A user may ask for any number of the file, also one that no equation uses (the size of a compartment).
    spare = set() if strict else {key for key, value in equations.values.items() if value is not None}
    wanted = sorted((used | spare) - defined - set(inputs))
    warnings = list(numbers.warnings)
    parameters: dict[str, Parameter] = {}
    for key in wanted:
        parameters[key] = _constant(key, equations, numbers, name, strict, warnings)
    for need in _needed_beside(numbers, inputs):
        if need in parameters:
            continue
        if need not in numbers.parameters:
            raise InputError(name, "this parameter has no number", value=need, hint="add it to [parameters]")
        parameters[need] = numbers.parameters[need]
    _refuse_leftovers(numbers, parameters, defined, equations.rates, name)
    labels = {**equations.labels}
    units = {**equations.units, **numbers.units}
    units = {k: v for k, v in units.items() if k in defined}
    units |= {k: o.unit for k, o in numbers.outputs.items() if o.unit}
    outputs = _outputs(equations, numbers, defined, labels, name)
    everything = {**units, **{k: p.unit for k, p in parameters.items()}, **{k: i.unit for k, i in inputs.items()}}
    time_unit = "day" if strict else (equations.time_unit or "")
    _check_units(equations, everything, time_unit, name, strict, warnings)
    return Model(
        name=name,
        states=tuple(equations.rates),
        rates=dict(equations.rates),
        assignments=dict(equations.assignments),
        parameters=parameters,
        inputs=inputs,
        initial=dict(equations.initial),
        doses=dict(numbers.doses),
        outputs=outputs,
        covariates=_covariates(numbers, parameters, name),
        correlations=dict(numbers.correlations),
        observation=dict(numbers.observation),
        scheduled=equations.scheduled,
        units=units,
        labels=labels,
        time_unit=time_unit,
        modules=modules,
        species={} if strict else dict(equations.species),
        warnings=tuple(warnings),
        quasi_steady=numbers.quasi_steady,
        title=numbers.title,
    )


def _check_units(
    equations: Equations, units: Mapping[str, str], time_unit: str, name: str, strict: bool, warnings: list[str]
) -> None:
    """Refuse a model of the library whose units do not fit; tell a user, as far as the file says units."""
    if not time_unit:
        return
    try:
        check_units(equations.rates, equations.assignments, equations.initial, units, time_unit=time_unit, where=name)
    except UnitError as error:
        if strict:
            raise
        warnings.append(str(error))


def _constant(
    key: str, equations: Equations, numbers: Numbers, name: str, strict: bool, warnings: list[str]
) -> Parameter:
    if key in numbers.parameters:
        return numbers.parameters[key]
    value = equations.values.get(key)
    if strict or value is None:
        raise InputError(name, "this parameter has no number", value=key, hint="add it to [parameters] of its TOML")
    unit = equations.units.get(key, "")
    warnings.append(f"{name}: {key} has no source" + ("" if unit else " and no unit"))
    return Parameter(key, float(value), unit, "", "unverified", equations.labels.get(key, ""))


def _needed_beside(numbers: Numbers, inputs: Mapping[str, Input]) -> Iterable[str]:
    """Name the parameters that stand outside the equations: bioavailabilities, and what describes noise."""
    for target in numbers.doses.values():
        if target.bioavailability:
            yield target.bioavailability
    for noise in inputs.values():
        yield from (n for n in (noise.sd, noise.time_constant, noise.rate, noise.size) if n)


def _refuse_leftovers(
    numbers: Numbers,
    parameters: Mapping[str, Parameter],
    defined: set[str],
    states: Iterable[str],
    name: str,
) -> None:
    for key in numbers.parameters:
        if key not in parameters and key not in defined:
            raise InputError(name, "no equation has this parameter", value=key, hint=did_you_mean(key, parameters))
    for target in numbers.doses.values():
        if target.state not in defined:
            raise InputError(name, "a dose goes to no state of the model", value=target.state)
        if target.rate_input and target.rate_input not in numbers.inputs:
            raise InputError(name, "an infusion needs its input", value=target.rate_input, hint="add it to [inputs]")
    for key in numbers.quasi_steady:
        if key not in states:
            hint = did_you_mean(key, states)
            raise InputError(name, "no state has this name, so it cannot be quasi-steady", value=key, hint=hint)
    for pair in numbers.correlations:
        for key in pair:
            if key not in parameters or parameters[key].distribution == "none":
                raise InputError(name, "a correlation needs parameters that vary", value=key)


def _outputs(
    equations: Equations, numbers: Numbers, defined: set[str], labels: Mapping[str, str], name: str
) -> dict[str, Output]:
    outputs = {}
    for key, output in numbers.outputs.items():
        if key not in defined:
            raise InputError(name, "an output is no state or assignment", value=key, hint=did_you_mean(key, defined))
        outputs[key] = replace(output, label=output.label or labels.get(key, key))
    return outputs or {k: Output(k, equations.units.get(k, ""), labels.get(k, k)) for k in equations.rates}


def _covariates(numbers: Numbers, parameters: Mapping[str, Parameter], name: str) -> dict[str, Covariate]:
    """Keep the covariates that some parameter uses, and refuse one that is not declared."""
    used = constants_of(p.covariates for p in parameters.values() if p.covariates is not None)
    for key in sorted(used - set(numbers.covariates)):
        hint = did_you_mean(key, numbers.covariates) or "declare it in [covariates]"
        raise InputError(name, "this covariate is not declared", value=key, hint=hint)
    return {k: v for k, v in numbers.covariates.items() if k in used}
