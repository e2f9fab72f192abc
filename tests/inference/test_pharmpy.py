"""What is written in NONMEM's form: by plain reading, and by Pharmpy where that is installed."""

from __future__ import annotations

import numpy as np
import pytest

from abate.inference.nlme import Choices, Plan, fit_population
from abate.inference.nlme.diagnostics import goodness, simulate_data
from abate.inference.nlme.nonmem import ext_table, phi_table, record_table

LEVELS = ((1, 2.1, 0.2), (4, 2.4, -0.1), (12, 1.2, 0.05), (24, 0.3, 0.03))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A fit with a correlation and a value below a limit, and its tables."""
    folder = tmp_path_factory.mktemp("fit")
    rng = np.random.default_rng(2)
    rows = ["ID,TIME,AMT,DV,CENS"]
    for i in range(1, 9):
        rows.append(f"{i},0,100,.,0")
        rows += [f"{i},{t},.,{y + i * more + 0.1 * rng.normal():.3f},{int(i + t == 25)}" for t, y, more in LEVELS]
    (folder / "d.csv").write_text("\n".join(rows) + "\n")
    choices = Choices(correlate=(("CL", "V"),))
    fit = fit_population("pk1_oral", folder / "d.csv", plan=Plan(30, 15, 2), samples=200, seed=1, choices=choices)
    table = goodness(fit, simulate_data(fit, 20, seed=1))
    (folder / "fit.ext").write_text(ext_table(fit))
    (folder / "fit.phi").write_text(phi_table(fit))
    (folder / "fit.tab").write_text(record_table(table))
    return fit, table, folder


def plain(path, key):
    """Rows of a table as dictionaries, by one column."""
    lines = path.read_text().splitlines()
    assert lines[0].startswith("TABLE NO.     1")
    names = lines[1].split()
    rows = [dict(zip(names, map(float, line.split()), strict=True)) for line in lines[2:]]
    return {row[key]: row for row in rows}


def test_tables_read_plainly(written):
    fit, table, folder = written
    ext = plain(folder / "fit.ext", "ITERATION")
    final, errors, roots, root_errors, fixed = (ext[-1e9 - k] for k in (0, 1, 4, 5, 6))
    estimates = fit.estimates()
    flat = dict(zip(fit.flat.names, fit.flat.values, strict=True))
    order = fit.structure.names
    v, cl = order.index("V") + 1, order.index("CL") + 1
    both = f"OMEGA({max(v, cl)},{min(v, cl)})"
    cov = next(n for n in flat if n.startswith("cov."))
    # six digits after the point are written
    assert final[f"THETA{cl}"] == pytest.approx(flat["CL"], rel=1e-5)
    assert roots[f"OMEGA({cl},{cl})"] ** 2 == pytest.approx(flat["eta.CL"], rel=1e-5)
    assert roots[both] == pytest.approx(flat[cov] / np.sqrt(flat["eta.CL"] * flat["eta.V"]), rel=1e-5)
    assert roots["SIGMA(1,1)"] == pytest.approx(flat["add.sd"], rel=1e-5)
    assert root_errors["SIGMA(1,1)"] == pytest.approx(estimates["add.sd"]["se"], rel=1e-5)
    assert errors["SIGMA(2,2)"] == root_errors["SIGMA(2,2)"] == 1e10
    assert (fixed["SIGMA(1,1)"], fixed["SIGMA(2,2)"], fixed[both]) == (0, 1, 0)
    assert all(np.isfinite(list(row.values())).all() for row in ext.values())
    phi = plain(folder / "fit.phi", "ID")
    assert list(phi) == list(range(1, 9))
    # five digits after the point, eight subjects
    assert sum(row["OBJ"] for row in phi.values()) == pytest.approx(fit.objective, abs=1e-2)
    records = (folder / "fit.tab").read_text().splitlines()[2:]
    assert [float(row.split()[1]) for row in records] == pytest.approx(table["TIME"].tolist(), rel=1e-4)


def test_the_error_of_a_correlation_is_that_of_its_slopes(written):
    fit, _, folder = written
    rows = plain(folder / "fit.ext", "ITERATION")
    names = list(fit.flat.names)
    cov = next(n for n in names if n.startswith("cov."))
    own = [names.index(n) for n in (cov, "eta.CL", "eta.V")]
    at = fit.flat.values[own]

    def correlation(x):
        return x[0] / np.sqrt(x[1] * x[2])

    steps = 1e-6 * np.diag(np.abs(at))
    slopes = np.array([(correlation(at + s) - correlation(at - s)) / (2 * np.abs(s).sum()) for s in steps])
    expected = np.sqrt(slopes @ fit.covariance[np.ix_(own, own)] @ slopes)
    order = fit.structure.names
    i, j = sorted((order.index("CL") + 1, order.index("V") + 1), reverse=True)
    found = rows[-1000000005.0][f"OMEGA({i},{j})"]
    # six digits, slopes by differences
    assert found == pytest.approx(expected if np.isfinite(expected) else 1e10, rel=1e-4)


def test_pharmpy_reads_every_table(written):
    reader = pytest.importorskip("pharmpy.model.external.nonmem.table", reason="pharmpy is not installed")
    fit, table, folder = written
    ext, phi, tab = (next(iter(reader.NONMEMTableFile(folder / f"fit.{e}"))) for e in ("ext", "phi", "tab"))
    assert float(ext.final_ofv) == pytest.approx(fit.objective, rel=1e-5)
    estimates = ext.final_parameter_estimates
    assert float(estimates["THETA(1)"]) == pytest.approx(fit.flat.values[0], rel=1e-5)
    assert float(estimates["OMEGA(3,3)"]) == pytest.approx(fit.trace.parameters.omega[2, 2], rel=1e-5)
    assert np.isfinite(estimates.astype(float)).all()
    assert float(ext.omega_sigma_stdcorr["OMEGA(3,3)"]) ** 2 == pytest.approx(float(estimates["OMEGA(3,3)"]), rel=1e-5)
    expected = np.nan_to_num(fit.standard_errors, nan=1e10)
    assert float(ext.standard_errors["THETA(2)"]) == pytest.approx(expected[1], rel=1e-5)
    assert not ext.fixed["OMEGA(2,2)"]
    assert ext.fixed["SIGMA(2,2)"]
    assert len(ext.iterations) == 45
    # five digits after the point
    assert float(phi.iofv.sum()) == pytest.approx(fit.objective, abs=1e-2)
    assert phi.etas.shape == (8, 3)
    first = phi.etcs.iloc[0].to_numpy()
    assert first == pytest.approx(fit.conditional.covariance[0, :3, :3], rel=1e-4)
    assert tab.data_frame["IPRED"].tolist() == pytest.approx(table["IPRED"].tolist(), rel=1e-4)
