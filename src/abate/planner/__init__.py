"""One patient's plan: forecast candidate tapers, compare them, choose one, hand it over.

::

    from abate.planner import candidates, forecast, load_record, people_like, schedule

    record = load_record("patient.yaml")                 # a local file; InputError with line and key when it is wrong
    people = people_like(record, people=128, seed=1)     # seconds: virtual people who lived through this history
    options = candidates(record)                         # dict of slug to Option
    one = forecast(people, options["guideline"])         # under a second: Forecast, `.as_dict()` is plain JSON
    days = schedule(record, options["guideline"])        # Schedule: a row a day, with tablets

====================================================  ==================================================================
records (`planner.record`)
`load_record(path)`, `save_record(record, path)`      one YAML file; written whole or not at all (crash-safe)
`record_from(data, where="...")`                      a mapping (a web form's JSON) to a Record, or an InputError
`Record.with_entry(Entry(...))`                       the same record with a diary day added or replaced
people (`planner.people`)
`people_like(record, people=128, seed=1,              `People`: `.basis` is ``posterior`` or ``population prior``,
basis="auto", progress=None)`                         `.says` a sentence about it, `.warnings`; make it once a record
options (`planner.options`)
`candidates(record)`                                  guideline, others of the library, the record's own plans, each
                                                      with and without the antibody where that is a question
`option_from_text(record, "10 mg for 4 weeks, ...")`  the doctor's plan as typed
`Option.daily(days)`, `.steps`, `.warnings`           mg a day from today; `.taper` is None where a policy decides alone
`Option.moved(step, mg=..., days=...)`                one step dragged: another option
forecast (`planner.forecast`)
`forecast(people, option, weeks=None)`                the same people, keys and noise for every option
`Forecast.as_dict()`                                  ``flare`` (``by_week``, ``total``), ``cumulative-prednisone-mg``,
                                                      ``off-prednisone``, ``days-off-prednisone``, ``adrenal``,
                                                      ``fans`` (``dose``, ``symptoms``, ``morning-cortisol``: weeks and
                                                      quantiles 5, 25, 50, 75, 95 %)
`compare(forecasts, reference="guideline")`           paired differences between options
`explain(record)` (`planner.explain`)                 flare, withdrawal, adrenals or none of these, day by day; what to
                                                      measure next; red flags, which override everything
`red_flags(record)` (`planner.flags`)                 signs in the diary that need care now, whatever a model says
`schedule(record, option)` (`planner.schedule`)       days, tablets, weekly totals, per cent, refills, reminders
`to_ics(schedule)`, `bundle(schedule)`                calendar, FHIR Bundle; also `Schedule.csv()`, `.as_dict()`
`handout_pdf(schedule)`, `letter_pdf(payload)`        A4 with boxes to tick; the letter to the doctor
`payload(people, forecasts)`                          the whole content of results.json, for `abate.report.plan.compose`
====================================================  ==================================================================

Nothing here tells a person to stop or cut a steroid abruptly: `schedule` refuses a plan that would.
"""

from __future__ import annotations

from abate.planner.calendar import to_ics
from abate.planner.explain import Explanation, explain
from abate.planner.fhir import bundle
from abate.planner.flags import Flag, flags, red_flags
from abate.planner.forecast import Forecast, forecast, forecasts
from abate.planner.options import Option, candidates, choose, option_from_text
from abate.planner.paper import handout_pdf, letter_pdf, write_papers
from abate.planner.people import People, people_like
from abate.planner.plan import compare, payload
from abate.planner.record import Entry, Record, load_record, record_from, record_text, save_record
from abate.planner.schedule import Schedule, schedule

__all__ = [
    "Entry",
    "Explanation",
    "Flag",
    "Forecast",
    "Option",
    "People",
    "Record",
    "Schedule",
    "bundle",
    "candidates",
    "choose",
    "compare",
    "explain",
    "flags",
    "forecast",
    "forecasts",
    "handout_pdf",
    "letter_pdf",
    "load_record",
    "option_from_text",
    "payload",
    "people_like",
    "record_from",
    "record_text",
    "red_flags",
    "save_record",
    "schedule",
    "to_ics",
    "write_papers",
]
