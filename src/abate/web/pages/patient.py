"""Patient: one record in this browser's own file; typed in, imported, exported, and kept day by day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from html import escape
from typing import Annotated, Any, Literal

from fastapi import File, HTTPException, Request, UploadFile
from fastapi.responses import FileResponse, RedirectResponse, Response
from nicegui import app, ui

from abate.ground.errors import AbateError, InputError
from abate.planner.bring import bring_text, text_as
from abate.planner.flags import flags
from abate.planner.record import Record, save_record
from abate.web.pages.frame import PATIENCE, fault, frame, html, press, room, words
from abate.web.pages.warnings import flag_box
from abate.web.plans import changed, load_patient, own_files_only
from abate.web.sessions import Room
from abate.web.words import Words
from abate.web.work import bench

__all__ = ["export_patient", "import_patient", "patient_page"]

_ANTIBODIES = (
    "tocilizumab 162 mg sc every week",
    "tocilizumab 162 mg sc every 2 weeks",
    "sarilumab 200 mg sc every 2 weeks",
)
_LABORATORY = {"crp": "mg/L", "esr": "mm/h", "il6": "pg/mL", "morning-cortisol": "nmol/L", "drug-level": "ug/mL"}


@ui.page("/patient", response_timeout=PATIENCE)
def patient_page() -> None:
    """Show the form of a new patient, or the record."""
    _ = words()
    mine = room()
    with frame(_, _("Patient"), here="/patient"):
        refusal = app.storage.user.pop("refusal", "")
        if refusal:
            fault(refusal)
        for note in app.storage.user.pop("brought", ()):
            html(escape(note), classes="caution", tag="p").props("lang=en")
        try:
            record = load_patient(mine.patient)
        except InputError as error:
            fault(str(error))
            _files(_, existing=True)
            return
        if record is None:
            html(
                escape(_("Type in what is known; the file stays on this machine.")),
                classes="lead",
                tag="p",
            )
            _new(_, mine)
            _files(_, existing=False)
            return
        flag_box(_, record)
        _Sheet(_, mine, record).show()
        _files(_, existing=True)


def _new(_: Words, mine: Room) -> None:
    with ui.element("div").classes("fields"):
        disease = ui.select(_diseases(_), value="pmr", label=_("Disease")).props("outlined").classes("broad")
        diagnosed = _day(_("Treated since"))
        weight = ui.number(_("Weight (kg)"), min=21, max=349).props("outlined")
        born = ui.number(_("Year of birth"), min=1900, max=2100, precision=0).props("outlined")
    with ui.element("div").classes("fields"):
        dose = ui.number(_("Prednisone now (mg a day)"), min=0.5, max=100, step=0.5).props("outlined").classes("broad")
        since = _day(_("On this dose since"))
    with ui.element("div").classes("fields"):
        none = {"": _("none")} | {text: text for text in _ANTIBODIES}
        antibody = ui.select(none, value="", label=_("Tocilizumab or sarilumab")).props("outlined").classes("broad")
        begun = _day(_("Since"))
    said = ui.element("div")

    def save() -> None:
        drugs: list[dict[str, Any]] = []
        if dose.value:
            drugs.append(
                {"regimen": f"prednisone {dose.value:g} mg every morning", "from": since.value or diagnosed.value}
            )
        if antibody.value:
            drugs.append({"regimen": antibody.value, "from": begun.value or diagnosed.value})
        values = {
            "disease": disease.value,
            "diagnosed": diagnosed.value or None,
            "weight": weight.value,
            "born": None if born.value is None else int(born.value),
            "drugs": drugs,
        }
        _keep(mine, said, lambda: changed(None, **values))

    press(_("Save the patient")).on_click(save)


class _Sheet:
    """The record of a patient, with what can be added to it and taken away."""

    def __init__(self, _: Words, mine: Room, record: Record) -> None:
        self._, self.mine, self.record = _, mine, record

    def show(self) -> None:
        """Show everything."""
        _, record = self._, self.record
        now = record.antibody(record.today)
        facts = {
            _("Disease"): _diseases(_)[record.disease],
            _("Treated since"): _.date(record.diagnosed),
            _("Prednisone now (mg a day)"): _.number(record.dose, 2),
            _("Tocilizumab or sarilumab"): now.regimen if now else _("none"),
            _("Weight (kg)"): _.number(record.weight) if record.weight else "",
            _("Year of birth"): str(record.born or ""),
        }
        rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items() if v)
        html(rows, tag="dl", classes="facts")
        link = escape(_("Compare plans"))
        html(f'<a href="/compare">{link} →</a>', tag="p", classes="noprint")
        html(escape(_("Diary")), tag="h2")
        self._diary()
        self._table("diary", [_date_first(e.date, _diary_text(_, e)) for e in record.diary])
        html(escape(_("Laboratory")), tag="h2")
        self._laboratory()
        names = _measured(_)
        values = [f"{names.get(m.name, m.name)} {m.value} {m.unit}" for m in record.measurements]
        dated = zip(record.measurements, values, strict=True)
        self._table("measurements", [_date_first(m.date, text) for m, text in dated])
        html(escape(_("Drugs, with dates")), tag="h2")
        self._drugs()
        shown = [_date_first(c.from_, c.regimen + (f" → {c.to.isoformat()}" if c.to else "")) for c in record.drugs]
        self._table("drugs", shown)
        html(escape(_("Days of another illness")), tag="h2")
        self._illness()
        ends = [f" → {i.to.isoformat()}" if i.to else "" for i in record.illness]
        ill = [_date_first(i.from_, i.what + end) for i, end in zip(record.illness, ends, strict=True)]
        self._table("illness", ill)

    def _diary(self) -> None:
        _ = self._
        with ui.element("div").classes("fields"):
            day = _day(_("Day"), date.today())
            pain = ui.number(_("Pain (0-10)"), min=0, max=10).props("outlined")
            stiffness = ui.number(_("Morning stiffness (minutes)"), min=0, max=1440).props("outlined").classes("broad")
            fatigue = ui.number(_("Fatigue (0-10)"), min=0, max=10).props("outlined")
        signs = [(f, ui.checkbox(_(f.says)).props("dense")) for f in flags() if self.record.disease in f.diseases]
        said = ui.element("div")

        def save() -> None:
            entry = {
                "date": day.value,
                "pain": pain.value,
                "stiffness": stiffness.value,
                "fatigue": fatigue.value,
                "signs": [flag.name for flag, box in signs if box.value],
            }
            kept = [e for e in self._rows("diary") if e["date"] != day.value]
            new = {key: value for key, value in entry.items() if value not in (None, [])}
            _keep(self.mine, said, lambda: self._with("diary", sorted([*kept, new], key=lambda e: str(e["date"]))))

        press(_("Save the day")).on_click(save)

    def _laboratory(self) -> None:
        _ = self._
        names = _measured(_)
        with ui.element("div").classes("fields"):
            day = _day(_("Day"), date.today())
            name = ui.select(names, value="crp", label=_("Measure")).props("outlined").classes("broad")
            value = ui.input(_("Value, or <3")).props("outlined")
            unit = ui.input(_("Unit"), value=_LABORATORY["crp"]).props("outlined")
        name.on_value_change(lambda event: unit.set_value(_LABORATORY[event.value]))
        said = ui.element("div")

        def save() -> None:
            new = {"date": day.value, "name": name.value, "value": (value.value or "").strip(), "unit": unit.value}
            rows = sorted([*self._rows("measurements"), new], key=lambda m: str(m["date"]))
            _keep(self.mine, said, lambda: self._with("measurements", rows))

        press(_("Save the value")).on_click(save)

    def _drugs(self) -> None:
        _ = self._
        with ui.element("div").classes("fields"):
            regimen = ui.input(_("Drug and dose, as in: prednisone 7.5 mg every morning")).props("outlined")
            regimen.classes("broad")
            first = _day(_("From"))
            last = _day(_("To, if it ended"))
        said = ui.element("div")

        def save() -> None:
            new = {"regimen": regimen.value, "from": first.value, "to": last.value or None}
            _keep(self.mine, said, lambda: self._with("drugs", [*self._rows("drugs"), new]))

        press(_("Save the drug")).on_click(save)

    def _illness(self) -> None:
        _ = self._
        said = escape(_("An infection moves CRP and ESR by itself: values of those days are not read as the disease."))
        html(said, classes="note", tag="p")
        with ui.element("div").classes("fields"):
            what = ui.input(_("What it was, as in: a cold")).props("outlined").classes("broad")
            first = _day(_("Ill from"))
            last = _day(_("Ill to, if it is over"))
        box = ui.element("div")

        def save() -> None:
            new = {"from": first.value, "to": last.value or None, "what": (what.value or "").strip()}
            row = {key: value for key, value in new.items() if value is not None}
            _keep(self.mine, box, lambda: self._with("illness", [*self._rows("illness"), row]))

        press(_("Save the illness")).on_click(save)

    def _table(self, key: str, texts: list[str]) -> None:
        """List the rows of a key, the newest first, each with a button that removes it."""
        _ = self._
        said = ui.element("div")
        with ui.element("ul").classes("plain"):
            for place, text in reversed(list(enumerate(texts))):
                with ui.element("li"):
                    html(escape(text), tag="span")
                    button = press(_("Remove"), main=False).props(f'aria-label="{escape(_("Remove"))}: {escape(text)}"')
                    button.classes("small noprint").on_click(lambda place=place: self._remove(key, place, said))

    def _remove(self, key: str, place: int, said: ui.element) -> None:
        rows = [row for number, row in enumerate(self._rows(key)) if number != place]
        _keep(self.mine, said, lambda: self._with(key, rows))

    def _rows(self, key: str) -> list[dict[str, Any]]:
        return list(self.record.model_dump(mode="json", by_alias=True, exclude_none=True)[key])

    def _with(self, key: str, rows: Iterable[dict[str, Any]]) -> Record:
        return changed(self.record, **{key: list(rows)})


def _keep(mine: Room, said: ui.element, make: Callable[[], Record]) -> None:
    """Save what can be saved and show the page anew, or say what is wrong and keep what was typed."""
    said.clear()
    try:
        save_record(make(), mine.patient)
    except AbateError as error:
        with said:
            fault(str(error))
        return
    ui.navigate.to("/patient")


def _day(label: str, value: date | None = None) -> ui.input:
    return ui.input(label, value=value.isoformat() if value else "").props("outlined type=date stack-label")


def _measured(_: Words) -> dict[str, str]:
    names = {"crp": _("CRP"), "esr": _("ESR"), "il6": _("IL-6")}
    return names | {"morning-cortisol": _("morning cortisol"), "drug-level": _("level of the antibody")}


def _diseases(_: Words) -> dict[str, str]:
    return {
        "pmr": _("polymyalgia rheumatica"),
        "gca": _("giant cell arteritis"),
        "ra": _("rheumatoid arthritis"),
        "fibromyalgia": _("fibromyalgia"),
    }


def _date_first(day: date, text: str) -> str:
    return f"{day.isoformat()}: {text}"


def _diary_text(_: Words, entry: Any) -> str:
    said = [
        _("pain {n}", n=_.number(entry.pain)) if entry.pain is not None else "",
        _("stiffness {n} min", n=_.number(entry.stiffness, 0)) if entry.stiffness is not None else "",
        _("fatigue {n}", n=_.number(entry.fatigue)) if entry.fatigue is not None else "",
        *(_(flag.says) for flag in flags() if flag.name in entry.signs),
        entry.note,
    ]
    return ", ".join(text for text in said if text)


def _files(_: Words, *, existing: bool) -> None:
    html(escape(_("The patient's file")), tag="h2", classes="noprint")
    form = (
        '<form class="file noprint" method="post" action="/patient/file" enctype="multipart/form-data">'
        f"<label>{escape(_('Open a patient.yaml, a FHIR bundle or a CSV; it takes the place of what is here'))}"
        '<input type="file" name="file" required accept=".yaml,.yml,.json,.csv"></label>'
        f'<button class="plain" type="submit">{escape(_("Open"))}</button></form>'
    )
    html(form)
    if existing:
        rows = {
            "/patient/file": _("Save the file for yourself"),
            "/patient/file?kind=json": _("Save it as a FHIR bundle"),
            "/patient/file?kind=csv": _("Save it as a table (CSV)"),
        }
        links = "".join(f'<li><a href="{where}">{escape(text)}</a></li>' for where, text in rows.items())
        html(links, tag="ul", classes="plain noprint")
        html(
            '<form class="noprint" method="post" action="/patient/forget">'
            f'<button class="plain quiet" type="submit">{escape(_("Forget this patient here"))}</button></form>'
        )


@app.post("/patient/file", include_in_schema=False)
async def import_patient(request: Request, file: Annotated[UploadFile, File()]) -> RedirectResponse:
    """Read a patient's file, and keep it if it is one."""
    mine = room(str(request.session["id"]))
    try:
        text = (await file.read()).decode("utf-8-sig")
        name = (file.filename or "patient.yaml")[-80:]
        brought = await bench.call(bring_text, text, name)
        save_record(own_files_only(brought.record), mine.patient)
        app.storage.user["brought"] = list(brought.notes)
    except UnicodeDecodeError:
        app.storage.user["refusal"] = str(InputError(file.filename or "", "the file is not UTF-8 text"))
    except AbateError as error:
        app.storage.user["refusal"] = str(error)
    return RedirectResponse("/patient", status_code=303)


@app.get("/patient/file", include_in_schema=False)
async def export_patient(request: Request, kind: Literal["yaml", "json", "csv"] = "yaml") -> Response:
    """Send the patient's file as it is, as a FHIR bundle, or as a table."""
    mine = room(str(request.session["id"]))
    if not mine.patient.exists():
        raise HTTPException(404, "there is no patient here yet")
    media = {"yaml": "application/yaml", "json": "application/fhir+json", "csv": "text/csv"}[kind]
    if kind == "yaml":
        return FileResponse(mine.patient, filename="patient.yaml", media_type=media)
    record = load_patient(mine.patient)
    assert record is not None
    content = await bench.call(text_as, record, kind)
    return Response(
        content, media_type=media, headers={"content-disposition": f'attachment; filename="patient.{kind}"'}
    )


@app.post("/patient/forget", include_in_schema=False)
def forget_patient(request: Request) -> RedirectResponse:
    """Remove the patient's file and what was chosen for it."""
    room(str(request.session["id"])).patient.unlink(missing_ok=True)
    for key in ("compared", "chosen"):
        app.storage.user.pop(key, None)
    return RedirectResponse("/patient", status_code=303)
