"""Corners of SBML, each in a small model of its own, against libroadrunner; what is refused, and by what name."""

from __future__ import annotations

import libsbml
import numpy as np
import pytest
import sympy

from abate.ground.errors import InputError
from abate.science.model import load

XML = '<?xml version="1.0" encoding="UTF-8"?>'
HEAD = XML + '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">'


def maths(formula):
    text = libsbml.writeMathMLToString(libsbml.parseL3Formula(formula))
    return text[text.index("<math") :]


def listing(name, items):
    return f"<listOf{name}>{items}</listOf{name}>" if items else ""


def document(compartments, species, parameters, *, rules="", reactions="", starts="", events="", attributes=""):
    return (
        f'{HEAD}<model id="m" {attributes}>'
        + listing("Compartments", compartments)
        + listing("Species", species)
        + listing("Parameters", parameters)
        + listing("InitialAssignments", starts)
        + listing("Rules", rules)
        + listing("Reactions", reactions)
        + listing("Events", events)
        + "</model></sbml>"
    )


def species(name, vessel="c", *, amount=None, concentration=None, whole="false", boundary="false", extra=""):
    start = f'initialAmount="{amount}"' if amount is not None else f'initialConcentration="{concentration}"'
    return (
        f'<species id="{name}" compartment="{vessel}" {start} hasOnlySubstanceUnits="{whole}" '
        f'boundaryCondition="{boundary}" constant="false" {extra}/>'
    )


def parameter(name, value=None, constant="true"):
    given = f'value="{value}" ' if value is not None else ""
    return f'<parameter id="{name}" {given}constant="{constant}"/>'


def vessel(name, size, constant="true"):
    return f'<compartment id="{name}" size="{size}" spatialDimensions="3" constant="{constant}"/>'


def sides(kind, entries):
    items = ""
    for name, number, *own in entries:
        identity = f'id="{own[0]}" ' if own else ""
        items += (
            f'<speciesReference {identity}species="{name}" stoichiometry="{number}" '
            f'constant="{"false" if own else "true"}"/>'
        )
    return listing(kind, items)


def reaction(name, taken, made, law, local=""):
    return (
        f'<reaction id="{name}" reversible="false">{sides("Reactants", taken)}{sides("Products", made)}'
        f"<kineticLaw>{maths(law)}{listing('LocalParameters', local)}</kineticLaw></reaction>"
    )


def rate(name, formula):
    return f'<rateRule variable="{name}">{maths(formula)}</rateRule>'


def assign(name, formula):
    return f'<assignmentRule variable="{name}">{maths(formula)}</assignmentRule>'


def start(name, formula):
    return f'<initialAssignment symbol="{name}">{maths(formula)}</initialAssignment>'


S3, X1 = species("S", concentration=3), species("X", concentration=1)
K = parameter("k", 0.3)
Q = parameter("q", 0, "false")
DECAY = reaction("J", [("S", 1)], [], "k*S")

