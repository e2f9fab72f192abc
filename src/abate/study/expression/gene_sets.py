"""Gene sets as files: GMT, and pathways of WikiPathways (GPML, or their tables of data nodes)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from abate.ground.errors import InputError
from abate.study.expression.read_counts import read_text

__all__ = ["GeneSet", "read_gene_sets", "read_gmt", "read_gpml"]

_NODES = "-datanodes.tsv"
_GENES = {"geneproduct", "gene", "protein", "rna"}
_DATABASES = {"ensembl": 1, "hgnc": 2, "entrez gene": 3}


@dataclass(frozen=True)
class GeneSet:
    """A named set of genes; `source` is the file it came from.

    `others` is the same set by other kinds of names (Ensembl ids, NCBI numbers), where the file has them.
    """

    name: str
    description: str
    genes: tuple[str, ...]
    source: str
    others: tuple[tuple[str, ...], ...] = ()


def read_gene_sets(path: str | Path) -> list[GeneSet]:
    """Read gene sets: a GMT file, or one pathway as ``.gpml`` or ``*-datanodes.tsv`` of WikiPathways.

    Raises
    ------
    InputError
        If the file is missing or holds no gene set.
    """
    source = Path(path)
    if source.suffix == ".gpml":
        return [read_gpml(source)]
    if source.name.endswith(_NODES):
        return [_read_nodes(source)]
    return read_gmt(source)


def read_gmt(path: str | Path) -> list[GeneSet]:
    """Read a GMT file: name, description and genes, tab between.

    Raises
    ------
    InputError
        If the file is missing or empty, a line is too short, or a name stands twice.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "sets.gmt"
    >>> _ = file.write_text("mine\\twhat I think\\tSOCS3\\tSTAT3\\n")
    >>> read_gmt(file)[0].genes
    ('SOCS3', 'STAT3')
    """
    source = Path(path)
    sets: list[GeneSet] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(read_text(source).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        genes = tuple(dict.fromkeys(cell for cell in cells[2:] if cell))
        where = f"{source.name}, line {number}"
        if not cells[0] or not genes:
            raise InputError(
                where, "not a gene set", value=line[:40], allowed="name, description and genes, with tabs between"
            )
        if cells[0] in seen:
            raise InputError(
                where, "a set of this name came before", value=cells[0], hint=f"first on line {seen[cells[0]]}"
            )
        seen[cells[0]] = number
        sets.append(GeneSet(cells[0], cells[1], genes, source.name))
    if not sets:
        raise InputError(
            source.name, "there is no gene set in it", allowed="lines of name, description and genes, with tabs between"
        )
    return sets


def read_gpml(path: str | Path) -> GeneSet:
    """Read the genes of a pathway in GPML, the format of WikiPathways (2013a and 2021).

    Labels are taken as symbols; ids of Ensembl, HGNC and NCBI are kept as other names of the same set.

    Raises
    ------
    InputError
        If the file is missing, is no GPML, or has no gene.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "mine.gpml"
    >>> xref = '<Xref Database="Ensembl" ID="ENSG00000184557"/>'
    >>> node = f'<DataNode TextLabel="SOCS3" Type="GeneProduct">{xref}</DataNode>'
    >>> _ = file.write_text(f'<Pathway Name="mine" Version="1">{node}</Pathway>')
    >>> read_gpml(file).genes, read_gpml(file).others
    (('SOCS3',), (('ENSG00000184557',),))
    """
    source = Path(path)
    try:
        root = ElementTree.fromstring(read_text(source))
    except ElementTree.ParseError as error:
        raise InputError(source.name, f"this is not GPML ({error})", allowed="a pathway of WikiPathways") from error
    names: list[list[str]] = [[], [], [], []]
    for node in root.iter():
        facts = {key.lower(): value for key, value in node.attrib.items()}
        if _tag(node) != "datanode" or facts.get("type", "").lower() not in _GENES:
            continue
        names[0].append(" ".join(facts.get("textlabel", "").split()))
        for mark in node:
            of = {key.lower(): value for key, value in mark.attrib.items()}
            kind = _DATABASES.get(of.get("database", of.get("datasource", "")).lower())
            if _tag(mark) == "xref" and kind is not None:
                names[kind].append(of.get("id", of.get("identifier", "")).strip())
    facts = {key.lower(): value for key, value in root.attrib.items()}
    title = facts.get("name", facts.get("title", "")).strip() or source.stem
    return _set(title, facts.get("version", "").strip(), names, source.name)


def _tag(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _read_nodes(source: Path) -> GeneSet:
    """Read the table of data nodes that WikiPathways keeps beside a pathway."""
    rows = list(csv.DictReader(io.StringIO(read_text(source)), delimiter="\t"))
    columns = ("Label", "Ensembl", "HGNC", "NCBI gene")
    if not rows or not {"Label", "Type"} <= set(rows[0]):
        raise InputError(source.name, "this is not a table of data nodes", allowed="columns Label, Type, Ensembl, HGNC")
    genes = [row for row in rows if (row["Type"] or "").lower() in _GENES]
    cells = ([_ids(row.get(column) or "") for row in genes] for column in columns)
    names = [[name for some in column for name in some] for column in cells]
    return _set(source.name.removesuffix(_NODES), "", names, source.name)


def _ids(cell: str) -> list[str]:
    """Return the ids of a cell without what says where they are from (``ensembl:ENSG00000136244``)."""
    return [part.rpartition(":")[2].strip() for part in cell.split(";") if part.strip()]


def _set(name: str, description: str, names: Iterable[list[str]], source: str) -> GeneSet:
    kinds = [tuple(dict.fromkeys(word for word in kind if word)) for kind in names]
    if not kinds[0]:
        raise InputError(source, "there is no gene in it", allowed="data nodes of type GeneProduct, Protein or Rna")
    return GeneSet(name, description, kinds[0], source, tuple(kind for kind in kinds[1:] if kind))
