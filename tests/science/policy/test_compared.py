"""The plan that the page writes in four languages: what the policy says is what its bookkeeping by hand does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from abate.ground.randomness import normal
from abate.science.policy import begin, decide, load_policy

FOLDER = Path(__file__).parents[3] / "docs" / "compared"
FIRST = [(15, 21), (12.5, 21), (10, 28), *((mg, 28) for mg in range(9, 0, -1)), (0, np.inf)]
SLOW = [(17.5, 14), (15, 14), (12.5, 21), (10, 21), *((mg, 28) for mg in range(9, 0, -1)), (0, np.inf)]
DAYS, VISITS, PEOPLE = 728, 26, 20


def by_hand(score: np.ndarray, cortisol: np.ndarray) -> list[float]:
    """The bookkeeping that the other languages write out, for one person: mg on every day."""
    mg, following, ends = 15.0, 1, 21.0
    slow, stretch, remission, flared = False, 1.0, False, -np.inf
    doses = []
    for day in range(DAYS):
        if day % 28 == 0:
            seen, level = score[day // 28], cortisol[day // 28]
            if not remission and seen < 9.35:
                remission = True
            elif remission and seen >= 9.35 and day - flared >= 28:
                flared, stretch, slow = day, min(stretch * 1.5, 3.0), True
                mg, ends = min(max(mg + 5, 10.0), 30.0), day + 28.0
                following = sum(mg < step for step in (17.5, 15, 12.5))
            if seen < 9.35 and 0 < mg <= 5:
                if level > 300:
                    mg, ends = 0.0, np.inf
                elif level >= 150:
                    ends += 28
        if day >= ends:
            mg, days = (SLOW if slow else FIRST)[following]
            ends = day + days * (stretch if slow and following > 3 else 1)
            following += 1
        doses.append(float(mg))
    return doses


def made_up(people: int) -> tuple[np.ndarray, np.ndarray]:
    visit = np.arange(VISITS)[:, None]
    score = np.exp(0.5 * normal(7, "score", np.arange(people), visit) + 1.7)
    return score, 230 + 120 * normal(7, "cortisol", np.arange(people), visit)


def test_the_policy_says_what_the_bookkeeping_does() -> None:
    people = 200
    score, cortisol = made_up(people)
    policy = load_policy(FOLDER / "plan.yaml")
    memory = begin(policy, people, DAYS, draws={"step-length": 0.5})
    fired: set[str] = set()
    for visit in range(VISITS):
        seen = {"symptom-score": score[visit], "morning-cortisol": cortisol[visit]}
        decisions = decide(policy, 28 * visit, seen, memory, next_visit=28 * (visit + 1))
        memory = decisions.memory
        fired |= {row["decided"].split(" (")[0] for row in decisions.ledger()}
    wanted = np.array([by_hand(score[:, k], cortisol[:, k]) for k in range(people)])
    np.testing.assert_array_equal(memory.plan[:, :DAYS], wanted)
    # The comparison is worth something: every branch of the plan was taken by somebody.
    for part in ("call remission", "call flare", "stop prednisone", "hold and retest", "continue"):
        assert any(part in decided for decided in fired), part
    assert wanted.max() > 15


def test_the_tables_of_the_other_languages_are_those_of_the_tapers() -> None:
    text = (FOLDER / "plan.cpp").read_text(encoding="utf-8")
    for name, table in (("FIRST", FIRST), ("SLOW", SLOW)):
        for column, part in enumerate(("MG", "DAYS")):
            numbers = re.search(rf"{name}_{part}\[\]\s*= {{(.*?)}}", text)
            assert numbers
            found = [float(x) for x in numbers[1].split(",")]
            assert found == [1e9 if np.isinf(row[column]) else row[column] for row in table]
        rows = re.search(rf"const {name}.*?\[\n(.*?)\];", (FOLDER / "plan.rs").read_text(encoding="utf-8"), re.DOTALL)
        assert rows
        pairs = re.findall(r"\(([\d.]+), ([\w.:]+)\)", rows[1])
        assert [(float(a), np.inf if "INFINITY" in b else float(b)) for a, b in pairs] == table


STUB = r"""
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>
namespace evt {
  bool near(double a, double b) { return std::fabs(a - b) < 1e-8; }
  struct regimen {
    double next = 0, mg = 0, every = 1; double* time = nullptr; std::vector<double>* out = nullptr;
    void init(double& t) { time = &t; next = t; }
    void cmt(int) {} void ii(double x) { every = x; } void amt(double x) { mg = x; }
    double time_next() { return next; } void time_next(double x) { next = x; }
    void execute() { if(near(*time, next)) next += every; }
  };
}
typedef double capture;
"""


def compiled(command: list[str], source: Path, text: str, people: int) -> np.ndarray:
    """Compile and run a program that prints mg of every person and day."""
    source.write_text(text, encoding="utf-8")
    program = source.with_suffix("")
    subprocess.run([*command, "-o", str(program), str(source)], check=True, capture_output=True)
    lines = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.split()
    return np.array(lines, dtype=float).reshape(people, DAYS)


def table(name: str, rows: np.ndarray) -> str:
    people = rows.shape[1]
    inner = ",".join("{" + ",".join(map(repr, rows[:, k].tolist())) + "}" for k in range(people))
    return f"const double {name}_[{people}][{VISITS}] = {{{inner}}};"


@pytest.fixture
def wanted() -> np.ndarray:
    score, cortisol = made_up(PEOPLE)
    return np.array([by_hand(score[:, k], cortisol[:, k]) for k in range(PEOPLE)])


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_the_lines_for_mrgsolve_do_the_same_day_by_day(tmp_path: Path, wanted: np.ndarray) -> None:
    """The page's own lines, compiled against a stand-in for the parts of evtools that they call."""
    score, cortisol = made_up(PEOPLE)
    blocks = re.split(r"^\$(\w+)", (FOLDER / "plan.cpp").read_text(encoding="utf-8"), flags=re.MULTILINE)
    code = dict(zip(blocks[1::2], blocks[2::2], strict=True))
    parameters = "\n".join(f"const double {part.strip()};" for part in code["PARAM"].split(","))
    body = code["ERROR"].replace("EPS(1)", "0").replace("EPS(2)", "0")
    main = f"""
int main() {{
  for(int k = 0; k < {PEOPLE}; ++k) for(int day = 0; day < {DAYS}; ++day) {{
    static double self; self = day; const double TIME = day; const int NEWIND = day == 0 ? 1 : 2;
    const double SCORE = SCORE_[k][day / 28], CORT = CORT_[k][day / 28];
    {code["MAIN"]}
    {body}
    std::printf("%.10g\\n", MG);
  }}
}}
"""
    text = "\n".join([STUB, parameters, code["GLOBAL"], table("SCORE", score), table("CORT", cortisol), main])
    np.testing.assert_array_equal(compiled(["g++", "-std=c++17"], tmp_path / "plan.cpp", text, PEOPLE), wanted)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_the_lines_for_rxode2_do_the_same_day_by_day(tmp_path: Path, wanted: np.ndarray) -> None:
    """The page's own lines read as C: what replace() pushes reaches the compartments after the evaluation."""
    score, cortisol = made_up(PEOPLE)
    body = (FOLDER / "plan.R").read_text(encoding="utf-8").split("rxode2({\n")[1].split("\n})")[0]
    lines = [line.split("#")[0].strip() for line in body.splitlines()]
    names = [found[1] for line in lines if (found := re.match(r"d/dt\((\w+)\)", line))]
    start = {found[1]: found[2] for line in lines if (found := re.match(r"(\w+)\(0\) <- (.*)", line))}
    code = []
    for line in lines:
        if re.match(r"d/dt|\w+\(0\) <-", line):
            continue
        line = re.sub(r"^replace\((.*), (\w+)\)$", r"\2_pushed = \1;", line).replace("t %% 28", "std::fmod(t, 28)")
        line = re.sub(r"^bolus\((\w+),.*$", r"given = \1;", line)
        line = re.sub(r"^(\w+) <- (.*)$", r"\1 = \2;", line)
        code.append(re.sub(r"\b(min|max)\(", r"std::\1<double>(", line))
    local = "double seen, cortisol, now, nextrow, until, slower, second, given = 0;"
    begun = "\n".join(f"double {n} = {start.get(n, '0')}, {n}_pushed = {n};" for n in names)
    after = "\n".join(f"{n} = {n}_pushed;" for n in names)
    main = f"""
int main() {{ for(int k = 0; k < {PEOPLE}; ++k) {{
  {begun}
  for(int day = 0; day < {DAYS}; ++day) {{
    const double t = day, score = SCORE_[k][day / 28], cort = CORT_[k][day / 28];
    {local}
    {chr(10).join(code).replace("score.err", "0").replace("cort.err", "0")}
    {after}
    std::printf("%.10g\\n", given);
  }}
}} }}
"""
    text = "\n".join([STUB, table("SCORE", score), table("CORT", cortisol), main])
    np.testing.assert_array_equal(compiled(["g++", "-std=c++17"], tmp_path / "plan.cpp", text, PEOPLE), wanted)


