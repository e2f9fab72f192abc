"""SBML to equations: compartments, species, reactions, rules and initial assignments; the rest is refused by name."""

from __future__ import annotations

from typing import Any

import libsbml
import sympy

from abate.ground.errors import InputError
from abate.science.model.equations import (
    TIME,
    Equations,
    ScheduledDose,
    Species,
    constants_of,
    in_dependency_order,
    substitute_all,
)
from abate.science.model.mathml import FormulaReader
from abate.science.model.sbml_events import read_events
from abate.science.model.sbml_units import read_units

__all__ = ["read_sbml"]

# Packages that change no number; the last holds functions that are core since level 3 version 2.
_HARMLESS = frozenset({"layout", "render", "groups", "l3v2extendedmath"})


def read_sbml(text: str, where: str) -> Equations:
    """Read an SBML document.

    Parameters
    ----------
    text : str
        The document, any level and version; converted to level 3 version 2 on the way.
    where : str
        Named in errors.

    Returns
    -------
    Equations

    Raises
    ------
    InputError
        If the document is broken, or holds something that would have to be simulated wrongly: algebraic rules,
        delays, events other than added amounts at fixed times, required packages.
    """
    document = libsbml.readSBMLFromString(text)
    _refuse_broken(document, where)
    if (document.getLevel(), document.getVersion()) != (3, 2) and not document.setLevelAndVersion(3, 2, False):
        raise InputError(where, "this SBML cannot be converted to level 3 version 2", hint="export it as level 3")
    for index in range(document.getNumPlugins()):
        package = document.getPlugin(index).getPackageName()
        if document.getPackageRequired(package) and package not in _HARMLESS:
            raise InputError(where, "the model needs an SBML package", value=package, allowed="core SBML")
    model = document.getModel()
    if model is None:
        raise InputError(where, "the document holds no model")
    return _Reading(model, where).equations()


def _refuse_broken(document: Any, where: str) -> None:
    for index in range(document.getNumErrors()):
        error = document.getError(index)
        # A declaration without an encoding is UTF-8 by the XML standard.
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and error.getErrorId() != libsbml.MissingXMLEncoding:
            line = f"{where}, line {error.getLine()}"
            raise InputError(line, f"this is not valid SBML ({' '.join(error.getMessage().split())[:200]})")


