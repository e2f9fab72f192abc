"""Red flags: signs in the diary that need care now, shown before everything else."""

from __future__ import annotations

from html import escape

from abate.planner.flags import red_flags
from abate.planner.record import Record
from abate.web.pages.frame import html
from abate.web.words import Words

__all__ = ["flag_box"]


def flag_box(_: Words, record: Record) -> bool:
    """Show the red flags of a record, if any; return whether there are."""
    raised = red_flags(record)
    if not raised:
        return False
    lines = "".join(
        f"<p><strong>{escape(_.date(flag.date))}: {escape(_(flag.says))}.</strong> {escape(_(flag.do))}</p>"
        for flag in raised
    )
    box = html(f"<h2>{escape(_('Get care first'))}</h2>{lines}", classes="alarm")
    box.props("role=alert")
    return True
