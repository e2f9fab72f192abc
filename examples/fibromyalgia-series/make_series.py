"""Make the example series: six people who never lived, the same answers in every kind of file that abate reads.

Run ``python examples/fibromyalgia-series/make_series.py`` to write the files beside this script again. Pain is set by
hand, so that its responders are those of the published series; every other answer is drawn with a fixed seed and falls
from visit to visit, because the paper reports a fall and nothing about single patients.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pandas as pd

from abate.science import instruments

HERE = Path(__file__).parent
WEEKS = (0, 4, 12)
# subject: group, sex, age, pain at weeks 0, 4, 12 (F05 falls by exactly 30 % at week 4), months since onset
PEOPLE = {
    "F01": ("primary", "female", 44, (8, 5, 4), 60),
    "F02": ("primary", "female", 51, (9, 6, 7), 36),
    "F03": ("secondary", "female", 58, (7, 4, 4), 84),
    "F04": ("secondary", "male", 39, (8, 7, 5), 24),
    "F05": ("secondary", "female", 62, (10, 7, 8), 120),
    "F06": ("secondary", "female", 47, (6, 5, 5), 18),
}
FIQR = [f"fiqr/{k}" for k in range(1, 22)]
WPI = [item.id for item in instruments.load("fibromyalgia-2016").items if item.id.startswith("wpi/")]
SSS = {
    "sss/fatigue": 3,
    "sss/unrefreshed": 3,
    "sss/cognition": 3,
    "sss/headache": 1,
    "sss/abdomen": 1,
    "sss/depression": 1,
}
# One area of each region, so that the criteria's region rule is met at baseline.
CORE = ("wpi/shoulder-left", "wpi/shoulder-right", "wpi/hip-left", "wpi/hip-right", "wpi/lower-back")
DURATION = "fibromyalgia/duration-months"


def answers() -> dict[tuple[str, int], dict[str, int]]:
    """Every answer: (subject, week) -> item -> value."""
    draw = random.Random(20230621)
    sheets: dict[tuple[str, int], dict[str, int]] = {}
    for subject, (_, _, _, pain, months) in PEOPLE.items():
        fiqr = {item: draw.randint(6, 9) for item in FIQR}
        areas = [*CORE, *draw.sample([a for a in WPI if a not in CORE], draw.randint(4, 9))]
        sss = {item: most if most == 1 else draw.randint(2, 3) for item, most in SSS.items()}
        for visit, week in enumerate(WEEKS):
            if week:
                fiqr = {item: max(0, value - draw.randint(0, 2)) for item, value in fiqr.items()}
                areas = areas[: len(areas) - draw.randint(1, 3)]
                sss = {item: max(0, value - (draw.random() < 0.4)) for item, value in sss.items()}
            fiqr["fiqr/12"] = pain[visit]
            sheet = {"pain": pain[visit], **fiqr, **{area: int(area in areas) for area in WPI}, **sss}
            if not week:
                sheet[DURATION] = months
            sheets[subject, week] = sheet
    # One activity left blank, as happens: the strict rule of the FIQR still scores the sheet.
    del sheets["F04", 12]["fiqr/4"]
    return sheets


def write_long(sheets: dict[tuple[str, int], dict[str, int]]) -> None:
    with (HERE / "series.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["subject", "group", "sex", "age", "visit", "measure", "value"])
        for (subject, week), sheet in sheets.items():
            facts = PEOPLE[subject][:3]
            rows.writerows([subject, *facts, f"week {week}", item, value] for item, value in sheet.items())


def write_doses() -> None:
    """Weekly injections, as invented as the rest: the paper gives no dose and no interval, only 12 weeks or more."""
    with (HERE / "series-doses.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["subject", "week", "drug", "route", "amount", "unit", "count", "interval"])
        for subject, injections in zip(PEOPLE, (14, 12, 16, 13, 12, 13), strict=True):
            rows.writerow([subject, 0, "tocilizumab", "sc", 162, "mg", injections, 7])


def wide(sheets: dict[tuple[str, int], dict[str, int]]) -> pd.DataFrame:
    """One row a person and visit."""
    items = ["pain", *FIQR, *WPI, *SSS, DURATION]
    rows = []
    for (subject, week), sheet in sheets.items():
        group, sex, age, _, _ = PEOPLE[subject]
        facts = {"subject": subject, "group": group, "sex": sex, "age": age, "visit": f"week {week}"}
        rows.append(facts | {item.replace("/", "_").replace("-", "_"): sheet.get(item) for item in items})
    return pd.DataFrame(rows).astype({name.replace("/", "_").replace("-", "_"): "float64" for name in items})


def write_redcap(sheets: dict[tuple[str, int], dict[str, int]]) -> None:
    """An export of a longitudinal project with checkboxes, and its data dictionary."""
    names = {item: item.replace("/", "_") for item in ("pain", *FIQR, *SSS)}
    boxes = {area: f"wpi___{number}" for number, area in enumerate(WPI, start=1)}
    with (HERE / "series-redcap.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        person = ["record_id", "redcap_event_name", "group", "sex", "age", "fibromyalgia_duration_months"]
        answered = [*names.values(), *boxes.values()]
        rows.writerow([*person, "person_complete", *answered, "questionnaires_complete"])
        for (subject, week), sheet in sheets.items():
            event = "baseline_arm_1" if week == 0 else f"week_{week}_arm_1"
            first = [*PEOPLE[subject][:3], sheet[DURATION], 2] if week == 0 else ["", "", "", "", ""]
            rows.writerow([subject, event, *first, *(sheet.get(item, "") for item in (*names, *boxes)), 2])
    labels = instruments.items()
    choices = " | ".join(f"{number}, {labels[area].label}" for number, area in enumerate(WPI, start=1))
    fields = [("record_id", "person", "text", "Record", "")]
    fields += [(name, "person", "text", name.title(), "") for name in ("group", "sex", "age")]
    fields += [("fibromyalgia_duration_months", "person", "text", "Months at this level", "")]
    fields += [(name, "questionnaires", "text", labels[item].label, "") for item, name in names.items()]
    fields += [("wpi", "questionnaires", "checkbox", "Widespread pain index", choices)]
    with (HERE / "series-redcap-dictionary.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        titles = ("Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label")
        rows.writerow([*titles, "Choices, Calculations, OR Slider Labels"])
        rows.writerows([name, form, "", kind, label, choice] for name, form, kind, label, choice in fields)


def adam(sheets: dict[tuple[str, int], dict[str, int]]) -> pd.DataFrame:
    """An ADaM basic data structure: one row a parameter and visit."""
    labels = instruments.items()
    rows = []
    for (subject, week), sheet in sheets.items():
        group, sex, age, _, _ = PEOPLE[subject]
        for number, (item, value) in enumerate(sheet.items(), start=1):
            head, _, tail = item.partition("/")
            code = f"{head}{tail:0>2}" if tail.isdigit() else f"{head[:4]}{number:03d}" if tail else head
            row = {"STUDYID": "SERIES", "USUBJID": subject, "GROUP": group, "SEX": sex[0].upper(), "AGE": float(age)}
            row |= {"PARAMCD": code.upper(), "PARAM": f"{head.upper()}: {labels[item].label}" if tail else item.title()}
            row |= {"AVISIT": f"Week {week}" if week else "Baseline", "ADY": 7.0 * week + 1, "AVAL": float(value)}
            rows.append(row)
    return pd.DataFrame(rows)


def write_dataset_json(frame: pd.DataFrame) -> None:
    import json

    kinds = {name: "float" if frame[name].dtype == "float64" else "string" for name in frame.columns}
    columns = [{"itemOID": f"IT.ADQS.{n}", "name": n, "label": n, "dataType": kind} for n, kind in kinds.items()]
    head = {"datasetJSONVersion": "1.1.0", "itemGroupOID": "IG.ADQS", "name": "ADQS", "label": "Questionnaires"}
    data = {**head, "records": len(frame), "columns": columns, "rows": frame.to_numpy(dtype=object).tolist()}
    (HERE / "series-adam.json").write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")


def main() -> None:
    import pyreadstat

    sheets = answers()
    write_long(sheets)
    write_doses()
    frame = wide(sheets)
    frame.to_csv(HERE / "series-wide.csv", index=False, lineterminator="\n", float_format="%g")
    frame.to_excel(HERE / "series.xlsx", sheet_name="answers", index=False)
    pyreadstat.write_sav(frame, str(HERE / "series.sav"), file_label="made-up example series")
    write_redcap(sheets)
    bds = adam(sheets)
    pyreadstat.write_xport(bds, str(HERE / "series-adam.xpt"), file_format_version=5, table_name="ADQS")
    write_dataset_json(bds)


if __name__ == "__main__":
    main()