CORNERS = {
    "a compartment that grows": document(
        vessel("c", 2, "false"),
        S3 + X1 + species("Y", amount=1, whole="true") + species("Z", concentration=2, boundary="true"),
        K,
        rules=rate("c", "0.2*c"),
        reactions=reaction("J", [("S", 1)], [("X", 2), ("Y", 1)], "k*S*c"),
    ),
    "a compartment by rule": document(
        vessel("c", 2, "false"),
        S3 + X1,
        K,
        rules=assign("c", "2+time"),
        reactions=reaction("J", [("S", 1)], [("X", 2)], "k*S*c"),
    ),
    "amounts beside concentrations": document(
        vessel("c", 2) + vessel("d", 5),
        species("S", concentration=3, whole="true") + species("X", "d", concentration=1),
        K,
        reactions=reaction("J", [("S", 1)], [("X", 1)], "k*S"),
    ),
    "local parameters that shadow": document(
        vessel("c", 2),
        S3 + X1,
        K + parameter("J_k", 1),
        reactions=reaction("J", [("S", 1)], [("X", 1)], "k*S*c*J_k", '<localParameter id="k" value="0.7"/>')
        + reaction("J2", [("X", 1)], [], "S*c", '<localParameter id="S" value="0.1"/>'),
    ),
    "conversion factors": document(
        vessel("c", 2),
        S3 + species("X", concentration=1, extra='conversionFactor="g"'),
        K + parameter("f", 2) + parameter("g", 10),
        reactions=reaction("J", [("S", 1)], [("X", 1)], "k*S*c"),
        attributes='conversionFactor="f"',
    ),
    "a stoichiometry by rule": document(
        vessel("c", 1),
        S3 + X1,
        K,
        rules=assign("sr", "1+0.5*sin(time)"),
        reactions=reaction("J", [("S", 1)], [("X", 1, "sr")], "k*S"),
    ),
    "a stoichiometry set at the start and used": document(
        vessel("c", 1),
        S3 + X1,
        K + parameter("n", 2) + Q,
        starts=start("sr", "n*3"),
        rules=assign("q", "sr*2"),
        reactions=reaction("J", [("S", 1)], [("X", 1, "sr")], "k*S"),
    ),
    "a reaction's own name": document(
        vessel("c", 2),
        S3 + X1,
        K + Q,
        rules=rate("q", "J*2"),
        reactions=reaction("J", [("S", 1)], [("X", 1)], "k*S*c"),
    ),
    "a rate of change": document(vessel("c", 1), S3, K + Q, rules=assign("q", "rateOf(S)"), reactions=DECAY),
    "truths as numbers": document(
        vessel("c", 1),
        S3,
        K + Q + parameter("w", 0, "false"),
        rules=assign("q", "piecewise(1, S>2 && time<5, 2, S>1, 3)") + rate("w", "2+(S>2)"),
        reactions=DECAY,
    ),
    "many functions": document(
        vessel("c", 1),
        S3,
        K + Q,
        rules=rate(
            "q",
            "piecewise(1, xor(S>2, time>1), 0)+implies(S>2, time>1)+rem(7,3)+quotient(7,3)+max(S,1)+min(S,k,2)+ceil(S)"
            "+floor(S)+abs(-S)+root(3,S)+log10(S)+ln(S)+log(2,S)+avogadro/6e23+tanh(S)+arccot(S)",
        ),
        reactions=DECAY,
    ),
    "starts that depend on each other": document(
        vessel("c", 4),
        species("S", amount=3) + species("X", concentration=1, whole="true"),
        K + parameter("n", 2) + parameter("h") + Q,
        starts=start("S", "X+k") + start("k", "n/5") + start("c", "n*3") + start("h", "S*2+time"),
        rules=rate("q", "h"),
        reactions=reaction("J", [("S", 1)], [("X", 1)], "k*S*c"),
    ),
    "species under rules": document(
        vessel("c", 2),
        S3 + species("X", concentration=1, boundary="true") + species("Y", concentration=1, boundary="true"),
        K,
        rules=rate("X", "-0.1*X") + assign("Y", "X+S"),
        reactions=reaction("J", [("S", 1), ("X", 1)], [], "k*S*X*c"),
    ),
    "one species on both sides": document(
        vessel("c", 2), S3, K, reactions=reaction("J", [("S", 1)], [("S", 2.5)], "k*S")
    ),
    "infinity": document(
        vessel("c", 1),
        S3,
        K + Q + parameter("i", "INF") + parameter("r", 0, "false"),
        rules=assign("q", "piecewise(1, S<infinity, 0)") + assign("r", "min(S,i)"),
        reactions=DECAY,
    ),
}


