from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abate.ground.errors import MissingExtra
from abate.ground.results import write_results
from abate.report import export, series
from abate.report.series_citations import bibtex, method_references
from abate.report.series_figures import _apart
from abate.report.series_tables import exact_tests
from abate.report.series_text import p_value
from abate.report.series_view import plain, view
from abate.study.readers import read
from abate.study.series import analyse
from abate.study.tables import StudyTables, empty

spec = importlib.util.spec_from_file_location("six", Path(__file__).parents[1] / "study" / "six.py")
made_up = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made_up)
six = made_up.six


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("series")
    source = {
        "file": "series.csv",
        "format": "csv",
        "shape": "wide",
        "counts": {"people": 6, "visits": 18, "values": 54},
        "roles": {"subject": "patient", "visit": "visit"},
        "columns": {"FIQR total": "fiqr", "sex": "subject:sex"},
        "questions": ["crp: is it mg/dL?"],
        "assumptions": ["doses were read from doses.csv"],
        "unmapped": ["notes"],
    }
    results = analyse(six()) | {"source": source}
    write_results(target, "series", None, results)
    series.write(six(), results, target)
    return target


@pytest.fixture(scope="module")
def html(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def only_svg(monkeypatch):
    """Leave the PNG files out: the folder above has them, and drawing them takes most of the time."""

    def absent(*_args, **_options):
        raise MissingExtra("pdf", "typst")

    monkeypatch.setattr(export, "save", absent)


def test_files(folder):
    csv = {path.stem for path in (folder / "data").glob("*.csv")}
    assert csv >= {"table-1", "changes", "exact-tests", "responders", "regression", "mixed-model", "exposure"}
    assert csv >= {"people-fiqr", "people-pain", "pain-week-4", "pain-week-12", "subgroup-fibromyalgia"}
    svg = {path.stem for path in (folder / "figures").glob("*.svg")}
    assert svg == {p.stem for p in (folder / "figures").glob("*.png")}
    assert svg >= {"exposure", "people-fiqr", "people-pain", "pain-week-4", "pain-week-12"}


def test_every_person_can_be_followed(folder):
    for name in ("people-fiqr", "exposure", "pain-week-12"):
        drawing = (folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        for person in made_up.PEOPLE:
            assert f">{person}<" in drawing, (name, person)
    frame = pd.read_csv(folder / "data" / "people-fiqr.csv")
    assert frame["week 12"].tolist() == made_up.FIQR[12]


def test_the_tables_hold_the_numbers_of_the_results(folder):
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    tests = pd.read_csv(folder / "data" / "exact-tests.csv")
    assert len(tests) == 6
    for row in tests.itertuples():
        name = next(k for k, m in results["measures"].items() if m["label"] == row.measure)
        entry = results["measures"][name]["visits"][row.visit.replace(" ", "-")]
        assert (row.p, row.smallest_p, row.p_holm) == (entry["p"], entry["smallest_p"], entry["p_holm"])
    rates = pd.read_csv(folder / "data" / "responders.csv").set_index(["rule", "visit"])
    assert rates.loc[("pain-30-percent", "week-4"), "events"] == 4
    assert rates.loc[("pain-30-percent", "week-12"), "events"] == 3


def test_names_that_were_read_as_something_else(folder):
    frame = pd.read_csv(folder / "data" / "reading.csv")
    assert frame["in the file"].tolist() == ["patient", "FIQR total"]
    assert frame["read as"].tolist() == ["subject", "fiqr"]


def test_waterfall_lines_and_colours(folder):
    changes = pd.read_csv(folder / "data" / "pain-week-4.csv").set_index("subject")["change_percent"]
    assert changes["P6"] == 0
    # Written with six decimals.
    assert changes["P1"] == pytest.approx(-37.5, abs=1e-6)
    drawing = (folder / "figures" / "pain-week-4.svg").read_text(encoding="utf-8")
    assert "−30 %" in drawing
    assert "−50 %" in drawing


def test_the_page_says_what_a_reader_must_know(html):
    assert "There is no control group" in html
    assert "smallest p attainable" in html
    assert "For research. Not a prescription" in html
    assert "not tested: the smallest subgroup has 2 people, fewer than 10" in html
    assert "Please check: crp: is it mg/dL?" in html
    assert "Not understood and left out: notes" in html
    assert "Assumed: doses were read from doses.csv." in html
    assert "series.csv was read as a wide csv file: 6 people, 18 visits, 54 values." in html
    assert "no exact 95\u00a0% interval exists" in html


def test_methods_cite_what_was_used_and_nothing_else(folder, html):
    keys = set(re.findall(r"^@\w+\{([^,]+),", (folder / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))
    assert keys >= {
        "wilcoxon1945",
        "pratt1959",
        "hodges1963",
        "clopper1934",
        "kenward1997",
        "abate",
        "fiqr-bennett-2009",
    }
    assert "mann1947" not in keys  # no subgroup was tested
    numbers = {int(n) for part in re.findall(r"\[([\d–, ]+)\]", html) for n in re.findall(r"\d+", part)}
    listed = re.findall(r'<p class="note">(\d+)\. ', html)
    assert listed == [str(k) for k in range(1, len(keys))]
    assert numbers <= {int(k) for k in listed}
    without = analyse(six(pain={}, fibromyalgianess={}, fiqr={0: made_up.FIQR[0], 4: made_up.FIQR[4]}))
    _, cited = series.methods(view(six(pain={}, fibromyalgianess={}), without))
    assert not {"pratt1959", "kenward1997", "mcnemar1947", "holm1979"} & {reference.key for reference in cited}


def test_references_are_whole():
    text = bibtex(method_references(["wilcoxon1945", "fisher1935"]), "1.0")
    assert text.count("{") == text.count("}")
    assert "version = {1.0}" in text


def test_sentences_follow_the_numbers():
    said = series.sentences(analyse(six()))
    fiqr = next(s for s in said if s.startswith("FIQR total") and "week 12" in s)
    assert "improved in 6 of 6 people by week 12: median 71.5 before and 57.5 after" in fiqr
    assert "typical change −13.8" in fiqr
    assert "96.9\u00a0% interval −22.5 to −4.50" in fiqr
    assert "p = 0.03125, the smallest that 6 people who changed can give" in fiqr
    pain = next(s for s in said if s.startswith("Pain improved"))
    assert "5 of 6 people by week 4, 1 did not change" in pain
    assert "range −3.00 to −1.00, which covers 93.8\u00a0%: no exact 95\u00a0% interval exists" in pain
    assert any("4 of 6 at week 4 (67\u00a0%; 22\u00a0% to 96\u00a0%); 3 of 6 at week 12 (50\u00a0%;" in s for s in said)
    assert "after Holm's correction for 6 tests none can fall below 0.05" in said[-2]


def test_sentence_of_five_people_says_that_nothing_can_be_shown():
    five = {week: [*values[:5], None] for week, values in made_up.FIQR.items()}
    said = series.sentences(analyse(six(fiqr=five, pain={}, fibromyalgianess={})))
    assert any("is 0.0625: no result could fall below 0.05, however large" in s for s in said)


def test_sentences_of_one_person():
    one = {week: [values[0], *[None] * 5] for week, values in made_up.FIQR.items()}
    said = " ".join(series.sentences(analyse(six(fiqr=one, pain={}, fibromyalgianess={}))))
    assert "improved in 1 of 1 person by week 4" in said
    assert "typical change −17.5 (Hodges-Lehmann; one change has no interval)" in said
    assert "With 1 person who changes, the smallest" in said


def test_methods_are_whole_sentences_and_do_not_deny_prorating():
    paragraphs, _ = series.methods(view(six(), analyse(six())))
    text = " ".join(paragraphs)
    assert not re.search(r"[.\]] [a-z]", text)
    assert "treated as the authors of each questionnaire say" in text
    assert "The first and the last follow-up were compared with an exact McNemar test [" in text


def test_one_test_is_not_said_to_be_corrected():
    tables = six(fiqr={week: made_up.FIQR[week] for week in (0, 4)}, pain={}, fibromyalgianess={})
    results = analyse(tables)
    notes = " ".join(exact_tests(view(tables, results)).notes)
    assert "Holm" not in notes
    assert "Effect size: matched" in notes
    assert results["measures"]["fiqr"]["mixed_model"]["reason"] == "1 follow-up visit; made for 2 to 6"
    assert "Holm: corrected for the 6 tests" in " ".join(exact_tests(view(six(), analyse(six()))).notes)


def test_sentence_of_nobody_changed():
    same = {0: made_up.FIQR[0], 4: made_up.FIQR[0]}
    said = series.sentences(analyse(six(fiqr=same, pain={}, fibromyalgianess={})))
    assert any("6 did not change" in s and "nobody changed, so there is nothing to test" in s for s in said)


@pytest.mark.usefixtures("only_svg")
def test_the_report_in_the_docs_is_what_is_written_now(tmp_path):
    root = Path(__file__).parents[2]
    reading = read(root / "examples/fibromyalgia-series/series.csv")
    results = analyse(reading.tables) | {"source": reading.mapping.as_dict()}
    page = series.write(reading.tables, results, tmp_path).read_text(encoding="utf-8")
    kept = (root / "docs/reports/fibromyalgia-series/report.html").read_text(encoding="utf-8")
    assert words_of(page) == words_of(kept)  # the command that writes it again stands in docs/index.md


def words_of(page):
    """The words of a page, without its drawings and its style."""
    text = re.sub(r"<(svg|style|script).*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", text).split()


@pytest.mark.usefixtures("only_svg")
def test_missing_follow_up_has_its_table(tmp_path):
    fiqr = {0: made_up.FIQR[0], 4: [55, None, 70, 66, 49, 69], 12: made_up.FIQR[12]}
    pain = {0: made_up.PAIN[0], 4: [5, 4, 6, 7, 4, None], 12: made_up.PAIN[12]}
    tables = six(fiqr=fiqr, pain=pain)
    page = series.write(tables, analyse(tables), tmp_path).read_text(encoding="utf-8")
    frame = pd.read_csv(tmp_path / "data" / "missing.csv")
    assert frame["missing"].tolist() == [1, 1]
    assert "between 4 and 5 of 6 whatever happened to the 1 person not seen" in page


@pytest.mark.usefixtures("only_svg")
def test_a_simulated_study_without_questionnaires(tmp_path):
    generator = np.random.default_rng(2)
    people = [str(k) for k in range(30)]
    rows = [
        (p, 7.0 * w, f"week {w}", "crp", "", float(generator.lognormal(2 - w / 20, 0.5)), "mg/L", "")
        for p in people
        for w in range(0, 40, 4)
    ]
    columns = ["subject", "time", "visit", "measure", "item", "value", "unit", "censoring"]
    nothing = [empty(name) for name in ("doses", "events", "decisions")]
    subjects = pd.DataFrame({"subject": people, "arm": "all"})
    tables = StudyTables(subjects, pd.DataFrame(rows, columns=columns), *nothing, {"source": "simulated"})
    page = series.write(tables, analyse(tables), tmp_path).read_text(encoding="utf-8")
    assert "Simulated paired series" in page
    assert "These people are simulated" in page
    assert "Higher was taken as worse for: C-reactive protein" in page
    assert "No mixed model was fitted" in page
    assert not (tmp_path / "data" / "responders.csv").exists()


@pytest.mark.usefixtures("only_svg")
def test_png_is_left_out_without_the_extra(tmp_path):
    tables = six(pain={}, fibromyalgianess={})
    series.write(tables, analyse(tables), tmp_path)
    assert not list((tmp_path / "figures").glob("*.png"))
    assert list((tmp_path / "figures").glob("*.svg"))


@pytest.mark.usefixtures("only_svg")
def test_pdf(tmp_path):
    pytest.importorskip("typst", reason="needs the extra 'pdf'")
    tables = six()
    series.write(tables, analyse(tables), tmp_path, pdf=True)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("only_svg")
def test_pdf_without_typst(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    tables = six(pain={}, fibromyalgianess={})
    with pytest.raises(MissingExtra, match=r"pip install 'abate\[pdf\]'"):
        series.write(tables, analyse(tables), tmp_path, pdf=True)


def test_names_beside_lines_do_not_overlap():
    placed = _apart([1.0, 1.0, 1.5, 9.0, 9.1], 1.0)
    assert np.all(np.diff(placed) >= 1 - 1e-12)
    assert np.mean(placed[:3]) == pytest.approx(np.mean([1.0, 1.0, 1.5]))


def test_plain_results_are_json():
    content = plain(analyse(six()))
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert p_value(content["measures"]["fiqr"]["visits"]["week-4"]["p"]) == "0.03125"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(folder, chromium, scheme):
    """axe-core finds nothing, on a light and on a dark screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        # The page forbids every script; axe is one.
        page = browser.new_context(color_scheme=scheme, bypass_csp=True, offline=True).new_page()
        page.goto((folder / "report.html").as_uri())
        found = axe.Axe().run(page)
        browser.close()
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 30
