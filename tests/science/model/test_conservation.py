"""Mass balances with their cumulative fluxes, and positivity, of the whole model as the engine solves it."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
import sympy

from abate.engine.ensemble import Dose, compile_model
from abate.engine.solver import Tolerance
from abate.science.model import load
from abate.science.population import draw, load_population

DAYS = 120
WHO = np.arange(32)
FLUXES = {
    # name: (what leaves or enters, a day)
    "tocilizumab_gone": "C*tocilizumab_CL + C*tocilizumab_VM/(C + tocilizumab_KM)",
    "sarilumab_gone": "C_sarilumab*sarilumab_CL + C_sarilumab*sarilumab_VM/(C_sarilumab + sarilumab_KM)",
    "prednisolone_gone": "glucocorticoid_CLu*glucocorticoid_active/glucocorticoid_Vu",
    "il6_made": "production*receptor_il6_untreated*receptor_k_il6",
    "il6_gone": "receptor_k_il6*il6*(receptor_CU + (1 - receptor_CU)*free_receptor)",
    "receptor_made": "soluble_kdeg*soluble_untreated",
    "receptor_gone": "soluble_kdeg*soluble_receptor*(1 - soluble_bound_share*(1 - 1/soluble_slowing))",
}


@functools.cache
def run():
    """Thirty-two people on both antibodies, prednisone to 60 mg and a stop; fluxes are states of their own."""
    plain = load("il6_blockade/gca")
    names = {n: sympy.Symbol(n) for n in (*plain.states, *plain.assignments, *plain.parameters)}
    rates = {n: sympy.sympify(text, locals=names) for n, text in FLUXES.items()}
    model = replace(
        plain,
        states=(*plain.states, *FLUXES),
        rates={**plain.rates, **rates},
        initial={**plain.initial, **dict.fromkeys(FLUXES, sympy.Integer(0))},
    )
    _, people = draw(load_population("gca"), plain, WHO, 3)
    doses = [Dose(d + 8 / 24, "prednisone", "oral", 60.0 if d < 40 else 5.0) for d in range(80)]
    doses += [Dose(7.0 * i, "tocilizumab", "sc", 162.0) for i in range(8)]
    doses += [Dose(28.0 * i, "tocilizumab", "iv", 560.0, 1 / 24) for i in range(2)]
    doses += [Dose(14.0 * i + 60, "sarilumab", "sc", 200.0) for i in range(3)]
    begun = compile_model(model, model.states).start(people, WHO, 3)
    times = np.arange(0.0, DAYS + 0.25, 0.25)
    return begun.advance(DAYS, doses, record_at=times), people


def test_antibodies_are_conserved():
    found, people = run()
    for drug, total, share in (
        ("tocilizumab", None, people["tocilizumab_F"]),
        ("sarilumab", 600.0, 1.0),
    ):
        held = sum(found[f"{drug}_{part}"][-1] for part in ("depot", "central", "peripheral"))
        dosed = 8 * 162.0 * share + 2 * 560.0 if total is None else total
        # Linear invariants of a Rosenbrock step hold to rounding, times the number of steps.
        assert held + found[f"{drug}_gone"][-1] == pytest.approx(np.broadcast_to(dosed, WHO.shape), rel=1e-6)


def test_prednisolone_is_conserved():
    found, people = run()
    held = sum(found[f"glucocorticoid_{part}"][-1] for part in ("gut_prednisone", "inactive", "active"))
    dosed = (40 * 60.0 + 40 * 5.0) * people["glucocorticoid_F_prednisone"]
    assert held + found["prednisolone_gone"][-1] == pytest.approx(dosed, rel=1e-6)


@pytest.mark.parametrize(("pool", "name"), [("il6", "il6"), ("soluble_receptor", "receptor")])
def test_turnover_pools_change_by_what_comes_and_goes(pool, name):
    found, _ = run()
    change = found[f"{name}_made"][-1] - found[f"{name}_gone"][-1]
    # Both fluxes are far larger than the pool: the balance is held against them.
    assert found[pool][-1] - found[pool][0] == pytest.approx(change, abs=1e-6 * found[f"{name}_made"][-1].max())


def test_nothing_falls_below_zero_by_more_than_its_tolerance():
    found, people = run()
    allowed = Tolerance()
    # The gut empties between two records: its largest amount is the tablet.
    tablet = {"glucocorticoid_gut_prednisone": 60.0 * people["glucocorticoid_F_prednisone"].min()}
    for name, rows in found.items():
        assert np.isfinite(rows).all(), name
        assert rows.min() >= -allowed.relative * allowed.floor * tablet.get(name, rows.max()), name


def test_shares_stay_between_none_and_all():
    found, _ = run()
    assert found["M"].max() <= 1 + 1e-6
