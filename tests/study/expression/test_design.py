"""Designs: what is compared, what is kept together, what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from abate.ground.errors import InputError, MissingExtra
from abate.study.expression.contrast import Contrast, choose_levels, parse_contrast
from abate.study.expression.formula_design import model_matrix
from abate.study.expression.named_design import plan_design
from abate.study.expression.sheet import ROLES, SampleSheet
from abate.study.expression.simulate import simulate_counts


def sheet(**columns: object) -> SampleSheet:
    table = pd.DataFrame(columns)
    table.index = pd.Index([f"s{i}" for i in range(len(table))], name="sample")
    return SampleSheet(table, {role: role for role in ROLES if role in table}, "samples.csv")


def pairs(people: int, **columns: object) -> SampleSheet:
    subject = [f"p{i}" for i in range(people) for _ in range(2)]
    return sheet(subject=subject, time=["before", "after"] * people, **columns)


@pytest.mark.parametrize(
    "text",
    [
        "condition,B,A",
        "condition: B vs A",
        "condition:B:A",
        "condition B A",
        "condition_B_vs_A",
        "condition=B vs A",
        "condition;B;A",
    ],
)
def test_contrasts_are_read_as_people_write_them(text: str) -> None:
    assert parse_contrast(text) == Contrast("condition", "B", "A")


@pytest.mark.parametrize(
    ("levels", "chosen"),
    [
        (["fibromyalgia", "healthy control"], ("fibromyalgia", "healthy control")),
        (["Controls", "cases"], ("cases", "Controls")),
        (["week 0", "week 12"], ("week 12", "week 0")),
        (["week 12", "week 4"], ("week 12", "week 4")),
        (["after", "before"], ("after", "before")),
        (["B", "A"], ("B", "A")),
    ],
)
def test_the_reference_is_the_control_or_the_earlier(levels: list[str], chosen: tuple[str, str]) -> None:
    assert choose_levels("x", levels, Contrast(), None) == chosen


def test_levels_that_are_not_there_and_too_many() -> None:
    with pytest.raises(InputError, match=r"--reference: x has no such level: 'contol'; .*did you mean 'control'"):
        choose_levels("x", ["control", "case"], Contrast(), "contol")
    with pytest.raises(InputError, match=r"more than two levels: say which to compare.*'c vs a'"):
        choose_levels("x", ["a", "b", "c"], Contrast(), None)
    with pytest.raises(InputError, match=r"everybody has the same level"):
        choose_levels("x", ["a"], Contrast(), None)
    with pytest.raises(InputError, match=r"cannot be compared with itself"):
        choose_levels("x", ["a", "b"], Contrast(None, "a", None), "a")


def test_unpaired() -> None:
    plan = plan_design(sheet(group=["patient"] * 3 + ["control"] * 4))
    assert (plan.name, plan.formula, plan.label) == ("patients vs controls", "~ group", "patient vs control")
    assert plan.people == {"patient": 3, "control": 4}
    assert plan.matrix["group[T.patient]"].tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert plan.coefficient == "group[T.patient]"
    assert (plan.carriers, plan.residual_df) == (3, 5)


def test_matched_sets_are_kept_together_and_incomplete_ones_left_out() -> None:
    plan = plan_design(sheet(group=["patient", "control"] * 3 + ["patient"], set=["1", "1", "2", "2", "3", "3", "4"]))
    assert plan.formula == "~ set + group"
    assert "3 matched sets" in plan.matching
    assert list(plan.matrix.index) == [f"s{i}" for i in range(6)]
    assert any("s6" in note for note in plan.notes)
    assert plan.strata.tolist() == ["1", "1", "2", "2", "3", "3"]


def test_unpaired_takes_only_the_first_time_of_those_sampled_twice() -> None:
    plan = plan_design(
        sheet(
            subject=["a", "a", "b", "b", "c", "d"], group=["patient"] * 4 + ["control"] * 2,
            time=["before", "after", "before", "after", "once", "once"],
        ),
        "patients vs controls",
    )  # fmt: skip
    assert list(plan.matrix.index) == ["s0", "s2", "s4", "s5"]
    assert any("only the samples at 'before'" in note for note in plan.notes)


def test_paired() -> None:
    plan = plan_design(pairs(3, batch=["x", "x", "y", "y", "x", "x"]))
    assert (plan.name, plan.formula, plan.people, plan.paired) == (
        "before vs after",
        "~ subject + time",
        {"pairs": 3},
        True,
    )
    assert plan.contrast.tolist() == [0, 0, 0, 1]
    assert any("absorbs" in note for note in plan.notes)


def test_pairs_that_miss_a_side_are_left_out_and_named() -> None:
    plan = plan_design(sheet(subject=list("aabbc"), time=["before", "after"] * 2 + ["before"]))
    assert plan.people == {"pairs": 2}
    assert any("s4" in note for note in plan.notes)
    with pytest.raises(InputError, match=r"no subject was sampled both at 'before' and at 'after'"):
        plan_design(sheet(subject=list("abcd"), time=["before", "after"] * 2), "before vs after")
    with pytest.raises(InputError, match=r"there is one pair; allowed: two or more"):
        plan_design(sheet(subject=list("aab"), time=["before", "after", "before"]), "before vs after")


def test_both_is_the_difference_of_changes() -> None:
    given = pairs(5, group=["patient"] * 6 + ["control"] * 4)
    plan = plan_design(given)
    assert plan.name == "both"
    assert plan.people == {"patient": 3, "control": 2}
    # Least squares on this matrix gives the difference of mean changes.
    y = np.arange(10.0) ** 2
    change = y[1::2] - y[::2]
    wanted = change[:3].mean() - change[3:].mean()
    beta = np.linalg.lstsq(plan.matrix.to_numpy(), y, rcond=None)[0]
    assert beta @ plan.contrast == pytest.approx(wanted)  # the same sums
    with pytest.raises(InputError, match=r"changes cannot be compared between groups"):
        plan_design(pairs(3, group=["patient"] * 6), "both")


def test_a_sheet_that_fits_two_designs_asks() -> None:
    given = sheet(
        subject=list("aabbcd"), group=["patient"] * 4 + ["control"] * 2, time=["before", "after"] * 2 + ["before"] * 2
    )
    with pytest.raises(InputError, match=r"two designs fit it.*say which with --design"):
        plan_design(given)


def test_confounded_columns_are_named() -> None:
    given = sheet(group=["patient"] * 3 + ["control"] * 3, batch=["x"] * 3 + ["y"] * 3)
    with pytest.raises(InputError, match=r"these columns cannot be told apart: 'batch\[T.y\], group\[T.patient\]'"):
        plan_design(given)
    with pytest.raises(InputError, match=r"these columns cannot be told apart: 'batch\[T.y\], group\[T.patient\]'"):
        plan_design(given, "~ batch + group")


@pytest.mark.parametrize(
    ("given", "design", "said"),
    [
        (sheet(group=["patient", "control", "control"]), None, r"'patient' has 1 sample; allowed: two or more"),
        (sheet(group=["patient", "control", "control"]), "~ group", "'patient' has 1 sample; allowed: two or more"),
        (sheet(group=["patient"] * 2 + ["control"] * 2, subject=list("aabc")), None, "'a' has several samples"),
        (sheet(group=["patient"] * 4), None, "everybody has the same level"),
        (sheet(x=["p"] * 4), None, "no column tells the group.*name it with --group COLUMN"),
        (sheet(group=list("aabb")), "before vs aftre", "no such design: 'before vs aftre'.*mean 'before vs after'"),
        (sheet(group=list("aabb")), "~ grup", "no such column: 'grup'; allowed: group; did you mean 'group'"),
        (sheet(group=list("aabb")), "~ group +* 3", "this formula cannot be read"),
        (sheet(group=list("aabb"), subject=list("abcd")), "~ subject + group", "4 samples for 5 coefficients"),
    ],
)  # fmt: skip
def test_what_cannot_be_estimated_is_refused(given: SampleSheet, design: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan_design(given, design)


def test_formula_takes_the_last_term_and_numbers_as_numbers() -> None:
    given = sheet(condition=list("ABABAB"), age=[50, 61, 47, 55, 70, 66], group=list("xxyyxy"))
    last = plan_design(given, "~ group + condition")
    assert (last.factor, last.tested, last.reference) == ("condition", "B", "A")
    assert last.strata.tolist() == list("xxyyxy")
    number = plan_design(given, "~ condition + age")
    assert number.label == "age: per unit"
    assert number.positive is None
    assert plan_design(given, "~ group + condition", contrast="group: x vs y").coefficient == "group[T.x]"
    assert plan_design(given, "~ group + condition", reference="B").label == "condition: A vs B"
    without = plan_design(given, "~ 0 + condition", contrast="A vs B")
    assert without.contrast.tolist() in ([1, -1], [-1, 1])
    assert without.coefficient is None
    odd = SampleSheet(given.table.rename(columns={"group": "cell.type", "age": "age at entry"}), {}, "samples.csv")
    assert plan_design(odd, "~ cell.type + condition").matrix.shape == (6, 3)
    assert plan_design(odd, "~ condition + age at entry").factor == "age at entry"
    assert plan_design(odd, "~ condition + cell.type", contrast="cell.type: y vs x").label == "cell_type: y vs x"
    crossed = sheet(a=list("xxyyxxyy"), b=list("uvuvuvuv"))
    assert plan_design(crossed, "~ a * b", contrast="a[T.y]:b[T.v]").label == "a[T.y]:b[T.v]"
    with pytest.raises(InputError, match=r"no column and no coefficient has this name: 'a:b'"):
        plan_design(crossed, "~ a * b", contrast="a:b")


def test_what_is_said_before_anything_is_estimated() -> None:
    said = "\n".join(plan_design(pairs(3)).lines())
    for part in (
        "before vs after: ~ subject + time",
        "contrast    after vs before",
        "reference   before",
        "its own control",
    ):
        assert part in said


def test_confounded_columns_are_named_also_where_samples_are_fewer_than_coefficients() -> None:
    data = simulate_counts(5, changed=0, patients=2, controls=2)
    with pytest.raises(InputError, match=r"cannot be told apart: 'group\[T\.patient\], subject.*4 samples for 5 coeff"):
        plan_design(SampleSheet(data.samples, {"subject": "subject", "group": "group"}, "s.csv"), "~ group + subject")


def test_a_formula_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "formulaic", None)
    with pytest.raises(MissingExtra, match=r"formulaic is not installed; .*pip install 'abate\[expression\]'"):
        model_matrix("~ arm", pd.DataFrame({"arm": ["a", "b"]}))


def test_a_formula_that_cannot_be_built_says_which_option_gave_it() -> None:
    with pytest.raises(InputError, match=r"--reduced: this formula cannot be built .*nowhere"):
        model_matrix("~ nowhere", pd.DataFrame({"arm": ["a", "b"]}), "--reduced")
