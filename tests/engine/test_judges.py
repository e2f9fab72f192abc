"""Two integrators that are not ours, on the same equations: heyoka (Taylor series) and libroadrunner (CVODE)."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from abate.engine.ensemble import Dose, compile_model
from abate.engine.solver import Tolerance
from abate.science.model import Model, load

OUTPUTS = ("C", "il6", "crp", "symptoms", "x3", "prednisolone", "esr", "A")
DAYS = 14
DOSES = [Dose(d + 1 / 3, "prednisone", "oral", 20.0 - d) for d in range(DAYS)]
DOSES += [Dose(d + 3 / 8, "tocilizumab", "sc", 162.0) for d in (0, 7)]


@pytest.fixture(scope="module")
def model() -> Model:
    return load("il6_blockade/gca")


def ours(model: Model, tolerance: Tolerance | None) -> np.ndarray:
    """Outputs [O, T] of the typical person, without noise."""
    run = compile_model(model, OUTPUTS).start({"disease_om_z": 0.0}, [0], seed=1, tolerance=tolerance)
    course = run.advance(float(DAYS), DOSES, record_at=np.arange(DAYS + 1.0))
    return np.stack([course[name][:, 0] for name in OUTPUTS])


def events(model: Model) -> list[tuple[float, str, float]]:
    """Time, state and amount of every dose, in order."""
    found = []
    for dose in DOSES:
        target = model.doses[(dose.drug, dose.route)]
        share = model.parameters[target.bioavailability].value if target.bioavailability else 1.0
        found.append((dose.time, target.state, float(dose.amount) * share))
    return sorted(found)


def taylor(model: Model) -> np.ndarray:
    """Outputs by heyoka at a tolerance of 1e-14."""
    heyoka = pytest.importorskip("heyoka")
    numbers = {sympy.Symbol(k): v.value for k, v in {**model.parameters, **model.inputs}.items()}
    assigned: dict[sympy.Symbol, sympy.Expr] = {}
    for name, expression in model.assignments.items():
        assigned[sympy.Symbol(name)] = expression.xreplace(assigned).xreplace(numbers)
    states = [sympy.Symbol(s) for s in model.states]
    time = sympy.Symbol("time")
    known = dict(zip(states, heyoka.make_vars(*model.states), strict=True))

    def translated(expression: sympy.Expr) -> object:
        plain = expression.xreplace(assigned).xreplace(numbers)
        made: dict[sympy.Symbol, object] = {}

        def larger(*arguments: sympy.Expr) -> sympy.Symbol:
            """max(a, b) = b + relu(a - b), under a symbol of its own."""
            first, *others = (
                heyoka.from_sympy(sympy.sympify(a), {**known, **made, time: heyoka.time}) for a in arguments
            )
            for other in others:
                first = other + heyoka.relu(first - other)
            symbol = sympy.Dummy("larger")
            made[symbol] = first
            return symbol

        plain = plain.replace(sympy.Min, lambda *a: -larger(*(-x for x in a))).replace(sympy.Max, larger)
        return heyoka.from_sympy(plain, {**known, **made, time: heyoka.time})

    system = [(known[s], translated(model.rates[s.name])) for s in states]
    start = [float(model.initial[s.name].xreplace(numbers)) for s in states]
    integrator = heyoka.taylor_adaptive(system, start, tol=1e-14)
    outputs = [sympy.Symbol(name).xreplace(assigned) for name in OUTPUTS]
    read = sympy.lambdify([*states, time], outputs, modules="numpy")
    doses = events(model)
    rows = []
    for day in range(DAYS + 1):
        while doses and doses[0][0] < day:
            at, state, amount = doses.pop(0)
            integrator.propagate_until(at)
            integrator.state[model.states.index(state)] += amount
        integrator.propagate_until(float(day))
        rows.append(read(*integrator.state, float(day)))
    return np.array(rows).T


def test_default_tolerance_agrees_with_heyoka_to_one_in_ten_thousand(model: Model) -> None:
    peer = taylor(model)
    # the bound that decisions rest on; concentrations below a millionth of their peak are not compared
    np.testing.assert_allclose(ours(model, None), peer, rtol=1e-4, atol=1e-6 * np.abs(peer).max())


def test_tight_tolerance_agrees_with_heyoka_to_one_in_a_hundred_thousand(model: Model) -> None:
    peer = taylor(model)
    np.testing.assert_allclose(ours(model, Tolerance(1e-8)), peer, rtol=1e-7, atol=1e-9 * np.abs(peer).max())


def test_tight_tolerance_agrees_with_libroadrunner(model: Model) -> None:
    roadrunner = pytest.importorskip("roadrunner")
    from abate.science.model.sbml_export import to_sbml

    roadrunner.Logger.disableLogging()
    runner = roadrunner.RoadRunner(to_sbml(model))
    integrator = runner.getIntegrator()
    integrator.setValue("relative_tolerance", 1e-10)
    integrator.setValue("absolute_tolerance", 1e-14)
    integrator.setValue("maximum_num_steps", 100_000)
    doses, now, rows = events(model), 0.0, []
    for day in range(DAYS + 1):
        while doses and doses[0][0] < day:
            at, state, amount = doses.pop(0)
            runner.oneStep(now, at - now)
            now = at
            runner.setValue(state, runner.getValue(state) + amount)
        if day > now:
            now = runner.oneStep(now, day - now)
        rows.append([runner.getValue(name) for name in OUTPUTS])
    peer = np.array(rows).T
    # CVODE's error over two weeks at 1e-10 a step, many steps a day, is about 1e-6
    np.testing.assert_allclose(ours(model, Tolerance(1e-8)), peer, rtol=1e-5, atol=1e-7 * np.abs(peer).max())
