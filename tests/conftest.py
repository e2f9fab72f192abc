"""Fixtures shared by every room's tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def judges() -> Path:
    """Folder with other programs' results; its absence is a failure in CI and a skip elsewhere."""
    folder = Path(os.environ.get("ABATE_JUDGES", "../shared/judges"))
    if not folder.is_dir():
        reason = "the judges' folder is not here: set ABATE_JUDGES to it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium; its absence is a failure in CI and a skip elsewhere."""
    import shutil

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no Chromium on this machine: install the system package 'chromium'"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found
