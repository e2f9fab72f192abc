"""Pages made from the code while the site is built, so that they cannot go stale (an mkdocs hook)."""

from __future__ import annotations

from importlib import import_module
from itertools import groupby
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from abate.cli.main import VERBS, available
from abate.report.entry import shelf
from abate.report.schemas import schemas


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    for name, page in (("cli", command_line()), ("library", library()), ("formats", formats())):
        files.append(File.generated(config, f"reference/{name}.md", content=page))
    return files


def command_line() -> str:
    """Return the page of the verbs, their arguments and options."""
    head = """# Command line

Every verb takes `--json` (print results.json instead of text) and `--out DIR` (write it there with the tables and the
report). An unknown verb or option, a file that cannot be read, a value that is not allowed: one line on the error
stream, and nothing written.

| exit code | means |
|---|---|
| 0 | done |
| 1 | a mistake in abate, or no memory left |
| 2 | the input is wrong, or an optional package is missing; the line says where, what is allowed and what to do |
| 3 | equations could not be solved as asked |
| 4 | the disk said no; what was finished is kept, and a simulation goes on with `--resume` |
| 130 | interrupted; a simulation goes on with `--resume` |
"""
    return head + "".join(_verb(verb) for verb in available())


def _verb(name: str) -> str:
    module, summary = VERBS[name]
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name=name)(getattr(import_module(module), name))
    command: Any = typer.main.get_command(app)
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join([f"abate {name}", *command.collect_usage_pieces(context)])
    records = [record for one in command.params if (record := one.get_help_record(context))]
    rows = "\n".join(f"| `{_cell(term)}` | {_cell(text)} |" for term, text in records)
    return f"\n## {name}\n\n{summary}\n\n```text\n{usage}\n```\n\n| | |\n|---|---|\n{rows}\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def library() -> str:
    """Return the page that lists every entry of the library."""
    parts = [
        "# What is in the library\n\n`abate library NAME` shows one entry; `--yaml` prints its file to start from.\n"
    ]
    for kind, entries in groupby(shelf(), key=lambda entry: entry.kind):
        rows = "\n".join(f"| `{entry.name}` | {_cell(entry.title)} |" for entry in entries)
        parts.append(f"\n## {kind}\n\n| name | |\n|---|---|\n{rows}\n")
    return "".join(parts)


def formats() -> str:
    """Return the page of the file formats, from their schemas."""
    parts = [
        "# Files as contracts\n\nJSON Schemas of what people write and of what abate writes; they ship with abate "
        "in `abate/library/schemas`. The tables of a Study are on [their own page](../study-format.md).\n"
    ]
    for name, schema in schemas().items():
        required = set(schema.get("required", ()))
        rows = "\n".join(
            f"| `{key}` | {_kind(value)} | {'yes' if key in required else ''} | {_cell(value.get('description', ''))} |"
            for key, value in schema.get("properties", {}).items()
        )
        parts.append(f"\n## {name}\n\n| key | is | required | |\n|---|---|---|---|\n{rows}\n")
    return "".join(parts)


def _kind(value: dict[str, Any]) -> str:
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_kind(one) for one in value["anyOf"]))
    if "enum" in value:
        return _cell(" or ".join(f"`{one}`" for one in value["enum"]))
    if "$ref" in value:
        return value["$ref"].rpartition("/")[2]
    kind = value.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
