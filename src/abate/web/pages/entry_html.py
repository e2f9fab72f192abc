"""An entry of the library as markup: facts as lists, things of one kind as tables, equations as they are solved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from abate.web.words import Words

__all__ = ["content_html"]

_NAMED_ALREADY = ("kind", "name", "title", "hash")
_FIRST = ("label", "value", "unit")
_LAST = ("source", "grade")


def content_html(_: Words, content: Mapping[str, Any]) -> str:
    """Return an entry, everything in it escaped.

    Examples
    --------
    >>> content_html(Words("en"), {"name": "x", "title": "X", "weeks": 52})
    '<dl class="facts"><dt>weeks</dt><dd>52</dd></dl>'
    """
    return _mapping(_, {key: value for key, value in content.items() if key not in _NAMED_ALREADY}, 2)


def _mapping(_: Words, values: Mapping[str, Any], level: int) -> str:
    plain = {key: value for key, value in values.items() if _is_plain(value) and value not in (None, "", [], {})}
    facts = "".join(f"<dt>{_title(key)}</dt><dd>{_value(key, value)}</dd>" for key, value in plain.items())
    parts = [f'<dl class="facts">{facts}</dl>'] if facts else []
    items = {key: value for key, value in values.items() if _is_item(value) and value and key != "equations"}
    loose = items if len(items) > 1 else {}
    for key, value in values.items():
        if _is_plain(value) or not value or key in loose:
            continue
        parts.append(f"<h{level}>{_title(key)}</h{level}>{_group(_, key, value, level)}")
    if loose:
        parts.append(_table(loose))
    return "".join(parts)


def _group(_: Words, key: str, value: Any, level: int) -> str:
    if key == "equations":
        rows = "".join(
            f'<tr><th scope="row"><code>{escape(k)}</code></th><td><code>= {escape(v)}</code></td></tr>'
            for k, v in value.items()
        )
        return f'<div class="tablebox" tabindex="0"><table><tbody>{rows}</tbody></table></div>'
    if isinstance(value, Mapping):
        return _table(value) if _is_table(value) else _mapping(_, value, min(level + 1, 4))
    if all(isinstance(item, Mapping) for item in value):
        return _table({str(number): item for number, item in enumerate(value, 1)})
    return "<ul>" + "".join(f"<li>{escape(_text(item))}</li>" for item in value) + "</ul>"


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Put things of one kind into a table; a column in which nothing stands is left out."""
    found = list(dict.fromkeys(key for row in rows.values() for key in row))
    columns = [c for c in found if any(row.get(c) not in (None, "", [], {}) for row in rows.values())]
    order = [c for c in _FIRST if c in columns]
    order += [c for c in columns if c not in (*_FIRST, *_LAST)] + [c for c in _LAST if c in columns]
    head = "".join(f'<th scope="col">{_title(c)}</th>' for c in order)
    body = "".join(
        f'<tr><th scope="row"><code>{escape(key)}</code></th>'
        + "".join(f"<td>{_value(c, row.get(c))}</td>" for c in order)
        + "</tr>"
        for key, row in rows.items()
    )
    return (
        '<div class="tablebox" tabindex="0"><table><thead><tr><td></td>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _value(key: str, value: Any) -> str:
    if key == "grade" and isinstance(value, str):
        return f'<span class="grade {escape(value)}">{escape(value)}</span>'
    return escape(_text(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return all((_is_plain(item) and not isinstance(item, Sequence)) or isinstance(item, str) for item in value)
    return not isinstance(value, Mapping)


def _is_item(value: Any) -> bool:
    """One thing with facts of its own."""
    return isinstance(value, Mapping) and all(_is_plain(item) for item in value.values())


def _is_table(value: Any) -> bool:
    """Several things of one kind."""
    return isinstance(value, Mapping) and len(value) > 0 and all(_is_item(item) for item in value.values())


def _title(key: str) -> str:
    return escape(key.replace("_", " ").replace("-", " "))
