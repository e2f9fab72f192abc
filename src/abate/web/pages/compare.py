"""Compare plans: the same virtual people on each taper, with intervals; a step moved is redrawn at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

from nicegui import app, events, ui

from abate.ground.errors import AbateError
from abate.planner.record import Record
from abate.web.pages.frame import PATIENCE, fault, frame, html, press, room, session, words
from abate.web.pages.plan_html import adrenal_table, fans, flare_svg, plan_name, plan_table
from abate.web.pages.progress import Progress
from abate.web.pages.search import Search
from abate.web.pages.warnings import flag_box
from abate.web.plans import SHOWN, SKETCH, Desk, Variant, load_patient
from abate.web.words import Words
from abate.web.work import Job, bench

__all__ = ["compare_page", "desk_of"]

KIND = "plan"
MOST = 6
"""Plans side by side; more cannot be read."""
PAUSE = 0.7
"""Seconds without another move after which a moved plan is forecast in all of the people."""

_desks: dict[str, Desk] = {}


def desk_of(key: str, record: Record) -> Desk:
    """Return the desk of a session, an empty one where the record has changed."""
    _desks[key] = _desks.setdefault(key, Desk()).on(record)
    return _desks[key]


@ui.page("/compare", response_timeout=PATIENCE)
async def compare_page() -> None:
    """Choose plans, forecast them, move their steps, choose one."""
    _ = words()
    with frame(_, _("Compare plans"), here="/compare"):
        try:
            record = load_patient(room().patient)
            names, kept = await bench.call(_candidates, record, _compared()) if record else ({}, [])
        except AbateError as error:
            fault(str(error))
            return
        if record is None:
            html(f'<a href="/patient">{escape(_("Enter a patient first"))}</a>', tag="p")
            return
        flag_box(_, record)
        _Comparison(_, record, names, kept).show()


def _compared() -> list[Variant]:
    return [Variant.of(row) for row in app.storage.user.get("compared", ())]


def _candidates(record: Record, kept: list[Variant]) -> tuple[dict[str, str], list[Variant]]:
    """Return the label of each option, and which of the plans that were compared are still plans of the record."""
    from abate.planner.options import candidates

    names = {slug: option.label for slug, option in candidates(record).items()}
    return names, [variant for variant in kept if variant.fits(record)]


class _Comparison:
    """The page's state: which plans, and what is drawn of them."""

    def __init__(self, _: Words, record: Record, names: dict[str, str], kept: list[Variant]) -> None:
        self._, self.record, self.names = _, record, names
        self.desk = desk_of(session(), record)
        self.variants = kept or [Variant(slug) for slug in list(names)[:SHOWN]]

    def show(self) -> None:
        """Show the choice of plans and, once they are forecast, everything about them."""
        _ = self._
        html(
            escape(
                _(
                    "The same virtual people, like this patient, take each plan. What differs is the plan alone; how "
                    "far the model itself may be wrong is not in the intervals."
                )
            ),
            classes="lead",
            tag="p",
        )
        html(escape(_("Which plans")), tag="h2")
        with ui.element("div").props(f'role=group aria-label="{escape(_("Which plans"))}"'):
            boxes = {
                slug: ui.checkbox(plan_name(_, label), value=any(v.slug == slug for v in self.variants)).props("dense")
                for slug, label in self.names.items()
            }
            searched = next((v for v in self.variants if v.settings and not v.moves), None)
            if searched:
                boxes["optimised"] = ui.checkbox(_("Found by the search"), value=True).props("dense")
        texts = next((v.text for v in self.variants if v.text), "")
        typed = ui.input(
            _("A plan of your own, as in: 10 mg for 4 weeks, then 1 mg less every 4 weeks to 0"), value=texts
        )
        typed.props("outlined clearable").classes("broad").style("width:min(46rem,100%)")
        self.said = ui.element("div")

        def choose() -> None:
            found = [v for v in self.variants if v.moves and (boxes[v.slug].value if v.slug in boxes else v.text)]
            plain = [Variant(slug) for slug, box in boxes.items() if box.value and slug in self.names]
            if searched and boxes["optimised"].value:
                plain.append(searched)
            own = [Variant("plan", (typed.value or "").strip())] if (typed.value or "").strip() else []
            self._compare([*plain, *own, *(v for v in found if not v.text or (own and v.text == own[0].text))])

        press(_("Forecast")).on_click(choose)
        self.progress = Progress(_, KIND, self._ended)
        self.box = ui.element("div")
        if self.record.flares_forecast and self.record.dose > 0:
            Search(_, self.record, self.desk, self._beside)
        if self.desk.made(self.variants):
            self._draw()
        elif app.storage.user.get("compared"):
            self._compare(self.variants)

    def _beside(self, found: Variant) -> None:
        """Compare what a search found with the other plans, on the page shown anew."""
        others = [v for v in self.variants if v.key != found.key][: MOST - 1]
        app.storage.user["compared"] = [v.as_dict() for v in (*others, found)]
        ui.navigate.to("/compare")

    def _compare(self, variants: list[Variant]) -> None:
        self.said.clear()
        with self.said:
            if not variants or len(variants) > MOST:
                fault(self._("Choose between 1 and {n} plans.", n=MOST))
                return
        self.variants = variants
        app.storage.user["compared"] = [v.as_dict() for v in variants]
        desk, record = self.desk, self.record

        def work(tell: Callable[[float], None]) -> None:
            desk.work(record, variants, tell)

        bench.start(self.progress.session, KIND, self._("Forecasting"), work)
        self.progress.watch()

    def _ended(self, job: Job) -> None:
        if job.state == "done" and self.desk.made(self.variants):
            self._draw()
            return
        with self.said:
            fault(job.message or self._("Stopped; nothing was kept of it."))

    def _draw(self) -> None:
        _ = self._
        plan = self.desk.plan(self.variants)
        self.box.clear()
        with self.box:
            people = self.desk.people
            assert people is not None
            html(escape(_.told(people.says)), classes="note", tag="p")
            for warning in people.warnings:
                html(escape(_.told(warning)), classes="caution", tag="p")
            self.results = ui.element("div")
            with self.results:
                self._results(plan)
            self._choice(plan)
            self._steps(plan)

    def _results(self, plan: dict[str, Any]) -> None:
        _ = self._
        html(escape(_("Side by side")), tag="h2")
        html(plan_table(_, plan))
        for variant in self.variants:
            for warning in self.desk.forecasts[variant].option.warnings:
                said = f"{self._label(plan, variant)}: {_.told(warning)}"
                html(escape(said), classes="caution", tag="p")
        if plan["basis"]["flares_forecast"]:
            html(escape(_("When a flare may come")), tag="h2")
            html(flare_svg(_, plan))
        html(escape(_("Prednisone")), tag="h2")
        html(fans(_, plan, "dose"), classes="fans")
        html(escape(_("Adrenals")), tag="h2")
        steps = f"<summary>{escape(_('Chance that the adrenals are ready, step by step'))}</summary>"
        html(steps + adrenal_table(_, plan), tag="details")
        html(fans(_, plan, "morning-cortisol"), classes="fans")

    def _choice(self, plan: dict[str, Any]) -> None:
        _ = self._
        html(escape(_("Choose one")), tag="h2", classes="noprint")
        labels = {v.key: self._label(plan, v) for v in self.variants}
        kept = Variant.of(app.storage.user["chosen"]).key if "chosen" in app.storage.user else None
        self.one = ui.select(labels, value=kept if kept in labels else next(iter(labels)), label=_("Plan"))
        self.one.props("outlined").classes("broad noprint").style("width:min(46rem,100%)")

        def take() -> None:
            chosen = next(v for v in self.variants if v.key == self.one.value)
            app.storage.user["chosen"] = chosen.as_dict()
            ui.navigate.to("/calendar")

        press(_("Take this plan to the calendar")).on_click(take)

    def _label(self, plan: dict[str, Any], variant: Variant) -> str:
        label = plan_name(self._, str(plan["options"][variant.key]["label"]))
        return f"{label} ({self._('changed by you')})" if variant.moves else label

    def _steps(self, plan: dict[str, Any]) -> None:
        """Let a step be moved: the dose as a slider, the length as a number."""
        _ = self._
        html(escape(_("Move a step")), tag="h2", classes="noprint")
        sources = {v.key: self._label(plan, v) for v in self.variants}
        self.moving = next((v for v in self.variants if v.moves), self.variants[0])
        chosen = ui.select(sources, value=self.moving.key, label=_("Plan")).props("outlined").classes("broad noprint")
        chosen.style("width:min(46rem,100%)")
        self.hint = html("", classes="note", tag="p").props("role=status")
        rows = ui.element("div").classes("noprint")

        def show() -> None:
            self.moving = next((v for v in self.variants if v.key == chosen.value), self.variants[0])
            option = self.moving.option(self.record)
            rows.clear()
            with rows:
                top = max(step.mg for step in option.steps)
                for place, step in enumerate(option.steps):
                    self._step_row(place, step.mg, step.last - step.first + 1, top)

        chosen.on_value_change(show)
        show()

    def _step_row(self, place: int, mg: float, days: int, top: float) -> None:
        _ = self._
        with ui.element("div").classes("step"):
            name = _("Step {n}", n=place + 1)
            html(escape(name), tag="span")
            slider = ui.element("input").props(
                f'type=range min=0 max={top:g} step=0.5 value={mg:g} aria-label="{escape(name)}, {escape(_("mg"))}"'
            )
            unit = _("mg")
            shown = f"e.target.nextElementSibling.textContent = e.target.value + ' {unit}'"
            slider.on("input", js_handler=f"(e) => {{ {shown} }}")
            html(escape(_("{n} mg", n=f"{mg:g}")), tag="span")
            length = ui.number(_("days"), value=days, min=1, max=730, precision=0).props("outlined dense")
            length.props(f'aria-label="{escape(name)}, {escape(_("days"))}"')
        dose = mg

        async def moved() -> None:
            if length.value is None:
                return
            move = (place, dose, int(length.value))
            kept = tuple(m for m in self.moving.moves if m[0] != place)
            await self._redraw(replace(self.moving, moves=(*kept, move)))

        async def moved_dose(event: events.GenericEventArguments) -> None:
            nonlocal dose
            dose = float(event.args)
            await moved()

        slider.on("change", moved_dose, js_handler="(e) => emit(e.target.value)")
        length.on("change", moved)

    async def _redraw(self, new: Variant) -> None:
        """Draw a changed plan from some of the people at once, beside the plan it comes from; then from all of them."""
        old = self.moving
        kept = [v for v in self.variants if v.key != new.key]
        place = kept.index(old) + 1 if old in kept else min(self.variants.index(old), len(kept))
        variants = [*kept[:place], new, *kept[place:]][-MOST:]
        self.said.clear()
        try:
            await bench.call(self.desk.sketch, self.record, new)
        except AbateError as error:
            with self.said:
                fault(str(error))
            return
        self.variants, self.moving = variants, new
        app.storage.user["compared"] = [v.as_dict() for v in variants]
        self._show_again()
        self.hint.content = escape(self._("Drawn from {n} people; all of them follow.", n=SKETCH))
        await asyncio.sleep(PAUSE)
        if self.moving is not new:  # moved again meanwhile: what follows is the later one's
            return
        await bench.call(self.desk.work, self.record, [new], lambda share: None)
        if self.moving is new:
            self._show_again()
            self.hint.content = ""

    def _show_again(self) -> None:
        """Draw the results anew and leave the sliders where they are, with the keyboard on them."""
        plan = self.desk.plan(self.variants)
        self.results.clear()
        with self.results:
            self._results(plan)
        self.one.set_options({v.key: self._label(plan, v) for v in self.variants}, value=self.moving.key)