@pytest.mark.parametrize("name", CORNERS)
def test_a_corner_of_sbml_against_libroadrunner(person, tmp_path, name):
    import roadrunner

    path = tmp_path / "corner.xml"
    path.write_text(CORNERS[name])
    judge = roadrunner.RoadRunner(CORNERS[name])
    judge.integrator.absolute_tolerance, judge.integrator.relative_tolerance = 1e-12, 1e-9
    model = load(path)
    runner = person(model)
    times = np.linspace(0, 6, 13)
    known = runner.course(times, [], rtol=1e-9)
    columns, expressions = ["time"], []
    for key in [*judge.model.getFloatingSpeciesIds(), *judge.model.getBoundarySpeciesIds()]:
        columns += [f"[{key}]", key]
        expressions += [model.species[key].concentration, model.species[key].amount]
    for key in [*judge.model.getGlobalParameterIds(), *judge.model.getCompartmentIds()]:
        columns.append(key)
        expressions.append(sympy.Symbol(key))
    judge.timeCourseSelections = columns
    expected = judge.simulate(0, 6, 13)
    for column, expression in enumerate(expressions, start=1):
        names = sorted(str(s) for s in expression.free_symbols)
        values = {**runner.values, **known}
        found = sympy.lambdify([sympy.Symbol(n) for n in names], expression)(*[values[n] for n in names])
        # Both solvers at 1e-9; a jump inside a piecewise rate costs some digits.
        assert np.allclose(found, expected[:, column], rtol=1e-5, atol=1e-7), columns[column]


def event(trigger, target, formula, extra=""):
    return (
        f'<event id="e" useValuesFromTriggerTime="true"><trigger initialValue="true" persistent="true">'
        f"{maths(trigger)}</trigger>{extra}<listOfEventAssignments>"
        f'<eventAssignment variable="{target}">{maths(formula)}</eventAssignment></listOfEventAssignments></event>'
    )


def with_event(*words, **more):
    return document(vessel("c", 1), S3, K + parameter("dose", 5), reactions=DECAY, events=event(*words, **more))


def test_an_amount_added_at_a_fixed_time_is_a_dose(tmp_path):
    path = tmp_path / "dosed.xml"
    path.write_text(with_event("time >= 2.5", "S", "S + 2*dose"))
    (dose,) = load(path).scheduled
    assert (dose.time, dose.state) == (2.5, "S")
    assert dose.amount == 2 * sympy.Symbol("dose")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (with_event("S < 2", "S", "S + dose"), "not at a fixed time is not supported: 'e'"),
        (with_event("time >= k", "S", "S + dose"), "not at a fixed time is not supported: 'e'"),
        (with_event("time >= 2", "S", "2*S"), "more than add an amount to a state is not supported: 'e'"),
        (with_event("time >= 2", "S", "S + time"), "more than add an amount"),
        (
            with_event("time >= 2", "S", "S + 1", extra=f"<delay>{maths('1')}</delay>"),
            "event with this delay is not supported: 'e'",
        ),
        (
            document(vessel("c", 1), S3, K, rules=f"<algebraicRule>{maths('S-k')}</algebraicRule>"),
            "an algebraic rule is not supported",
        ),
        (document(vessel("c", 1), S3, K, reactions=reaction("J", [("S", 1)], [], "k*delay(S, 1)")), "'delay'"),
        (
            document(vessel("c", 1), S3, K, reactions='<reaction id="J" reversible="false"/>'),
            "a reaction has no kinetic law: 'J'",
        ),
        (document(vessel("c", 1), S3, K, reactions=DECAY).replace(HEAD, ""), "not valid SBML"),
        (document(vessel("c", 1), '<species id="S" compartment="c" hasOnlySubstanceUnits="false" '
                  'boundaryCondition="false" constant="false"/>', K, reactions=DECAY), "no starting value: 'S'"),
        (document(vessel("c", 1), S3, parameter("k"), reactions=DECAY), "no number: 'k'"),
    ],
)  # fmt: skip
def test_what_would_be_simulated_wrongly_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "odd.xml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load(path)
