"""``abate design`` as people call it."""

import json
from pathlib import Path

import pytest

from abate.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["design", *words])
    out, err = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return stop.value.code, out, err


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    code, out, err = run(capsys, *words, "--json")
    assert code == 0, err
    return json.loads(out)["design"]


def test_looks_alone(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--looks", "3", "--alpha", "0.05", "--power", "0.9", "--boundary", "obrien-fleming")
    design = answer(capsys, *words)
    assert [row["z"] for row in design["boundaries"]] == pytest.approx([3.471, 2.454, 2.004], abs=5e-4)
    assert design["boundaries"][-1]["cumulative_alpha"] == pytest.approx(0.05, abs=1e-8)
    assert design["inflation_factor"] == pytest.approx(1.016, abs=5e-4)
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "2.0040" in out


@pytest.mark.parametrize(
    ("words", "last"),
    [
        (("--boundary", "pocock"), 2.289),
        (("--boundary", "wang-tsiatis", "--delta", "0.25"), 2.083),
        (("--boundary", "haybittle-peto"), 1.975),
        (("--spending", "obrien-fleming"), 1.993),
        (("--spending", "pocock"), 2.296),
    ],
)
def test_families(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], last: float) -> None:
    design = answer(capsys, "--looks", "3", *words)
    assert design["boundaries"][-1]["z"] == pytest.approx(last, abs=1e-3)
    assert design["boundaries"][-1]["cumulative_alpha"] == pytest.approx(0.05, abs=1e-6)


def test_hwang_shih_decani_is_a_boundary_and_a_spending_function(capsys: pytest.CaptureFixture[str]) -> None:
    one = answer(capsys, "--looks", "5", "--boundary", "hwang-shih-decani")
    other = answer(capsys, "--looks", "5", "--spending", "hwang-shih-decani", "--gamma", "-4")
    assert one["boundaries"] == other["boundaries"]
    assert one["boundaries"][0]["z"] == pytest.approx(3.2527, abs=5e-5)  # gsDesign's default design


def test_sizes_and_expected_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--control", "0.25", "--treatment", "0.5", "--looks", "3", "--futility", "hwang-shih-decani")
    design = answer(capsys, *words, "--spending", "obrien-fleming", "--dropout", "0.1")
    sizes = design["sample_size"]
    assert sizes["total"] == design["boundaries"][-1]["total"]
    assert sizes["randomised_total"] >= sizes["total"] / 0.9
    assert design["attained_power"] >= 0.9 - 1e-3
    assert design["expected_sample_size"]["null"] < sizes["total"]
    assert design["boundaries"][-1]["cumulative_alpha"] == pytest.approx(0.05, abs=1e-6)
    assert design["fixed_sample_size"]["total"] == 154


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("blinded-re-estimation", ("--effect", "8", "--sd", "16")),
        ("promising-zone", ("--effect", "8", "--sd", "16", "--adapt", "most=1.5")),
        ("response-adaptive", ("--control", "0.3", "--treatment", "0.5", "--adapt", "rule=rosenberger")),
        ("bayesian", ("--control", "0.3", "--treatment", "0.5", "--looks", "4")),
        ("enrichment", ("--effect", "8", "--sd", "16")),
    ],
)
def test_adaptive_designs(capsys: pytest.CaptureFixture[str], name: str, words: tuple[str, ...]) -> None:
    found = answer(capsys, *words, "--adaptive", name, "--simulate", "8000")["adaptive"]
    nominal, null = found["nominal_error"], found["null"]["rejected"]["estimate"]
    # Three Monte-Carlo standard errors; Simes' intersection test makes enrichment conservative.
    window = 3 * (nominal * (1 - nominal) / 8000) ** 0.5
    assert null <= nominal + window
    assert null >= (0.5 * nominal if name == "enrichment" else nominal - window)
    assert found["effect"]["rejected"]["estimate"] > 0.5
    for key, value in [word.split("=") for word in words if "=" in word]:
        assert str(found["settings"][key]) == value