RUST = """
#[derive(Default)]
struct AdaptiveSimulateOptions { seed: Option<u64>, decision_times: Vec<f64>, monitors: Vec<MonitorSpec> }
struct MonitorSpec; enum ObserveMode { Dv }
impl MonitorSpec { fn new(_: &str, _: usize, _: ObserveMode) -> Self { MonitorSpec } }
enum DoseAction { Bolus { amt: f64, cmt: usize }, Hold }
struct ControllerCtx { t: f64, score: f64, cortisol: f64 }
impl ControllerCtx { fn signal(&self, name: &str) -> Option<f64> {
    Some(if name == "SCORE" { self.score } else { self.cortisol }) } }
"""


@pytest.mark.skipif(shutil.which("rustc") is None, reason="no Rust compiler")
def test_the_lines_for_ferx_do_the_same_day_by_day(tmp_path: Path, wanted: np.ndarray) -> None:
    """The page's own lines, compiled against a stand-in for the types that they name."""
    score, cortisol = made_up(PEOPLE)
    lines = (FOLDER / "plan.rs").read_text(encoding="utf-8").replace("\nlet result", "\n// let result")
    people = [zip(score[:, k].tolist(), cortisol[:, k].tolist(), strict=True) for k in range(PEOPLE)]
    rows = "[" + ",".join("[" + ",".join(f"({a!r},{b!r})" for a, b in person) + "]" for person in people) + "]"
    main = f"""
fn main() {{
{lines}
    let rows: [[(f64, f64); {VISITS}]; {PEOPLE}] = {rows};
    let _ = (opts.seed, opts.decision_times.len(), opts.monitors.len());
    for person in rows.iter() {{
        let mut controller = make_controller();
        for day in 0..{DAYS} {{
            let (score, cortisol) = person[day / 28];
            let mut given = 0.0;
            for action in controller(&ControllerCtx {{ t: day as f64, score, cortisol }}) {{
                if let DoseAction::Bolus {{ amt, cmt: 1 }} = action {{ given = amt; }}
            }}
            println!("{{given}}");
        }}
    }}
}}
"""
    np.testing.assert_array_equal(
        compiled(["rustc", "-A", "warnings"], tmp_path / "plan.rs", RUST + main, PEOPLE), wanted
    )
