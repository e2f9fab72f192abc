"""The page: one file, no network, every picture with words, every report with its honesty."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from abate.report import document, figures, page, tables

VOID = {"meta", "br", "link", "img", "input", "hr", "path", "rect"}


class Outline(HTMLParser):
    """Collects tags, attributes and what never closes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def small_report(**changes: object) -> page.Report:
    figure = figures.dose_over_time({"placebo": figures.band_of([[60, 40, 20], [50, 30, 10]], [0, 1, 2])})
    data = pd.DataFrame({"week": [0, 1, 2], "mg": [55.0, 35.0, 15.0]})
    parts = (
        page.Keys((page.Key("Sustained remission", "54 %", "95 % interval 44 to 63 %"),)),
        page.Keys((page.Key("placebo", "12 %", tint="c1"),), title="Free of a flare"),
        page.Prose("What <script>alert(1)</script> must not run.", role="reading"),
        page.Figure("dose", figure, "Median & band.", "the dose falls", data),
        page.Table("flares", tables.table(data, caption="Doses"), data),
        page.Story((page.Line("Week 2", "A flare is called.", "headache", "event"),)),
    )
    behind = page.Section("What stands behind this", (page.Honesty({"Seed": "1"}, ("Remission",), ("Flares",)),))
    fields = {"title": "A small trial", "kind": "Simulated trial", "sections": (page.Section("Doses", parts), behind)}
    return page.Report(**{**fields, **changes})  # type: ignore[arg-type]


def test_page_is_well_formed_and_has_landmarks() -> None:
    outline = Outline(page.render(small_report()))
    assert outline.wrong == []
    assert outline.open == []
    for landmark in ("header", "nav", "main", "footer"):
        assert len(outline.attributes(landmark)) == 1
    assert outline.attributes("html")[0]["lang"] == "en"
    ids = [attrs["id"] for _, attrs in outline.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    targets = [str(a["href"])[1:] for a in outline.attributes("a") if str(a.get("href", "")).startswith("#")]
    assert set(targets) <= set(ids)


def test_every_picture_says_what_it_shows() -> None:
    outline = Outline(page.render(small_report()))
    drawings = [a for a in outline.attributes("svg") if "figure-drawing" in str(a.get("class"))]
    assert len(drawings) == 2  # one for a wide page, one for a phone
    assert {(a["role"], a["aria-label"]) for a in drawings} == {("img", "the dose falls")}


def test_page_asks_for_nothing_from_outside() -> None:
    html = page.render(small_report())
    assert "default-src 'none'" in html
    outline = Outline(html)
    loaded = [a.get(key) for tag, a in outline.tags for key in ("src", "href") if a.get(key) and tag != "a"]
    assert loaded == []
    assert re.findall(r"url\(|@import", html) == []
    assert "<script" not in html


def test_words_from_outside_cannot_become_markup() -> None:
    assert "What &lt;script&gt;alert(1)&lt;/script&gt; must not run." in page.render(small_report())


def test_a_report_without_honesty_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an Honesty part"):
        small_report(sections=(page.Section("Doses", (page.Prose("words"),)),))


def test_two_things_of_one_name_are_refused() -> None:
    table = page.Table("doses", "<table></table>")
    sections = (page.Section("One", (table, table, page.Honesty())),)
    with pytest.raises(ValueError, match="figures and tables of a report need different names; twice: doses"):
        small_report(sections=sections)
    twice = page.Section("One", (page.Honesty(),))
    with pytest.raises(ValueError, match="sections of a report need different names; twice: one"):
        small_report(sections=(twice, twice))


def test_honesty_always_says_research_only_and_lists_what_was_fitted() -> None:
    html = page.render(small_report())
    assert "For research. Not a prescription" in html
    assert "Nothing here tells a person to stop or cut a steroid" in html
    assert "<dt>Seed</dt><dd>1</dd>" in html
    assert html.index("so agreement is no evidence") < html.index("Remission") < html.index("not used in fitting")


def test_write_puts_numbers_and_drawings_beside_the_page(tmp_path: Path) -> None:
    path = page.write(small_report(), tmp_path)
    assert path == tmp_path / "report.html"
    back = pd.read_csv(tmp_path / "data" / "dose.csv")
    assert back["mg"].tolist() == [55.0, 35.0, 15.0]
    svg = (tmp_path / "figures" / "dose.svg").read_text()
    assert svg.startswith("<svg")
    assert "<style>" in svg  # it keeps its colours without the page
    links = [str(a["href"]) for a in Outline(path.read_text()).attributes("a") if a.get("download", "-") is None]
    assert sorted(links) == ["data/dose.csv", "data/flares.csv", "figures/dose.svg"]
    assert all((tmp_path / link).is_file() for link in links)


def test_a_page_alone_offers_no_file_that_is_not_there() -> None:
    assert 'href="data/' not in page.render(small_report())


def test_interactive_page_carries_plotly_once_and_keeps_the_still_picture() -> None:
    html = page.render(small_report(), interactive=True)
    assert html.count("Plotly.newPlot(live") == 1
    assert html.count('aria-pressed="false">Explore') == 1
    assert 'class="wide"' in html


def test_long_numbers_are_thinned_in_the_page_and_whole_in_the_file(tmp_path: Path) -> None:
    days = pd.DataFrame({"day": range(400)})
    figure = figures.histogram({"all": [1, 2, 3]}, x="Dose (mg)")
    section = page.Section("Long", (page.Figure("long", figure, "c", "a", days), page.Honesty()))
    html = page.write(small_report(sections=(section,)), tmp_path).read_text()
    assert "40 of 400 rows, all of them in the CSV" in html
    assert len(pd.read_csv(tmp_path / "data" / "long.csv")) == 400


def test_table_marks_head_groups_and_missing_values() -> None:
    frame = pd.DataFrame(
        {"kind": ["a", "a", "b"], "arm": ["x", "y", "<z>"], "n": [1, 2, None], "p": [0.01234, 1.0, 0.5]}
    )
    html = tables.table(frame, caption="C & D", group="kind")
    assert html.count('<tr class="group">') == 2
    assert '<th scope="row">&lt;z&gt;</th><td class="num">—</td>' in html
    assert '<td class="num">0.0123</td>' in html
    assert "<caption>C &amp; D</caption>" in html
    assert Outline(html).wrong == []


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0\u00a0%"),
        (0.0049, "0.5\u00a0%"),
        (0.5, "50\u00a0%"),
        (0.999, "99.9\u00a0%"),
        (float("nan"), "—"),
        (None, "—"),
    ],
)
def test_percent(value: float, written: str) -> None:
    assert tables.percent(value) == written


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (0, 3, "0"),
        (-0.51234, 3, "−0.512"),
        (12345.6, 3, "12\u202f346"),
        (1e-7, 2, "0.00000010"),
        (float("inf"), 3, "—"),
    ],
)
def test_number(value: float | None, digits: int, written: str) -> None:
    assert tables.number(value, digits) == written


