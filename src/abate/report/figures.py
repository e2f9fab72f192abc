"""All figures of a report, as functions on plain arrays that return a plotly figure.

A figure knows no study and no trial: it takes arrays, titles with units and, where arms appear, one colour an arm from
`abate.report.palette.arm_colours` (give it all arms of the study, so that an arm keeps its colour on every page).

============================  ==============================================================
over time                     `median_and_band`, `dose_over_time`, `fan`, `histogram`
outcomes                      `kaplan_meier` (with numbers at risk), `forest`, `spread`
one mark a person             `slope`, `swimmer`, `waterfall`
who went where                `abate.report.flow.flow_diagram` (drawn as SVG, not with plotly)
============================  ==============================================================

`to_svg` draws any of them without a browser; `abate.report.export` writes SVG, PNG and PDF files. A new kind of figure
starts from `blank` and uses scatter, bar or heat-map traces, which are what `to_svg` draws.

Examples
--------
>>> band = band_of([[10, 5, 0], [20, 10, 0]], time=[0, 1, 2])
>>> figure = dose_over_time({"tocilizumab": band})
>>> to_svg(figure, label="prednisone falls to 0").count("<path") > 0
True
"""

from __future__ import annotations

from abate.report.drawing import to_svg
from abate.report.figure_outcome import ForestRow, SurvivalCurve, forest, kaplan_meier, spread, survival_curve
from abate.report.figure_people import Swim, slope, swimmer, waterfall
from abate.report.figure_time import Band, band_of, blank, dose_over_time, fan, histogram, label, median_and_band
from abate.report.palette import arm_colours

__all__ = [
    "Band",
    "ForestRow",
    "SurvivalCurve",
    "Swim",
    "arm_colours",
    "band_of",
    "blank",
    "dose_over_time",
    "fan",
    "forest",
    "histogram",
    "kaplan_meier",
    "label",
    "median_and_band",
    "slope",
    "spread",
    "survival_curve",
    "swimmer",
    "to_svg",
    "waterfall",
]
