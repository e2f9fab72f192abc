"""A live REDCap project through PyCap: the network is used when, and only when, a path begins with ``redcap:``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from abate.ground.errors import InputError
from abate.ground.extras import optional
from abate.study.readers.grid import Grid, Row
from abate.study.readers.redcap import Field, fields_of

__all__ = ["PREFIX", "TOKEN", "read_project"]

PREFIX = "redcap:"
TOKEN = "ABATE_REDCAP_TOKEN"


def read_project(path: str, connect: Callable[[str, str], Any] | None = None) -> tuple[Grid, dict[str, Field]]:
    """Export the records and the data dictionary of a project.

    Parameters
    ----------
    path : str
        ``redcap:https://redcap.example.org/api/``; the token is the environment variable ``ABATE_REDCAP_TOKEN``.
    connect : callable, optional
        (url, token) -> project; PyCap's `Project` by default.

    Raises
    ------
    InputError
        If the token is not set, the address is not https, or the project cannot be reached.
    MissingExtra
        If PyCap is not installed.
    """
    # A path type has made one slash of two.
    url = re.sub(r"^(https?):/+", r"\1://", path.removeprefix(PREFIX))
    token = os.environ.get(TOKEN, "")
    if not url.startswith("https://"):
        raise InputError(path, "the address of a project must be https", allowed=f"{PREFIX}https://SERVER/api/")
    if not token:
        raise InputError(path, "no token for this project", hint=f"set the environment variable {TOKEN}")
    if connect is None:
        redcap = optional("redcap")
        connect = redcap.Project
    try:
        project = connect(url, token)
        records = project.export_records(format_type="json", raw_or_label="raw")
        metadata = project.export_metadata(format_type="json")
    except Exception as error:
        # The message of a failed request may hold the token: only its kind is shown.
        raise InputError(path, f"the project could not be read ({type(error).__name__})") from None
    columns = tuple(dict.fromkeys(name for record in records for name in record))
    rows = tuple(
        Row(number, tuple(str(record.get(name, "")) for name in columns))
        for number, record in enumerate(records, start=1)
    )
    keys = ("field_name", "form_name", "field_type", "field_label", "select_choices_or_calculations")
    fields = fields_of(tuple(str(entry.get(key, "")) for key in keys) for entry in metadata)  # type: ignore[misc]
    return Grid("REDCap project", "redcap", columns, rows).checked(), fields