def test_an_estimate_without_interval_says_so() -> None:
    assert tables.interval({"estimate": 3.0, "low": None, "high": None}) == "3.00 (no interval)"
    assert tables.interval({"estimate": None, "low": None, "high": None}, share=True) == "—"


def test_typeset_report_holds_the_same_words_and_no_markup_from_outside(tmp_path: Path) -> None:
    report = small_report(title='A "small" #trial')
    source, drawings = document.typeset(report)
    assert '#text("What <script>alert(1)</script> must not run.")' in source
    assert set(drawings) == {"dose.svg"}
    assert "<style>" in drawings["dose.svg"]
    assert "Not a prescription" in source
    pytest.importorskip("typst", reason="PDF comes with the extra 'pdf'")
    made = document.write_pdf(report, tmp_path / "report.pdf").read_bytes()
    assert made.startswith(b"%PDF")
    assert made == document.write_pdf(report, tmp_path / "again.pdf").read_bytes()


def test_typeset_table_keeps_every_cell() -> None:
    frame = pd.DataFrame({"kind": ["a", "b"], "arm": ["x", "#y"], "n": [1, 2]})
    html = tables.table(frame, caption="Counts", group="kind", notes=["a note"])
    section = page.Section("One", (page.Table("counts", html), page.Honesty()))
    source, _ = document.typeset(small_report(sections=(section,)))
    cells = re.findall(r"table\.cell\(colspan: (\d), align: (\w+)\)\[(?:#strong\[)?#text\(\"([^\"]*)\"\)", source)
    assert [text for _, _, text in cells] == ["arm", "n", "a", "x", "1", "b", "#y", "2"]
    assert [span for span, _, text in cells if text in "ab"] == ["2", "2"]
    assert '#muted[#text("a note")]' in source


def test_typeset_columns_never_stand_over_each_other() -> None:
    """A column as wide as its longest word, however much the others say."""
    long = "stopping the trial drug: treatment policy; rescue medication: hypothetical; flare: composite"
    frame = pd.DataFrame({"Estimand": ["hypothetical"], "Events": [long], "p": ["0.0312"], "Missing": [long]})
    html = tables.table(frame, caption="Estimands")
    source, _ = document.typeset(small_report(sections=(page.Section("One", (page.Table("t", html), page.Honesty())),)))
    found = re.search(r"#table\(columns: \(([^)]*)\)", source)
    assert found is not None
    shares = [float(part.strip().removesuffix("fr")) for part in found[1].strip(", ").split(",")]
    letters = [98 * share / sum(shares) - 2 for share in shares]  # 98 letters a line, 2 for the inset
    assert all(
        wide >= word for wide, word in zip(letters, [len("hypothetical"), len("hypothetical;"), 6, 13], strict=True)
    )
    assert letters[1] > 25  # what says much gets the room
    short = tables.table(frame[["Estimand", "p"]], caption="Estimands")
    plain, _ = document.typeset(small_report(sections=(page.Section("One", (page.Table("t", short), page.Honesty())),)))
    assert "columns: (1.6fr, auto, )" in plain


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_browser_opens_the_page_offline_and_nothing_sticks_out(
    width: int, scheme: str, chromium: str, tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    path = page.write(small_report(), tmp_path)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
        tab = context.new_page()
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shown = "narrow" if width < 500 else "wide"
        assert tab.locator(f".{shown} svg").first.is_visible()
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        browser.close()
    assert said == []
    assert paper == ("rgb(20, 24, 29)" if scheme == "dark" else "rgb(255, 255, 255)")


@pytest.mark.browser
def test_browser_explores_a_figure_offline(chromium: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    path = page.write(small_report(), tmp_path, interactive=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(color_scheme="dark", offline=True).new_page()
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(path.as_uri())
        button = tab.get_by_role("button", name="Explore")
        button.click()
        tab.wait_for_selector("figure .js-plotly-plot .scatterlayer")
        hidden = tab.locator("figure .wide").is_hidden()
        stroke = tab.locator(".js-line").last.evaluate("line => getComputedStyle(line).stroke")
        button.click()
        back = tab.locator("figure .wide").is_visible()
        browser.close()
    assert said == []
    assert hidden
    assert back
    assert stroke == "rgb(93, 181, 234)"  # the dark twin of the first arm's blue
