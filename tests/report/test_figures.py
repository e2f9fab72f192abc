"""Figures: what they draw is what they were given, in plotly and in SVG alike."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from abate.ground.errors import InputError
from abate.report import figures as f
from abate.report.drawing_axes import Scale, nice_ticks, scale_of, ticks_of
from abate.report.export import save
from abate.report.flow import FlowArm, FlowStep, flow_diagram
from abate.report.palette import PAPER, SERIES, SERIES_DARK, contrast

SVG = "{http://www.w3.org/2000/svg}"
DARK_PAPER = "#14181d"


def drawn(figure: go.Figure, **options: object) -> ET.Element:
    return ET.fromstring(f.to_svg(figure, **options))  # type: ignore[arg-type]


def path_points(d: str) -> np.ndarray:
    return np.array([[float(v) for v in part.split()] for part in re.split(r"[ML]", d.rstrip("Z")) if part])


def texts(root: ET.Element) -> list[str]:
    return ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]


def test_colours_can_be_seen_on_their_paper() -> None:
    # 3:1 is what WCAG 2.2 asks of graphics (1.4.11); words in these colours are numbers at risk, 4.5:1 (1.4.3)
    assert min(contrast(c, PAPER) for c in SERIES) >= 4.5
    assert min(contrast(c, DARK_PAPER) for c in SERIES_DARK) >= 4.5


def test_colours_differ_for_colour_blind_eyes() -> None:
    # Vienot 1999: what is left to a dichromat, in linear RGB; 0.05 is far more than a screen's step of 1/255
    to_deutan = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    to_protan = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
    for series in (SERIES[:4], SERIES_DARK[:4]):
        rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in series]) ** 2.2
        for eye in (np.eye(3), to_deutan, to_protan):
            seen = rgb @ eye.T
            gaps = [np.linalg.norm(seen[i] - seen[j]) for i in range(4) for j in range(i)]
            assert min(gaps) > 0.05


def test_an_arm_keeps_its_colour_in_a_figure_of_some_arms() -> None:
    colours = f.arm_colours(["a", "b", "c"])
    figure = f.median_and_band({"c": f.band_of([[1, 2]], [0, 1])}, y="y", colours=colours)
    assert {t.line.color for t in figure.data} == {colours["c"]}


def test_band_of_agrees_with_numpy_and_skips_missing_people() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(41, 12))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:, 5] = np.nan
    band = f.band_of(values, np.arange(12), level=0.8)
    for i in (0, 3, 11):
        want = np.percentile(values[np.isfinite(values[:, i]), i], [10, 50, 90])
        # both interpolate linearly between ordered values: only rounding differs
        assert np.allclose([band.low[i], band.middle[i], band.high[i]], want, rtol=1e-12)
    assert math.isnan(band.middle[5])


def test_line_lands_where_the_axis_says() -> None:
    figure = f.blank("x", "y")
    figure.add_scatter(x=[0, 5, 10], y=[0, 50, 100], mode="lines")
    figure.update_xaxes(range=[0, 10])
    figure.update_yaxes(range=[0, 100])
    root = drawn(figure)
    line = next(p for p in root.iter(f"{SVG}path") if p.get("stroke-width") == "2")
    points = path_points(line.get("d", ""))
    # margins of the house style: left 62, right 18, top 14, bottom 50 of a sheet of 720 x 340
    assert np.allclose(points, [[62, 290], [(62 + 702) / 2, 152], [702, 14]], atol=0.051)  # drawn to 0.1 point


def test_missing_values_cut_a_line() -> None:
    figure = f.blank("x", "y")
    figure.add_scatter(x=[0, 1, 2, 3, 4], y=[1, 2, np.nan, 2, 3], mode="lines")
    lines = [p for p in drawn(figure).iter(f"{SVG}path") if p.get("stroke-width") == "2"]
    assert len(lines) == 2


def test_step_line_holds_until_the_next_value() -> None:
    figure = f.blank("x", "y")
    figure.add_scatter(x=[0, 1, 2], y=[2, 1, 0], mode="lines", line={"shape": "hv"})
    figure.update_xaxes(range=[0, 2])
    figure.update_yaxes(range=[0, 2])
    line = next(p for p in drawn(figure).iter(f"{SVG}path") if p.get("stroke-width") == "2")
    points = path_points(line.get("d", ""))
    assert np.allclose(points[:3, 1], [14, 14, 152], atol=0.051)  # drawn to 0.1 point
    assert len(points) == 5


def test_small_plots_share_one_axis_also_when_logarithmic() -> None:
    bands = {"low": f.band_of([[1.0, 2.0]], [0, 1]), "high": f.band_of([[100.0, 900.0]], [0, 1])}
    for log in (False, True):
        figure = f.median_and_band(bands, y="CRP (mg/L)", layout="multiples", log=log)
        assert figure.layout.yaxis.range == figure.layout.yaxis2.range
        assert figure.layout.yaxis.title.text == "CRP (mg/L)"
        root = drawn(figure)
        assert {"low", "high"} <= set(texts(root))


def test_band_that_reaches_zero_is_drawn_on_a_log_axis() -> None:
    bands = {"a": f.band_of([[0.0, 0.0, 1.0], [10.0, 5.0, 2.0], [20.0, 9.0, 4.0]], [0, 1, 2], level=1)}
    figure = f.median_and_band(bands, y="y", log=True)
    fills = [p for p in drawn(figure).iter(f"{SVG}path") if (p.get("d") or "").endswith("Z")]
    assert len(fills) == 1
    assert len(path_points(fills[0].get("d", ""))) == 6


def test_kaplan_meier_counts_people_at_risk() -> None:
    curve = f.survival_curve([2, 4, 4, 6, 8, 8], [True, True, False, False, True, False])
    assert [curve.at_risk(t) for t in (0, 2, 4, 5, 8, 9)] == [6, 6, 5, 3, 2, 0]
    figure = f.kaplan_meier({"placebo": curve}, y="Free of flare", x_tick=4)
    numbers = next(t for t in figure.data if t.mode == "text")
    assert list(numbers.text) == ["6", "5", "2"]
    ticks = next(t for t in figure.data if t.mode == "markers")
    assert list(ticks.x) == [4, 6, 8]
    # just after day 4: 5/6 * 4/5; after day 8: * 1/2
    assert ticks.y == pytest.approx([4 / 6, 4 / 6, 2 / 6], rel=1e-12)  # exact products
    assert {"6", "5", "2", "at risk", "100 %"} <= set(texts(drawn(figure)))


def test_kaplan_meier_without_any_event_stays_at_one() -> None:
    figure = f.kaplan_meier({"a": f.survival_curve([5, 5], [False, False])}, y="Free of flare")
    line = next(t for t in figure.data if t.name == "a")
    assert set(line.y) == {1.0}
    assert "NaN" not in f.to_svg(figure)
    assert "nan" not in f.to_svg(figure)


def test_a_heading_of_a_forest_keeps_to_the_margin() -> None:
    rows = [f.ForestRow("On more than 10 mg at first flare", heading=True), f.ForestRow("placebo", 0.5, 0.4, 0.6)]
    figure = f.forest(rows, x="Share")
    heading = figure.layout.yaxis.ticktext[0]
    assert heading == "<b>On more than 10 mg<br>at first flare</b>"


def test_forest_and_spread_show_the_published_figures() -> None:
    rows = [f.ForestRow("Remission", heading=True), f.ForestRow("a", 0.5, 0.4, 0.6, published=0.56, group="a")]
    figure = f.forest(rows, x="Share", percent=True)
    assert next(t for t in figure.data if t.name == "published").x == (0.56,)
    root = drawn(figure)
    assert {"published", "Remission", "100 %"} <= set(texts(root))
    spread = f.spread({"a": np.arange(101.0), "b": [5.0]}, x="Dose (mg)", published={"a": 42.0})
    lines = [t for t in spread.data if t.mode == "lines" and t.y[0] == 1]
    assert [list(t.x) for t in lines] == [[5, 95], [25, 75]]
    assert next(t for t in spread.data if t.name == "published median").y == (1.0,)


def test_waterfall_orders_people_and_drops_the_unmeasured() -> None:
    figure = f.waterfall([-10, np.nan, 30, -50], y="Change (%)", subjects=["a", "b", "c", "d"])
    assert list(figure.layout.xaxis.ticktext) == ["c", "a", "d"]
    assert [float(v) for v in figure.data[0].y] == [30, -10, -50]


def test_slope_median_ignores_missed_visits() -> None:
    figure = f.slope([[10, np.nan], [20, 6], [60, 8]], ["week 0", "week 4"], y="Pain (0–10)")
    assert list(figure.data[-1].y) == [20, 7]
    assert texts(drawn(figure)).count("week 4") == 1


def test_swimmer_fan_and_histogram_can_be_drawn() -> None:
    lanes = [f.Swim("p1", 52, "a", ((10, "flare"), (12, "rescue")), True), f.Swim("p2", 20, "b")]
    assert {"p1", "p2", "flare", "rescue"} <= set(texts(drawn(f.swimmer(lanes))))
    fan = f.fan([0, 1, 2], {q: np.full(3, 10 * q) for q in (0.05, 0.25, 0.5, 0.75, 0.95)}, y="CRP (mg/L)")
    assert {"90 % of forecasts", "50 % of forecasts", "median"} <= set(texts(drawn(fan)))
    rng = np.random.default_rng(1)
    counts = f.histogram({"a": rng.normal(size=50)}, x="x (mg)", bins=7).data[0].y
    assert sum(counts[:-1]) == 50


def test_svg_says_what_it_shows_and_escapes_it() -> None:
    root = drawn(f.blank("x & y", "<y>"), label='a "quoted" <label>')
    assert root.get("aria-label") == 'a "quoted" <label>'
    assert "x & y" in texts(root)


def test_a_trace_that_cannot_be_drawn_is_named() -> None:
    with pytest.raises(ValueError, match="a trace of type 'pie' cannot be drawn as SVG; allowed: scatter"):
        f.to_svg(go.Figure(go.Pie(values=[1])))


def test_bars_heatmap_and_error_bars() -> None:
    figure = f.blank("x", "y")
    figure.add_bar(x=["a", "b"], y=[1, 3], error_y={"array": [0.5, 0.5]})
    root = drawn(figure)
    heights = [float(r.get("height", 0)) for r in root.iter(f"{SVG}rect") if r.get("class") == "f-c1"]
    assert heights[1] / heights[0] == pytest.approx(3, abs=0.02)  # drawn to 0.1 point of about 80
    tiles = drawn(go.Figure(go.Heatmap(z=[[0, 1], [2, np.nan]])))
    assert len({r.get("fill") for r in tiles.iter(f"{SVG}rect") if r.get("fill")}) == 3


def test_ticks_are_round_and_within() -> None:
    assert nice_ticks(0, 1, 4) == [0, 0.25, 0.5, 0.75, 1.0]
    assert nice_ticks(-37, 12, 5) == [-30, -20, -10, 0, 10]
    assert nice_ticks(5, 5, 3) == [5]
    log = Scale("log", -1, 3, 0, 400)
    assert [t.label for t in ticks_of({}, log, 400)] == ["0.1", "1", "10", "100", "1000"]
    share = scale_of({"range": [0, 1]}, [], 0, 300)
    assert ticks_of({"tickformat": ".0%", "dtick": 0.5}, share, 300)[-1].label == "100 %"


def test_flow_diagram_says_every_number_in_wide_and_narrow() -> None:
    steps = (
        FlowStep("Allocated", 50),
        FlowStep("Left", 12, aside=True),
        FlowStep("Analysed", 49, detail=("a flare: 7",)),
    )
    arms = [FlowArm(f"Arm {i}", SERIES[i], steps) for i in range(4)]
    for width in (720, 380, 200):
        root = ET.fromstring(flow_diagram(FlowStep("Randomised", 200), arms, label="flow", width=width))
        said = texts(root)
        assert said.count("n = 12") == 4
        assert said.count("n = 200") == 1
        box = [float(v) for v in (root.get("viewBox") or "").split()]
        for rect in root.iter(f"{SVG}rect"):
            assert 0 <= float(rect.get("x", 0)) <= box[2] - float(rect.get("width", 0)) + 0.1  # drawn to 0.1 point
            assert float(rect.get("y", 0)) + float(rect.get("height", 0)) <= box[3]


def test_save_writes_svg_png_and_pdf_without_a_browser(tmp_path: Path) -> None:
    pytest.importorskip("typst", reason="PNG and PDF come with the extra 'pdf'")
    figure = f.dose_over_time({"a": f.band_of([[3, 2, 1]], [0, 1, 2])})
    assert save(figure, tmp_path / "a.svg", label="falls").read_text().startswith("<svg")
    assert save(figure, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert save(figure, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_save_refuses_another_ending(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a format of figures: 'a.gif'; allowed: svg, png, pdf"):
        save(f.blank("x", "y"), tmp_path / "a.gif")