def test_simulated_looks(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--control", "0.3", "--treatment", "0.5", "--looks", "3", "--simulate", "8000")
    found = answer(capsys, *words)["simulated"]
    assert found["null"]["rejected"]["estimate"] == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 8000) ** 0.5)


def test_out_holds_results_and_a_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ("--effect", "10", "--sd", "20", "--looks", "2", "--out", str(tmp_path / "d"))
    code, _, err = run(capsys, *words)
    assert code == 0, err
    written = json.loads((tmp_path / "d" / "results.json").read_text())
    assert written["kind"] == "design"
    page = (tmp_path / "d" / "report.html").read_text()
    assert "not a prescription" in page
    assert f"{written['design']['sample_size']['total']} people" in page


def test_a_pilot(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = ["subject,visit,measure,value"]
    for person, (first, last) in enumerate([(60, 40), (70, 66), (55, 30), (80, 78), (66, 50), (72, 60)]):
        lines += [f"P{person},week 0,fiqr,{first}", f"P{person},week 12,fiqr,{last}"]
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n")
    design = answer(capsys, "--pilot", str(tmp_path / "p.csv"))
    assert design["pilot"]["n"] == 6
    assert design["pilot"]["kept"] == 0.5
    assert design["assurance"]["assurance"] < design["attained_power"] < 1
    assert design["assurance"]["assurance"] < design["assurance"]["ceiling"] < 1
    _, said, _ = run(capsys, "--pilot", str(tmp_path / "p.csv"))
    # the changes are -20, -4, -25, -2, -16 and -12
    assert "pilot of 6: change \u221213.2 (" in said
    assert "SD 9; kept of it \u22126.58, 0.73 standard deviations" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing to design"),
        (("--looks", "3", "--power", "1.2"), "power lies between 0 and 1"),
        (("--effect", "0", "--sd", "10"), "effect is zero"),
        (("--control", "0.3", "--treatment", "0.3"), "nearest feasible: 500 people on control find"),
        (("--looks", "3", "--boundary", "obrien"), "did you mean 'obrien-fleming'"),
        (("--information", "0.01,1", "--spending", "obrien-fleming"), "cannot be reached"),
        (("--looks", "2", "--boundary", "pocock", "--spending", "pocock"), "give one of them"),
        (("--looks", "2", "--information", "0.5,x"), "not numbers with commas"),
        (("--hazard-ratio", "0.5"), "--control: the share of the control arm"),
        (("--hazard-ratio", "0.5", "--odds-ratio", "2"), "two endpoints at once"),
        (("--control", "30", "--treatment", "50"), "write 30 % as 0.3"),
        (("--pilot", "nowhere.csv"), "there is no such"),
        (("--pilot", "3/6"), "share of responders without the drug is needed"),
        (("--pilot", "6/6", "--control", "0.2", "--prior-people", "0"), "shows no variance"),
        (("--effect", "1", "--adaptive", "bayes"), "did you mean 'bayesian'"),
        (("--effect", "1", "--adaptive", "response-adaptive"), "is for responders"),
        (("--effect", "1", "--adaptive", "promising-zone", "--adapt", "mots=2"), "did you mean 'most'"),
        (("--effect", "1", "--adaptive", "promising-zone", "--adapt", "most=x"), "most cannot be read"),
        (("--trial", "giacat"), "there is no such trial"),
        (("--trial", "giacta", "--endpoint", "flares"), "--endpoint"),
    ],
)
def test_what_cannot_be_is_one_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    code, out, err = run(capsys, *words)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert message in err


def test_nothing_is_left_behind_when_it_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, _ = run(capsys, "--looks", "3", "--power", "2", "--out", str(tmp_path / "d"))
    assert code == 2
    assert list(tmp_path.iterdir()) == []
