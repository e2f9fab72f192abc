"""An entry of the library, as data for JSON and as text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, library_path, load_toml, load_yaml
from abate.ground.results import slug

__all__ = ["Entry", "find", "shelf"]

MODEL_FILES = (".ant", ".xml", ".sbml")
"""How the name of a user's model ends."""


@dataclass(frozen=True)
class Entry:
    """One entry: its kind, its name, a title, the file it stands in, and how its content is read."""

    kind: str
    name: str
    title: str
    path: Path
    read: Callable[[], dict[str, Any]]

    @property
    def text(self) -> str:
        """The file as it stands, to start one's own from."""
        return self.path.read_text(encoding="utf-8")

    def content(self) -> dict[str, Any]:
        """Return the entry as plain data, with its kind and name."""
        return {"kind": self.kind, "name": self.name, "title": self.title, **self.read()}


@cache
def shelf() -> tuple[Entry, ...]:
    """Return every entry of the library; its files are read once.

    Examples
    --------
    >>> sorted({entry.kind for entry in shelf()})
    ['endpoints', 'instrument', 'measures', 'model', 'policy', 'population', 'tablets', 'taper', 'trial']
    """
    entries = [*_models()]
    for kind, folder, ending in (
        ("trial", "trials", "yaml"),
        ("taper", "tapers", "yaml"),
        ("policy", "policies", "yaml"),
        ("population", "populations", "toml"),
        ("instrument", "instruments", "toml"),
        ("tablets", "tablets", "toml"),
    ):
        paths = sorted(library_path(folder).glob(f"*.{ending}"))
        entries += [_file(kind, path) for path in paths if (kind, path.stem) != ("instrument", "measures")]
    return (*entries, *(_file(kind, library_path(*parts), title) for kind, parts, title in _LISTS))


# Files that are one list of entries, and so have no title of their own.
_LISTS = (
    ("endpoints", ("endpoints", "endpoints.toml"), "Endpoints of a trial: kinds, numbers and sources"),
    ("measures", ("observation", "clinic.toml"), "What a visit measures of a simulated person, and with what error"),
    ("measures", ("measures", "charted.toml"), "Measures that data alone hold, and names of the simulated truth"),
    ("measures", ("instruments", "measures.toml"), "Measures by name: units, limits, and what files call them"),
)


def find(name: str) -> Entry:
    """Return the entry of a name (``kind/name`` where two kinds share one), or a user's model by its path.

    Raises
    ------
    InputError
        If there is none, with the nearest name.

    Examples
    --------
    >>> find("giacta").kind, find("policy/giacta").kind
    ('trial', 'policy')
    """
    entries = shelf()
    exact = [e for e in entries if name in (e.name, f"{e.kind}/{e.name}", f"{e.kind}s/{e.name}")]
    if exact:
        return exact[0]
    loose = [e for e in entries if e.name.startswith(f"{name}/")]
    if loose:
        return loose[0]
    if Path(name).suffix in MODEL_FILES:
        return _own_model(name)
    names = [e.name for e in entries]
    raise InputError(
        "NAME", "the library has no such entry", value=name, hint=did_you_mean(name, names) or "see: abate library"
    )


def _models() -> list[Entry]:
    from abate.science.model import available

    def reader(name: str) -> Callable[[], dict[str, Any]]:
        return lambda: _model(name)

    entries = []
    for model, sets in available().items():
        for numbers in sets:
            path = library_path("models", f"{model}.ant")
            title = _title(f"{model}-{numbers}", numbers) or model
            entries.append(Entry("model", f"{model}/{numbers}", title, path, reader(f"{model}/{numbers}")))
    return entries


def _title(name: str, numbers: str) -> str:
    """Return the title of a set of numbers, or that of the set it extends with its own name behind."""
    data = load_toml(library_path("parameters", f"{name}.toml")).data
    if data.get("title"):
        return str(data["title"])
    return f"{_title(str(data['extends']), '')} ({numbers})".removesuffix(" ()") if data.get("extends") else ""


def _own_model(name: str) -> Entry:
    from abate.science.model import load

    return Entry("model", name, load(name).title or Path(name).stem, Path(name), lambda: _model(name))


def _model(name: str) -> dict[str, Any]:
    from abate.science.model import load

    model = load(name)
    parameters = {
        model.spell(key): {
            "value": p.value,
            "unit": p.unit,
            "label": p.label,
            "distribution": p.distribution,
            "spread": p.spread,
            "covariates": str(p.covariates) if p.covariates is not None else None,
            "source": p.source,
            "grade": p.grade,
        }
        for key, p in (*model.parameters.items(), *model.observation.items())
    }
    return {
        "hash": model.hash,
        **({"warnings": list(model.warnings)} if model.warnings else {}),
        "states": list(model.states),
        "equations": {
            **{key: str(value) for key, value in model.assignments.items()},
            **{f"d {key}/dt": str(value) for key, value in model.rates.items()},
        },
        "parameters": parameters,
        "inputs": {key: {"unit": i.unit, "label": i.label, "kind": i.kind} for key, i in model.inputs.items()},
        "doses": [f"{drug} {route}" for drug, route in model.doses],
        "outputs": {key: {"unit": o.unit, "label": o.label} for key, o in model.outputs.items()},
        "correlations": {f"{model.spell(a)} ~ {model.spell(b)}": rho for (a, b), rho in model.correlations.items()},
    }


def _file(kind: str, path: Path, title: str = "") -> Entry:
    document = load_yaml(path) if path.suffix == ".yaml" else load_toml(path)
    head = document.data
    title = title or str(head.get("title") or head.get("label") or head.get("name") or path.stem)

    def read() -> dict[str, Any]:
        if kind == "taper":
            from abate.science.regimen import load_taper

            return load_taper(path.stem).summary()
        data: Mapping[str, Any] = document.data
        return {slug(key) if not key.isidentifier() else key: value for key, value in data.items()}

    return Entry(kind, path.stem, title, path, read)
