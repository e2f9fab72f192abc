"""Pharmpy reads what is written, where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from abate.inference.nlme import Plan, fit_population
from abate.inference.nlme.tables import ext_table

table = pytest.importorskip("pharmpy.model.external.nonmem.table", reason="pharmpy is not installed")


def test_the_ext_table_is_nonmem_s_to_pharmpy(tmp_path):
    path = tmp_path / "d.csv"
    rows = [f"{i},{t},{a},{y}" for i in (1, 2, 3, 4)
            for t, a, y in ((0, 100, "."), (1, ".", 2 + i / 9), (5, ".", 2 - i / 9), (20, ".", 0.5))]  # fmt: skip
    path.write_text("ID,TIME,AMT,DV\n" + "\n".join(rows) + "\n")
    fit = fit_population("pk1_oral", path, plan=Plan(20, 10, 2), samples=200, seed=1)
    (tmp_path / "fit.ext").write_text(ext_table(fit))
    read = next(iter(table.NONMEMTableFile(tmp_path / "fit.ext")))
    assert float(read.final_ofv) == pytest.approx(fit.objective, rel=1e-5)
    assert float(read.final_parameter_estimates["THETA(1)"]) == pytest.approx(fit.flat.values[0], rel=1e-5)
    assert float(read.final_parameter_estimates["OMEGA(3,3)"]) == pytest.approx(
        fit.trace.parameters.omega[2, 2], rel=1e-5
    )
    assert float(read.standard_errors["THETA(2)"]) == pytest.approx(fit.standard_errors[1], rel=1e-5, nan_ok=True)
    assert bool(float(read.fixed["OMEGA(2,1)"]))
    assert not float(read.fixed["OMEGA(2,2)"])
    assert np.isfinite(read.final_parameter_estimates.astype(float)).all()
