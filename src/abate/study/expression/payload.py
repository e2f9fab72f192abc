"""What results.json holds of an analysis of gene expression."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from abate.ground.results import Estimate
from abate.study.expression.analysis import COLUMNS, Expression

__all__ = ["payload_of"]


def payload_of(found: Expression) -> dict[str, Any]:
    """Return what results.json holds of an analysis, without ``abate``, ``kind`` and ``seed``."""
    return {
        "finding": found.sentence(),
        "hypothesis": found.hypothesis,
        "design": _design(found),
        "counts": {
            "source": found.counts.source,
            "genes": len(found.genes),
            "tested": len(found.top),
            "sheet": found.sheet.source,
        },
        "test": {
            "method": found.design.test(),
            "df": found.design.tested_df,
            "left_out": list(found.design.left_out),
        },
        "calls": _calls(found),
        "relabelling": _relabelling(found),
        "limma": _limma(found),
        "agreement": found.agreed.to_dict("records"),
        "smallest_detectable_log2_fold_change": found.detectable.smallest if found.detectable else None,
        "power": _power(found),
        "gene_sets": []
        if found.sets is None
        else [{"set": name, **row} for name, row in found.sets.to_dict("index").items()],
        "top": [
            {"gene": str(gene), **{c: float(row[c]) for c in COLUMNS}} for gene, row in found.top.head(20).iterrows()
        ],
        "notes": list(found.notes),
        "versions": {name: metadata.version(name) for name in ("pydeseq2", "anndata")}
        | ({"inmoose": found.linear.version} if found.linear is not None else {}),
    }


def _design(found: Expression) -> dict[str, Any]:
    design = found.design
    return {
        "name": design.name, "formula": design.formula, "contrast": design.label, "factor": design.factor,
        "tested": design.tested or None, "reference": design.reference or None, "matching": design.matching,
        "subjects": design.people, "samples": int(design.matrix.shape[0]),
        "coefficients": [str(c) for c in design.matrix.columns], "residual_df": design.residual_df,
        "warnings": list(design.warnings),
    }  # fmt: skip


def _calls(found: Expression) -> dict[str, Any]:
    up = int((found.called["log2_fold_change"] > 0).sum())
    return {
        "level": found.alpha, "n": len(found.called) if found.claimed else None, "up": up if found.claimed else None,
        "down": len(found.called) - up if found.claimed else None, "method": found.adjustment(),
    }  # fmt: skip


def _relabelling(found: Expression) -> dict[str, Any] | None:
    second = found.second
    if second is None:
        return None
    return {
        "relabellings": second.relabellings, "done": second.done, "smallest_p": second.smallest_p,
        "list_length": second.calls, "expected_by_chance": second.expected, "most_by_chance": second.most,
        "p": second.p_list, "method": "exact permutation" if second.complete else "permutation, drawn",
        "overlap": second.overlap, "rank_correlation": second.correlation,
    }  # fmt: skip


def _limma(found: Expression) -> dict[str, Any] | None:
    linear = found.linear
    if linear is None:
        return None
    called = linear.genes["p_limma_adjusted"] < found.alpha
    return {
        "method": "moderated t on variance-stabilised counts (limma)", "tested": linear.tested,
        "prior_df": linear.prior_df, "level": found.alpha, "n": int(called.sum()) if found.claimed else None,
        "also_called": int(called.reindex(found.called.index).sum()) if found.claimed else None,
    }  # fmt: skip


def _power(found: Expression) -> list[dict[str, Any]] | None:
    if found.detectable is None:
        return None
    method = f"share of changed genes found, {found.detectable.repeats} simulated studies, rising curve"
    return [
        {
            "log2_fold_change": float(effect),  # type: ignore[arg-type]
            "power": Estimate(
                row["power"], row["low"], row["high"], 0.95, int(row["changed"]), method, events=int(row["found"])
            ),
        }
        for effect, row in found.detectable.curve.iterrows()
    ]
