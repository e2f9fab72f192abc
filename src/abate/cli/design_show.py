"""What ``abate design`` prints on a terminal."""

from __future__ import annotations

from typing import Any

from abate.report.tables import brief, interval

__all__ = ["show"]


def show(payload: dict[str, Any]) -> None:
    """Print a design."""
    from rich.console import Console

    console = Console() if Console().is_terminal else Console(width=160)
    body = payload["design"]
    if body["kind"] == "allocation":
        console.print(f"{body['people']} people allocated; the sealed list is the one that was committed to")
        return
    if body["kind"] == "planned-analysis":
        from abate.cli.design_study import show_study

        show_study(body)
        return
    if body["kind"] == "virtual-trials":
        from abate.cli.design_trials import show_trials

        show_trials(console, body)
        return
    sizes = body.get("sample_size")
    if sizes:
        arms = f"{sizes['control']} control + {sizes['treatment']} treatment" if sizes["treatment"] else "all on both"
        console.print(f"{sizes['total']} people to be analysed ({arms}); {body['method']}", highlight=False)
        if sizes["dropout"]:
            lost = f"{100 * sizes['dropout']:.3g} % lost"
            console.print(f"{sizes['randomised_total']} to be randomised, for {lost}", highlight=False)
        power = f"power {body['attained_power']:.4f}"
        console.print(f"{power}, {body['sided']}-sided type I error {body['alpha']:g}", highlight=False)
    if body["looks"] > 1:
        _show_looks(console, body)
    if "simulated" in body:
        found = body["simulated"]
        null, effect = found["null"]["rejected"], found["effect"]["rejected"]
        console.print(
            f"in {found['trials']} simulated trials: type I error {null['estimate']:.4f} ({null['low']:.4f} to "
            f"{null['high']:.4f}, nominal {found['nominal_error']:g}), power {effect['estimate']:.4f}",
            highlight=False,
        )
    if "adaptive" in body:
        found = body["adaptive"]
        null, effect = found["null"], found["effect"]
        console.print(
            f"{found['name']}: in {found['trials']} simulated trials type I error {null['rejected']['estimate']:.4f} "
            f"({null['rejected']['low']:.4f} to {null['rejected']['high']:.4f}, nominal {found['nominal_error']:g}), "
            f"power {effect['rejected']['estimate']:.4f}",
            highlight=False,
        )
    if "stopped" in body:
        from abate.design.report_after import sentence

        console.print(sentence(body["stopped"], body["effect_name"]), highlight=False)
    if "assurance" in body:
        found, pilot, assumed = body["assurance"], body["pilot"], body["assumptions"]
        if "mean_change" in pilot:
            console.print(
                f"pilot of {pilot['n']}: change {interval(pilot['mean_change'])}, SD {brief(pilot['sd'], 3)}; "
                f"kept of it {brief(pilot['shrunk_effect'], 3)}, "
                f"{brief(abs(assumed['standardised']), 2)} standard deviations",
                highlight=False,
            )
        console.print(
            f"chance of success {found['assurance']:.2f} over the pilot's uncertainty, at most {found['ceiling']:.2f} "
            f"with any size (power at the pilot's own estimate: {found['power_at_pilot_estimate']:.4f})",
            highlight=False,
        )
    console.print("For research; not a prescription.", style="dim")


def _show_looks(console: Any, body: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    stops = f"{body['boundary']}" + (f"; {body['futility']}" if body["futility"] else "")
    table = Table(box=box.SIMPLE_HEAD, title=stops, title_justify="left")
    wanted = {
        "look": "look",
        "information": "information",
        "z": "z",
        "nominal_p": "nominal p",
        "cumulative_alpha": "error spent",
        "cumulative_power": "power so far",
        "futility_z": "futility z",
        "total": "people",
        "events": "events",
    }
    kept = [key for key in wanted if key in body["boundaries"][0]]
    for key in kept:
        table.add_column(wanted[key], justify="right")
    for row in body["boundaries"]:
        table.add_row(*(_cell(row[key]) for key in kept))
    console.print(table)
    expected = body["expected_sample_size"]
    unit = body["expected_sample_size_unit"]
    digits = ".0f" if unit == "people" else ".4f"
    console.print(
        f"largest size {body['inflation_factor']:.4f} times the fixed one; "
        f"expected {expected['effect']:{digits}} under the effect, {expected['null']:{digits}} under none ({unit})",
        highlight=False,
    )


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "-" if value is None else str(value)
