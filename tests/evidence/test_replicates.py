"""Published figures of GiACTA among replicate trials of the published size."""

import pytest

from abate.evidence.checks import checks
from abate.evidence.replicates import replicate_scoreboard
from abate.trial.protocol import load_trial


def figures(replicates: int) -> dict[str, dict[str, object]]:
    board = replicate_scoreboard(load_trial("giacta"), replicates=replicates, seed=1)["scoreboard"]
    return {f"{row['endpoint']} {row['arm']}": row for row in board}


def test_the_slice_has_a_row_for_every_published_figure_with_its_interval() -> None:
    rows = figures(4)
    assert len(rows) == len(load_trial("giacta").published)
    for row in rows.values():
        assert row["low"] <= row["predicted"] <= row["high"]  # type: ignore[operator]
    # On tocilizumab fewer flare and more stay in remission, in every replicate.
    assert rows["patients-with-a-flare tocilizumab"]["high"] < rows["patients-with-a-flare placebo"]["low"]  # type: ignore[operator]


@pytest.mark.slow
def test_every_published_rate_of_the_four_arms_is_inside() -> None:
    rows = figures(100)
    for name, row in rows.items():
        if name.startswith(("sustained-remission ", "patients-with-a-flare ")):
            assert row["inside"], name


def test_checks_are_found_by_name() -> None:
    assert {"pharmacokinetics", "giacta"} <= set(checks())
