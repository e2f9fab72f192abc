"""Write docs/developers/dependencies.md: what is installed, what it weighs, under which licence, and who asked for it.

Run it in the environment of the tests (``make .venv/dev.stamp``) after the locks have changed. Names and versions are
those of the locks on Linux x86-64 with CPython 3.11; sizes and licences are read from what is installed.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "developers" / "dependencies.md"
MACHINE = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
}
NAMED = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0",
    "ISC License (ISCL)": "ISC",
    "The Unlicense (Unlicense)": "Unlicense",
}
COPYLEFT = re.compile(r"GPL|MPL|EPL|CDDL|General Public|Mozilla", re.IGNORECASE)
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())
OWN = {
    canonicalize_name(Requirement(given).name): where
    for table in (DECLARED["dependency-groups"], DECLARED["project"]["optional-dependencies"])
    for where, all_given in table.items()
    for given in all_given
}
HEAD = (ROOT / "docs" / "developers" / "dependencies.md.in").read_text()


@dataclass(frozen=True)
class Locked:
    """One line of a lock: name, version, and the packages that ask for it."""

    name: str
    version: str
    asked_by: tuple[str, ...]


def locked(lock: str) -> dict[str, Locked]:
    """Return what a lock installs on the machine that the page describes, by name."""
    found = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements" / f"{lock}.lock").read_text()):
        line = re.match(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+))?", entry)
        if line is None or (line["marker"] and not Marker(line["marker"].strip()).evaluate(MACHINE)):
            continue
        via = entry.partition("# via")[2].replace("#", " ")
        names = [
            name for name in re.findall(r"[\w./:-]+(?: \([^)]*\))?", via) if not name.startswith(("-c", "requirem"))
        ]
        found[line["name"]] = Locked(line["name"], line["version"], tuple(names))
    return found


def licence(name: str) -> str:
    """Return the licence that an installed distribution declares."""
    about = metadata.metadata(name)
    if expression := about.get("License-Expression"):
        return str(expression)
    classified = [
        one.rpartition(" :: ")[2] for one in about.get_all("Classifier") or () if one.startswith("License ::")
    ]
    classified = [NAMED.get(one, one) for one in classified if one not in ("OSI Approved", "DFSG approved")]
    if classified:
        return ", ".join(dict.fromkeys(classified))
    said = str(about.get("License") or "").strip().splitlines()
    return said[0][:60] if said else "not declared"


def megabytes(name: str) -> float:
    """Return what a distribution takes on disk, MiB, without compiled Python."""
    files = [Path(str(file.locate())) for file in metadata.files(name) or () if file.suffix != ".pyc"]
    return sum(file.stat().st_blocks * 512 for file in files if file.is_file()) / 2**20


def page() -> str:
    """Return the page."""
    core, run, dev = locked("core"), locked("run"), locked("dev")
    weights = {name: megabytes(name) for name in core}
    rows = [
        f"| {name} | {core[name].version} | {weights[name]:.1f} | {licence(name)} | {_asked(core[name])} |"
        for name in sorted(core, key=lambda name: (-round(weights[name], 1), name))
    ]
    text = HEAD.replace("TOTAL", f"{sum(weights.values()):.0f}").replace("COPYLEFT", _copyleft(core, run, dev))
    text += f"\n## The core: {len(core)} distributions\n\n"
    text += "| package | version | MB | licence | asked for by |\n|---|---|---|---|---|\n"
    text += "\n".join(rows) + "\n"
    for title, these, known in (("What the extras add", run, core), ("What tests, lint and site add", dev, run)):
        more = {name: one for name, one in sorted(these.items()) if name not in known}
        lines = [f"| {name} | {one.version} | {licence(name)} | {_asked(one)} |" for name, one in more.items()]
        text += f"\n## {title}: {len(more)}\n\n| package | version | licence | asked for by |\n|---|---|---|---|\n"
        text += "\n".join(lines) + "\n"
    return text


def _asked(one: Locked) -> str:
    """Say who asks for a package: abate itself, one of its extras or groups, or another package."""
    if any(name.startswith("abate") for name in one.asked_by):
        return f"abate: {OWN.get(one.name, 'itself')}"
    names = list(one.asked_by)
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")


def _copyleft(*locks: dict[str, Locked]) -> str:
    names = dict.fromkeys(name for lock in locks for name in lock)
    return "\n".join(f"- {name}: {said}" for name in sorted(names) if COPYLEFT.search(said := licence(name)))


if __name__ == "__main__":
    PAGE.write_text(page())