class _Reading:
    """One pass over a libsbml model; the parts build on each other in the order of `equations`."""

    def __init__(self, model: Any, where: str) -> None:
        self.model, self.where = model, where
        self.formula = FormulaReader(model, where)
        self.formula.rate_of = self._rate_of
        self.rates: dict[str, sympy.Expr] = {}
        self.assignments: dict[str, sympy.Expr] = {}
        self.initial: dict[str, sympy.Expr] = {}
        self.values: dict[str, float | None] = {}
        # Level 3 version 2 lets a rule lack its formula: it then has no effect.
        rules = [r for r in model.getListOfRules() if r.isSetMath()]
        self.rate_rules = {r.getVariable(): r.getMath() for r in rules if r.isRate()}
        self.assignment_rules = {r.getVariable(): r.getMath() for r in rules if r.isAssignment()}
        self.starts = {a.getSymbol(): a.getMath() for a in model.getListOfInitialAssignments() if a.isSetMath()}
        self.wanted_rates: set[str] = set()
        self._started: tuple[dict[str, sympy.Expr], dict[sympy.Symbol, sympy.Expr]] | None = None

    def equations(self) -> Equations:
        self._refuse_unsupported()
        self._read_values()
        self._read_rules()
        self._read_reactions()
        self._read_rates_of_change()
        self._read_starts()
        names = constants_of([*self.rates.values(), *self.assignments.values(), *self.initial.values()])
        if not self.rates:
            # Solvers step states: where rules alone move a model, one state stands still.
            self.rates["at_rest"] = self.initial["at_rest"] = sympy.Integer(0)
        known = {**self.rates, **self.assignments}
        for name in sorted(names - set(known) - set(self.values)):
            raise InputError(self.where, "this name stands for nothing in the model", value=name)
        doses = read_events(self.model, self.formula, self.where, set(self.rates))
        return Equations(
            rates=self.rates,
            assignments=in_dependency_order(self.assignments, self.where),
            initial={name: self._start(name) for name in self.rates},
            values={name: value for name, value in self.values.items() if name not in known},
            labels=self._labels(),
            units=read_units(self.model),
            scheduled=tuple(ScheduledDose(d.time, d.state, self._from_constants(d.amount)) for d in doses),
            time_unit=read_units(self.model).get("time", ""),
            species=self._species(),
        )

    def _refuse_unsupported(self) -> None:
        for rule in self.model.getListOfRules():
            if rule.isAlgebraic():
                raise InputError(self.where, "an algebraic rule is not supported", hint="solve it for one variable")
        for reaction in self.model.getListOfReactions():
            if reaction.isSetFast() and reaction.getFast():
                raise InputError(self.where, "a fast reaction is not supported", value=reaction.getId())
            law = reaction.getKineticLaw()
            if law is None or not law.isSetMath():
                raise InputError(self.where, "a reaction has no kinetic law", value=reaction.getId())

    def _read_values(self) -> None:
        for parameter in self.model.getListOfParameters():
            self._put(parameter.getId(), parameter.getValue() if parameter.isSetValue() else None)
        for compartment in self.model.getListOfCompartments():
            self._put(compartment.getId(), compartment.getSize() if compartment.isSetSize() else None)
        for species in self.model.getListOfSpecies():
            self._put(species.getId(), None)
        for reaction in self.model.getListOfReactions():
            for reference in [*reaction.getListOfReactants(), *reaction.getListOfProducts()]:
                if reference.isSetId():
                    self._put(reference.getId(), _stoichiometry(reference))

    def _put(self, name: str, value: float | None) -> None:
        if name == "time":
            raise InputError(self.where, "'time' is taken", value=name, hint="give the variable another id")
        self.values[name] = value

    def _read_rules(self) -> None:
        self.assignments |= {name: self.formula.read(math) for name, math in self.assignment_rules.items()}
        self.rates |= {name: self.formula.read(math) for name, math in self.rate_rules.items()}

    def _read_reactions(self) -> None:
        flows: dict[str, sympy.Expr] = {}
        for reaction in self.model.getListOfReactions():
            law = reaction.getKineticLaw()
            local = {}
            for parameter in law.getListOfLocalParameters():
                name = f"{reaction.getId()}_{parameter.getId()}"
                while name in self.values:
                    name += "_"
                local[parameter.getId()] = sympy.Symbol(name)
                self._put(name, parameter.getValue() if parameter.isSetValue() else None)
            speed = self.formula.read(law.getMath(), local)
            self.assignments[reaction.getId()] = speed
            for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
                for reference in references:
                    name = reference.getSpecies()
                    factor = self._factor(reference)
                    flows[name] = flows.get(name, sympy.Integer(0)) + sign * factor * speed
        for species in self.model.getListOfSpecies():
            self._add_species(species, flows.get(species.getId(), sympy.Integer(0)))
        self._drop_unused_reaction_names()

    def _factor(self, reference: Any) -> sympy.Expr:
        name = reference.getId()
        if name and (name in self.assignment_rules or name in self.rate_rules or name in self.starts):
            return sympy.Symbol(name)
        return sympy.nsimplify(_stoichiometry(reference), rational=True)

    def _add_species(self, species: Any, flow: sympy.Expr) -> None:
        """Make a species a state: in its own unit where its compartment keeps its size, else as amount."""
        name, vessel = species.getId(), species.getCompartment()
        if name in self.rates or name in self.assignments:
            return
        factor = species.getConversionFactor() or self.model.getConversionFactor()
        if factor:
            flow = flow * sympy.Symbol(factor)
        size_changes = vessel in self.rate_rules or vessel in self.assignment_rules
        still = species.getBoundaryCondition() or species.getConstant() or flow == 0
        if species.getHasOnlySubstanceUnits():
            self.rates[name] = sympy.Integer(0) if still else flow
        elif size_changes:
            amount = f"{name}_amount"
            self.rates[amount] = sympy.Integer(0) if still else flow
            self.assignments[name] = sympy.Symbol(amount) / sympy.Symbol(vessel)
            self.values[amount] = None
        else:
            self.rates[name] = sympy.Integer(0) if still else flow / self._size(vessel)

    def _size(self, vessel: str) -> sympy.Expr:
        """Return the size of a compartment; a point has none, and Antimony's silent one of size 1 leaves no trace."""
        if self.model.getCompartment(vessel).getSpatialDimensions() == 0 and self.values.get(vessel) is None:
            return sympy.Integer(1)
        if vessel == "default_compartment" and self.values.get(vessel) == 1.0 and vessel not in self.starts:
            return sympy.Integer(1)
        return sympy.Symbol(vessel)

    def _drop_unused_reaction_names(self) -> None:
        used = constants_of([*self.rates.values(), *self.assignments.values()])
        used |= constants_of(self.formula.read(math) for math in self.starts.values())
        for reaction in self.model.getListOfReactions():
            if reaction.getId() not in used:
                del self.assignments[reaction.getId()]

    def _read_starts(self) -> None:
        """Collect what each state and constant starts from; a constant with a formula becomes an assignment."""
        for name, math in self.starts.items():
            self.initial[name] = self.formula.read(math)
        for species in self.model.getListOfSpecies():
            self._species_start(species)
        for name in self.rates:
            if name not in self.initial:
                self.initial[name] = self._literal(name)
        for name in [n for n in self.initial if n not in self.rates and n not in self.assignments]:
            start = self._from_constants(self.initial[name])
            if not start.free_symbols:
                self.values[name] = float(start)
            self.assignments[name] = start

    def _species_start(self, species: Any) -> None:
        name, size = species.getId(), self._size(species.getCompartment())
        whole = species.getHasOnlySubstanceUnits()
        amount = f"{name}_amount"
        if name in self.initial and amount in self.rates:
            self.initial[amount] = self.initial.pop(name) * size
            return
        if name in self.initial or name in self.assignment_rules:
            return
        if species.isSetInitialAmount():
            value = _exact(species.getInitialAmount())
            start = value if whole or amount in self.rates else value / size
        elif species.isSetInitialConcentration():
            value = _exact(species.getInitialConcentration())
            start = value * size if whole or amount in self.rates else value
        else:
            return
        self.initial[amount if amount in self.rates else name] = start

    def _literal(self, name: str) -> sympy.Expr:
        value = self.values.get(name)
        if value is None:
            raise InputError(self.where, "this has no starting value", value=name, hint=f"give {name} = ... at time 0")
        return _exact(value)

    def _from_constants(self, expression: sympy.Expr) -> sympy.Expr:
        """Write an expression at time 0 in constants only."""
        written = self._at_start()
        return expression.xreplace({s: written[s] for s in expression.free_symbols if s in written})

    def _at_start(self) -> dict[sympy.Symbol, sympy.Expr]:
        """Return every name that starts from something as constants; each is written out once, from its needs."""
        definitions = dict(self.initial)
        definitions |= {n: e for n, e in self.assignments.items() if n not in definitions}
        if self._started is None or self._started[0] != definitions:
            written: dict[sympy.Symbol, sympy.Expr] = {TIME: sympy.Integer(0)}
            for name, definition in in_dependency_order(definitions, self.where).items():
                here = {s: written[s] for s in definition.free_symbols if s in written}
                written[sympy.Symbol(name)] = definition.xreplace(here)
            self._started = (definitions, written)
        return self._started[1]

    def _start(self, name: str) -> sympy.Expr:
        return self._from_constants(self.initial[name])

    def _rate_of(self, name: str) -> sympy.Expr:
        """Stand in for a rate of change, which is only known once every equation is read."""
        self.wanted_rates.add(name)
        return sympy.Symbol(f"rateOf_{name}")

    def _read_rates_of_change(self) -> None:
        for name in sorted(self.wanted_rates):
            if name in self.assignments:
                whole = substitute_all(self.assignments[name], self.assignments)
                parts = [whole.diff(sympy.Symbol(state)) * rate for state, rate in self.rates.items()]
                self.assignments[f"rateOf_{name}"] = sympy.Add(whole.diff(TIME), *parts)
            else:
                self.assignments[f"rateOf_{name}"] = self.rates.get(name, sympy.Integer(0))

    def _labels(self) -> dict[str, str]:
        lists = (self.model.getListOfSpecies(), self.model.getListOfParameters(), self.model.getListOfCompartments())
        return {e.getId(): e.getName() for group in lists for e in group if e.getName() and e.getName() != e.getId()}

    def _species(self) -> dict[str, Species]:
        found = {}
        for species in self.model.getListOfSpecies():
            symbol, size = sympy.Symbol(species.getId()), self._size(species.getCompartment())
            whole = species.getHasOnlySubstanceUnits()
            found[species.getId()] = Species(symbol, symbol / size) if whole else Species(symbol * size, symbol)
        return found


def _stoichiometry(reference: Any) -> float:
    return float(reference.getStoichiometry()) if reference.isSetStoichiometry() else 1.0


def _exact(value: float) -> sympy.Expr:
    whole = float(value).is_integer() and abs(value) < 1e6
    return sympy.Integer(int(value)) if whole else sympy.Float(value, 17)
