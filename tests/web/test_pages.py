"""The pages before Chromium: a patient planned from the first word to the papers, and every page read out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

pytestmark = pytest.mark.browser

# Long enough for the slowest step (people like the patient) on a machine that does other work too.
PATIENCE_MS = 45_000


@pytest.fixture
def page(browser: Any, served: str) -> Iterator[Any]:
    context = browser.new_context(base_url=served, locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def day(back: int) -> str:
    return (date.today() - timedelta(days=back)).isoformat()


def enter_patient(page: Any, dose: str = "10") -> None:
    page.goto("/patient")
    page.get_by_label("Treated since").fill(day(200))
    page.get_by_label("Weight (kg)").fill("70")
    page.get_by_label("Prednisone now (mg a day)").fill(dose)
    page.get_by_label("On this dose since").fill(day(30))
    page.get_by_role("button", name="Save the patient").click()
    page.get_by_role("heading", name="Diary").wait_for()


def download(page: Any, link: str, folder: Path) -> Path:
    with page.expect_download() as found:
        page.get_by_role("link", name=link).click()
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def test_a_patient_is_typed_in_compared_chosen_and_handed_over(page: Any, tmp_path: Path) -> None:
    from icalendar import Calendar

    enter_patient(page)
    page.get_by_label("Pain (0-10)").fill("3")
    page.get_by_role("button", name="Save the day").click()
    page.get_by_text("pain 3").wait_for()

    page.goto("/compare")
    page.get_by_role("button", name="Forecast").click()
    page.get_by_role("heading", name="Side by side").wait_for()
    side_by_side = page.locator("table").first
    assert side_by_side.locator("tbody tr").count() == 3
    assert "%" in side_by_side.inner_text()

    # A step moved is drawn beside the plan that it comes from.
    before = side_by_side.inner_text()
    page.get_by_role("slider", name="Step 2, mg").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_text("(changed by you)").first.wait_for()
    assert page.locator("table").first.locator("tbody tr").count() == 4
    assert page.locator("table").first.inner_text() != before

    page.get_by_role("button", name="Take this plan to the calendar").click()
    page.get_by_role("heading", name="Tablets to have at hand").wait_for()
    page.get_by_role("button", name="Make the papers to hand over").click()
    page.get_by_role("link", name="Calendar (ICS)").wait_for()
    events = Calendar.from_ical(download(page, "Calendar (ICS)", tmp_path).read_bytes()).walk("VEVENT")
    assert any("Prednisone" in str(event["SUMMARY"]) for event in events)
    handout = PdfReader(download(page, "Handout with boxes to tick (PDF)", tmp_path)).pages[0].extract_text()
    assert "Week from" in handout
    assert "Never stop prednisone at once" in handout

    # The language is kept, and nothing is lost when the page is loaded again.
    page.get_by_role("link", name="Українська").click()
    page.get_by_role("heading", name="Календар", exact=True).wait_for()
    page.reload()
    page.get_by_role("heading", name="Календар", exact=True).wait_for()
    assert page.evaluate("document.documentElement.lang") == "uk"
    page.goto("/patient")
    page.get_by_text("біль 3").wait_for()
    page.goto("/compare")
    page.get_by_text("(змінено вами)").first.wait_for()


def test_a_search_is_stopped_made_and_its_plan_put_beside_the_others(page: Any, browser: Any, served: str) -> None:
    enter_patient(page, "6")
    page.goto("/compare")
    page.get_by_label("Plans to try").fill("120")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_text("Searching:").wait_for()
    other = browser.new_context(base_url=served, locale="en-GB")  # does not wait for it
    other.set_default_timeout(PATIENCE_MS)
    beside = other.new_page()
    enter_patient(beside, "15")
    beside.goto("/compare")
    beside.get_by_role("checkbox", name="EULAR/ACR 2015: 1 mg every 4 weeks", exact=True).wait_for()
    other.close()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped; nothing was kept of it.").wait_for()

    page.get_by_label("Plans to try").fill("8")
    page.get_by_label("Flare risk to accept (%)").fill("60")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("img", name="plans that no other beats").first.wait_for(timeout=3 * PATIENCE_MS)
    page.get_by_text("Plans that no other beats in flares, adrenals and prednisone at once").click()
    assert "(the guideline's plan)" in page.get_by_role("table").last.locator("tbody tr").last.inner_text()
    page.get_by_role("button", name="Compare the plan that was found").click()
    page.get_by_role("heading", name="Side by side").wait_for()
    assert page.get_by_role("checkbox", name="Found by the search").is_checked()
    assert "6 mg for" in page.locator("table").first.locator("tbody tr").last.inner_text()


def test_two_browsers_keep_their_patients_apart(browser: Any, served: str) -> None:
    pages = []
    for dose in ("7.5", "15"):
        context = browser.new_context(base_url=served, locale="en-GB")
        context.set_default_timeout(PATIENCE_MS)
        pages.append(context.new_page())
        enter_patient(pages[-1], dose)
    for seen, dose in zip(pages, ("7.5", "15"), strict=True):
        seen.reload()
        facts = seen.locator("dl.facts").first
        facts.wait_for()
        assert f"\n{dose}\n" in facts.inner_text()
        seen.context.close()


def test_what_is_wrong_is_said_on_the_page_and_nothing_is_lost(page: Any) -> None:
    enter_patient(page)
    page.get_by_label("Drug and dose").fill("prednison 5")
    page.get_by_label("From", exact=True).fill(day(3))
    page.get_by_role("button", name="Save the drug").click()
    said = page.get_by_role("alert")
    said.wait_for()
    assert "drugs" in said.inner_text()
    assert page.get_by_label("Drug and dose").input_value() == "prednison 5"
    page.reload()
    page.get_by_text("prednisone 10 mg every morning").first.wait_for()


def test_a_red_flag_comes_before_everything_else(page: Any) -> None:
    enter_patient(page)
    page.get_by_role("checkbox", name="blurred, double or lost vision").click()
    page.get_by_role("button", name="Save the day").click()
    alarm = page.locator(".alarm")
    alarm.wait_for()
    assert "emergency care now" in alarm.inner_text()
    for address in ("/compare", "/calendar"):
        page.goto(address)
        page.locator("h1").wait_for()
    page.goto("/compare")
    page.locator(".alarm").wait_for()


def test_a_trial_is_run_and_its_people_are_browsed(page: Any) -> None:
    page.goto("/lab")
    page.get_by_label("Trial", exact=True).click()
    page.get_by_role("option", name="PMR-SPARE").click()
    page.get_by_label("People in each arm").fill("3")
    page.get_by_role("button", name="Run the trial").click()
    page.get_by_role("link", name="Read the report").click()
    page.get_by_role("heading", name="One person's course").wait_for()
    page.locator("figure svg").first.wait_for()
    report = page.frame_locator("iframe.report")
    report.get_by_role("heading", name="What stands behind this").wait_for()
    assert page.locator("ol.story li").count() > 1


def test_too_many_people_are_refused_in_a_line(page: Any) -> None:
    page.goto("/lab")
    page.get_by_label("People in each arm").fill("2000")
    page.get_by_label("Trial", exact=True).click()
    page.get_by_role("option", name="GiACTA: tocilizumab in giant cell arteritis").click()
    page.get_by_role("button", name="Run the trial").click()
    assert "more than is simulated here" in page.get_by_role("alert").inner_text()


def test_a_study_is_dropped_and_its_report_read_and_another_browser_does_not_get_it(
    page: Any, browser: Any, served: str
) -> None:
    from .test_api import SERIES

    page.goto("/study")
    page.get_by_label("File: drop it here").set_input_files(
        {"name": "pain.csv", "mimeType": "text/csv", "buffer": SERIES.encode()}
    )
    page.get_by_role("button", name="Analyse").click()
    report = page.frame_locator("iframe.report")
    report.get_by_role("heading", name="What was found").wait_for()
    address = page.get_by_role("link", name="Open the report on its own page").get_attribute("href")
    assert page.request.get(address).status == 200
    other = browser.new_context(base_url=served)
    assert other.request.get(address).status == 404
    assert other.request.get(address.replace("report.html", "../run.json")).status == 404
    other.close()

    page.goto("/study")
    page.get_by_label("File: drop it here").set_input_files({"name": "x.bin", "mimeType": "x/x", "buffer": b"\0\1"})
    page.get_by_role("button", name="Analyse").click()
    assert "this kind of file is not known" in page.get_by_role("alert").inner_text()


@pytest.mark.parametrize(("language", "width", "scheme"), [("en-GB", 1280, "light"), ("uk-UA", 390, "dark")])
def test_every_page_reads_well_and_asks_nobody_else(
    browser: Any, served: str, language: str, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        base_url=served, locale=language, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    elsewhere: list[str] = []
    page.on("request", lambda r: r.url.startswith((served, "data:", "blob:")) or elsewhere.append(r.url))
    addresses = (
        "/",
        "/patient",
        "/compare",
        "/explain",
        "/calendar",
        "/lab",
        "/study",
        "/library",
        "/policies",
        "/interface",
    )
    for address in (*addresses, "/library/model/il6/gca", "/library/taper/giacta-26"):
        page.goto(address)
        page.locator("footer").wait_for()
        found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert not found, (address, [(v["id"], [n["html"] for n in v["nodes"]]) for v in found])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        footer = page.locator("footer").inner_text()
        assert ("not a prescription" if language == "en-GB" else "не є призначенням") in footer
        assert ("Not validated" if language == "en-GB" else "Не перевірено") in footer
    assert not elsewhere
    context.close()


def test_the_pages_are_reached_by_keyboard(page: Any) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/compare"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Compare plans").wait_for()
