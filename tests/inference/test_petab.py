"""PEtab problems: a small one with a known answer, and what is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from abate.ground.errors import InputError

pytest.importorskip("petab", reason="the extra 'petab' is not installed")

from abate.inference.petab import fit_problem, read_problem
from abate.inference.petab.objective import Objective

TIMES = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 6.0])
TRUE = {"k1": 0.8, "k2": 0.6, "sd": 0.03}


def conversion(start, k1, k2, times):
    """A and B of a reversible conversion that begins from (A, B), by formula."""
    total = start[0] + start[1]
    rest = total * k2 / (k1 + k2)
    a = rest + (start[0] - rest) * np.exp(-(k1 + k2) * times)
    return a, total - a


def courses(k1, k2):
    """Two experiments: from A = 1; and from A = 2 with B set to 1 at time 3, k1 halved from then on."""
    one = conversion((1.0, 0.0), k1, k2, TIMES)
    first = conversion((2.0, 0.0), k1, k2, np.minimum(TIMES, 3.0))
    middle = conversion((2.0, 0.0), k1, k2, np.array([3.0]))
    second = conversion((middle[0][0], 1.0), k1 / 2, k2, np.maximum(TIMES - 3.0, 0.0))
    two = tuple(np.where(TIMES < 3, f, s) for f, s in zip(first, second, strict=True))
    return {"one": one, "two": two}


def data(seed=1):
    rng = np.random.default_rng(seed)
    return {n: c[1] + TRUE["sd"] * rng.normal(size=TIMES.size) for n, c in courses(0.8, 0.6).items()}


@pytest.fixture
def problem(tmp_path):
    import antimony

    antimony.loadAntimonyString(
        "model conv()\n compartment cell = 2; species A in cell, B in cell;\n J1: A -> B; cell*kf*k1*A;\n"
        " J2: B -> A; cell*k2*B;\n A = a0; B = 0; a0 = 1; k1 = 1; k2 = 1; kf = 1;\nend\n"
    )
    (tmp_path / "conv.xml").write_text(antimony.getSBMLString("conv"))
    tables = {
        "parameters.tsv": "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\n"
        "k1\t0.01\t10\t1\ttrue\nk2\t0.01\t10\t1\ttrue\nsd\t0.001\t1\t0.1\ttrue\nscale\t\t\t10\tfalse\n",
        "conditions.tsv": "conditionId\ttargetId\ttargetValue\nhigh\ta0\t2\nlater\tB\t1\nlater\tkf\t0.5\n",
        "experiments.tsv": "experimentId\ttime\tconditionId\none\t0\t\ntwo\t0\thigh\ntwo\t3\tlater\n",
        "observables.tsv": "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\tobservablePlaceholders\n"
        "b\tfactor*B/scale\tsd\tnormal\tfactor\n",
        "measurements.tsv": "observableId\texperimentId\ttime\tmeasurement\tobservableParameters\n"
        + "".join(f"b\t{n}\t{t}\t{v:.8f}\t10\n" for n, row in data().items() for t, v in zip(TIMES, row, strict=True)),
        "problem.yaml": "format_version: 2.0.0\nparameter_files: [parameters.tsv]\n"
        "model_files:\n  conv:\n    location: conv.xml\n    language: sbml\nmeasurement_files: [measurements.tsv]\n"
        "condition_files: [conditions.tsv]\nexperiment_files: [experiments.tsv]\nobservable_files: [observables.tsv]\n",
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
    return tmp_path / "problem.yaml"


def plain(vector):
    """Minus log-likelihood by formula."""
    k1, k2, sd = np.exp(vector)
    seen = np.concatenate(list(data().values()))
    shown = np.concatenate([c[1] for c in courses(k1, k2).values()])
    return float(np.sum(0.5 * ((seen - shown) / sd) ** 2 + 0.5 * np.log(2 * np.pi * sd**2)))


def test_the_objective_is_that_of_the_formula(problem):
    objective = Objective(read_problem(problem))
    vectors = np.array([[0.8, 1.2], [0.6, 0.3], [0.03, 0.1]])
    # the solver runs at a relative tolerance of 1e-7
    assert objective(vectors) == pytest.approx([plain(np.log(v)) for v in vectors.T], rel=1e-4)


def test_estimates_and_their_errors_agree_with_a_plain_search(problem):
    fit = fit_problem(read_problem(problem), seed=1)
    best = minimize(plain, np.log([0.8, 0.6, 0.03]), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    rows = fit.estimates()
    assert fit.objective == pytest.approx(best.fun, abs=1e-3)
    assert [rows[n]["estimate"] for n in TRUE] == pytest.approx(np.exp(best.x), rel=2e-3)
    # a standard error of the logarithm of sd is 1/sqrt(2 n) for n normal measurements
    assert rows["sd"]["se"] / rows["sd"]["estimate"] == pytest.approx(1 / np.sqrt(24), rel=0.05)
    # wider than 95 %: three intervals, and twelve values make the likeliest noise too small
    for name, value in TRUE.items():
        assert fit.estimates(0.999)[name]["low"] < value < fit.estimates(0.999)[name]["high"]
    assert fit.warnings == ()
    again = fit_problem(read_problem(problem), seed=1)
    assert np.array_equal(again.values, fit.values)


def test_a_prior_is_part_of_the_objective(problem):
    table = problem.parent / "parameters.tsv"
    text = table.read_text().replace("estimate\n", "estimate\tpriorDistribution\tpriorParameters\n", 1)
    text = text.replace("k1\t0.01\t10\t1\ttrue", "k1\t0.01\t10\t1\ttrue\tnormal\t2;0.01")
    table.write_text(text.replace("true\n", "true\t\t\n").replace("false\n", "false\t\t\n"))
    rows = fit_problem(read_problem(problem), seed=1).estimates()
    # a sharp prior wins over twelve measurements
    assert rows["k1"]["estimate"] == pytest.approx(2, abs=0.1)


def test_what_data_leave_open_is_a_warning(problem):
    table = problem.parent / "parameters.tsv"
    table.write_text(table.read_text() + "unused\t0.1\t10\t1\ttrue\n")
    observables = problem.parent / "observables.tsv"
    observables.write_text(observables.read_text().replace("factor*B/scale", "factor*B/scale + 0*unused"))
    fit = fit_problem(read_problem(problem), seed=1)
    assert any("flat in some direction" in w for w in fit.warnings)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("problem.yaml", "2.0.0", "1", r"problem.yaml: not a PEtab problem of version 2: '1'"),
        ("problem.yaml", "language: sbml", "language: bngl", "this language of models is not read: 'bngl'"),
        ("experiments.tsv", "two\t0\thigh", "two\t-inf\thigh", "a steady state before the experiment is not computed"),
        ("measurements.tsv", "b\tone\t6.0", "b\tone\tinf", "a measurement at steady state is not computed: inf"),
        ("measurements.tsv", "b\tone\t6.0", "bb\tone\t6.0", "measurement 6: no such observable: 'bb'"),
        ("conditions.tsv", "later\tkf", "later\tkg", "this cannot be set: 'kg'"),
        ("observables.tsv", "factor*B", "factor*BB", "no such name: 'BB'"),
        ("parameters.tsv", "sd\t0.001", "sd\t2", "sd.*bounds are needed|problem cannot be read"),
    ],
)
def test_what_is_not_computed_is_named(problem, file, old, new, message):
    path = problem.parent / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_problem(problem)


def test_events_that_depend_on_the_state_are_refused_by_the_model(problem):
    import antimony

    antimony.loadAntimonyString(
        "model conv()\n species A, B; J1: A -> B; k1*A; k1 = 1; A = 1; B = 0; at A < 0.5: A = 1;\nend\n"
    )
    (problem.parent / "conv.xml").write_text(antimony.getSBMLString("conv"))
    with pytest.raises(InputError, match="event"):
        read_problem(problem)
