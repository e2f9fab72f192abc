"""Read counts from what sequencing pipelines write."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from abate.ground.errors import InputError
from abate.ground.extras import optional
from abate.study.expression.counts import Counts, checked_counts, few

__all__ = ["names_of_r", "read_counts", "read_text"]

_FEATURE_COUNTS = ("Chr", "Start", "End", "Strand", "Length")
_ANNOTATION = {
    "gene_name", "gene_symbol", "symbol", "gene_biotype", "biotype", "gene_type", "description", "chr", "chromosome",
    "start", "end",
    "strand", "length", "entrez", "entrezgene", "entrez_id",
}  # fmt: skip
_STAR = "ReadsPerGene.out.tab"
_STAR_COLUMNS = {"unstranded": 1, "forward": 2, "reverse": 3}


def read_counts(
    path: str | Path, samples: Sequence[str] = (), *, transcripts: str | Path | None = None, strand: str = "unstranded"
) -> Counts:
    """Read counts and turn them to genes x samples.

    Parameters
    ----------
    path : str or Path
        A CSV or TSV table (also gzipped), featureCounts output, an AnnData ``.h5ad``, or a folder with STAR's
        ``*ReadsPerGene.out.tab``, with salmon's ``*/quant.sf`` or with kallisto's ``*/abundance.tsv`` or ``.h5``.
    samples : sequence of str
        Names that the sample sheet knows; they tell which way round a table lies.
    transcripts : str or Path, optional
        For salmon and kallisto: a table with columns transcript_id and gene_id.
    strand : {"unstranded", "forward", "reverse"}
        Which of STAR's columns to take.

    Raises
    ------
    InputError
        If there is no such file, its format is unknown, or a value is not a count.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = file.write_text("sample,IL6R,STAT3\\na,5,80\\nb,7,66\\n")
    >>> counts = read_counts(file, ["a", "b"])
    >>> counts.table.loc["STAT3", "b"], counts.notes
    (np.int64(66), ('counts.csv lies samples x genes and was turned',))
    """
    source = Path(path)
    if source.is_dir():
        return _folder(source, transcripts, strand)
    if not source.exists():
        raise InputError(str(path), "there is no such file or folder", hint="check the name")
    if source.suffix == ".h5ad":
        return _anndata(source, samples)
    if source.name.endswith(_STAR):
        raise InputError(
            source.name, "this is one sample of STAR", hint="give the folder that holds the files of all samples"
        )
    table, notes = _table(source)
    return _turned(table, source.name, samples, notes)


def read_text(path: Path) -> str:
    """Return the text of a file, gzipped or not.

    Raises
    ------
    InputError
        If it is missing or is not UTF-8 text.
    """
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(str(path), "there is no such file", hint="check the name") from error
    except UnicodeDecodeError as error:
        raise InputError(
            path.name, "this is not a text table", allowed="CSV, TSV, .h5ad", hint="save a spreadsheet as CSV (UTF-8)"
        ) from error
    except (OSError, EOFError) as error:
        raise InputError(str(path), f"the file cannot be read ({error})") from error


def names_of_r(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether a header (the first of two rows) leaves out the column of row names, as R's ``write.table`` does.

    Examples
    --------
    >>> names_of_r([["a", "b"], ["IL6R", "5", "7"]]), names_of_r([["gene", "a"], ["IL6R", "5"]])
    (True, False)
    """
    # A line that ends with a separator is longer, too, but has nothing there.
    return len(rows) == 2 and len(rows[1]) == len(rows[0]) + 1 and bool(rows[1][-1].strip())


def _table(path: Path) -> tuple[pd.DataFrame, list[str]]:
    text = read_text(path)
    lines = [line for line in text.splitlines()[:50] if line.strip() and not line.startswith("#")]
    if not lines:
        raise InputError(path.name, "the file is empty", allowed="a table of genes x samples")
    separator = max("\t,;", key=lines[0].count)
    skip = next(i for i, line in enumerate(text.splitlines()) if line.strip() and line[0] != "#")
    rows = list(csv.reader(lines[:2], delimiter=separator))
    # The gene ids come first and stay text; R's write.table names every column but this one.
    options: dict[str, Any] = {"sep": separator, "dtype": {0: str}, "low_memory": False}
    if names_of_r(rows):
        rows[0] = ["gene", *rows[0]]
        options |= {"header": None, "names": rows[0], "dtype": {"gene": str}}
        skip += 1
    try:
        table = pd.read_csv(io.StringIO(text), skiprows=skip, **options)
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError(
            path.name, f"this is not a table ({error})", allowed="CSV or TSV with one header line"
        ) from error
    if table.shape[1] < 2:
        raise InputError(path.name, "there is one column only", allowed="a column of gene ids and one column a sample")
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(
            path.name,
            "its lines have more cells than its header",
            value=" and ".join(str(len(row)) for row in reversed(rows)),
            allowed="a name for every column",
        )
    header = [cell.strip() for cell in rows[0]]
    twice = [name for i, name in enumerate(header) if name and name in header[:i]]
    if twice:
        raise InputError(path.name, "a column stands twice", value=few(twice), allowed="every sample once")
    table = table.set_index(table.columns[0])
    if table.index.hasnans:
        row = int(table.index.isna().argmax()) + skip + 2
        raise InputError(f"{path.name}, line {row}", "the gene id is missing")
    notes = []
    if all(column in table.columns for column in _FEATURE_COUNTS):
        table = table.drop(columns=list(_FEATURE_COUNTS)).rename(columns=_without_path)
        notes.append(f"{path.name} was read as featureCounts output")
    extra = [c for c in table.columns if str(c).strip().lower() in _ANNOTATION]
    if extra:
        table = table.drop(columns=extra)
        notes.append(f"columns that describe genes were left out: {few(extra)}")
    return table.rename(columns=lambda name: str(name).strip()), notes


def _without_path(column: str) -> str:
    """Turn the path of an alignment, as featureCounts writes it, into the name of a sample."""
    name = Path(str(column)).name
    for end in (".bam", ".sam", ".sorted", "Aligned.sortedByCoord.out", "Aligned.out", ".Aligned", "_sorted"):
        name = name.removesuffix(end)
    return name.rstrip("._") or str(column)


def _turned(table: pd.DataFrame, source: str, samples: Sequence[str], notes: list[str]) -> Counts:
    known = {str(name) for name in samples}
    along = sum(str(c) in known for c in table.columns)
    down = sum(str(i) in known for i in table.index)
    if known and not along and not down:
        raise InputError(
            source,
            "no sample of the sheet is in the counts",
            value=few(table.columns),
            allowed=few(samples),
            hint="use the same sample names in both files",
        )
    if down > along:
        return checked_counts(table.T, source, [*notes, f"{source} lies samples x genes and was turned"])
    lies = [f"{source} lies genes x samples"] if not source.endswith(".h5ad") else []
    return checked_counts(table, source, [*notes, *lies])


def _anndata(path: Path, samples: Sequence[str]) -> Counts:
    anndata = optional("anndata")
    try:
        data = anndata.read_h5ad(path)
    except (OSError, KeyError, ValueError) as error:
        raise InputError(path.name, "this is not an AnnData file", allowed=".h5ad with counts in X") from error
    layer = next((name for name in ("counts", "raw_counts") if name in data.layers), None)
    matrix = data.layers[layer] if layer else data.X
    dense = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    table = pd.DataFrame(dense, index=data.obs_names.astype(str), columns=data.var_names.astype(str)).T
    where = f"counts are layer {layer!r} of {path.name}" if layer else f"counts are X of {path.name}"
    known = {str(name) for name in samples}
    if known & set(table.columns) or not known & set(table.index):
        return _turned(table, path.name, samples, [where])
    return checked_counts(table.T, path.name, [where, f"{path.name} has genes as observations and was turned"])


def _folder(folder: Path, transcripts: str | Path | None, strand: str) -> Counts:
    star = sorted(folder.rglob(f"*{_STAR}"))
    salmon = sorted(folder.rglob("quant.sf"))
    kallisto = sorted(folder.rglob("abundance.tsv")) or sorted(folder.rglob("abundance.h5"))
    if star:
        return _star(folder, star, strand)
    if salmon:
        return _quantified(folder, salmon, "salmon", transcripts)
    if kallisto:
        return _quantified(folder, kallisto, "kallisto", transcripts)
    raise InputError(
        str(folder),
        "no counts were found in this folder",
        allowed=f"*{_STAR}, */quant.sf, */abundance.tsv, */abundance.h5",
    )


def _star(folder: Path, files: Sequence[Path], strand: str) -> Counts:
    if strand not in _STAR_COLUMNS:
        raise InputError("--strand", "there is no such strand", value=strand, allowed=_STAR_COLUMNS)
    columns = {}
    for file in files:
        name = file.name.removesuffix(_STAR).rstrip("._-") or file.parent.name
        try:
            table = pd.read_csv(file, sep="\t", header=None, index_col=0)
            column = table[_STAR_COLUMNS[strand]]
        except (KeyError, ValueError) as error:
            raise InputError(
                file.name, "this is not a count table of STAR", allowed="four columns without header"
            ) from error
        columns[name] = column[~column.index.astype(str).str.startswith("N_")]
    table = pd.DataFrame(columns)
    return checked_counts(table, folder.name, [f"{len(files)} files of STAR were read, column {strand!r}"])


def _quantified(folder: Path, files: Sequence[Path], kind: str, transcripts: str | Path | None) -> Counts:
    if transcripts is None:
        raise InputError(
            folder.name,
            f"{kind} counts transcripts; the table that maps them to genes is missing",
            hint="give it with --transcripts FILE (columns transcript_id, gene_id)",
        )
    pytximport = optional("pytximport")
    mapping = _mapping(Path(transcripts))
    counted = _transcripts(files[0])
    # Elsewhere than with Ensembl the end may be no version: AT1G01010.1 and AT1G01010.2 are two transcripts.
    versions = bool(counted.str.startswith("ENS").any()) or not counted.isin(mapping["transcript_id"]).any()
    counted, known = (ids.str.split(".").str[0] if versions else ids for ids in (counted, mapping["transcript_id"]))
    if not counted.isin(known).any():
        raise InputError(
            Path(transcripts).name, "none of the transcripts that were counted is in it", value=few(known),
            allowed=few(counted), hint="take the map of the annotation that the index was built from",
        )  # fmt: skip
    mapping = mapping.loc[~known.duplicated()]
    # Its progress bar and its remarks on its own future are not for the user.
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        data = pytximport.tximport(
            [str(file) for file in files], kind, transcript_gene_map=mapping, counts_from_abundance="length_scaled_tpm",
            ignore_transcript_version=versions,
        )  # fmt: skip
    names = [file.parent.name for file in files]
    table = pd.DataFrame(data.X, index=names, columns=data.var_names.astype(str)).T
    notes = [
        f"{len(files)} {kind} samples were summed to genes by pytximport (counts from length-scaled TPM) and rounded"
    ]
    return checked_counts(table.round(), folder.name, notes)


def _transcripts(file: Path) -> pd.Series:
    """Return the ids of the transcripts that one sample of salmon or kallisto was counted for."""
    if file.suffix == ".h5":
        import h5py  # type: ignore[import-untyped]

        with h5py.File(file) as data:
            names = pd.Series([name.decode() for name in data["aux/ids"][:]], dtype=str)
    else:
        names = pd.read_csv(file, sep="	", usecols=[0], dtype=str).iloc[:, 0]
    return names.str.split("|").str[0]


def _mapping(path: Path) -> pd.DataFrame:
    text = read_text(path)
    first = text.splitlines()[0] if text else ""
    table = pd.read_csv(io.StringIO(text), sep=max("\t,;", key=first.count), dtype=str)
    if not {"transcript_id", "gene_id"} <= set(table.columns):
        raise InputError(
            path.name,
            "the columns of the map are not known",
            value=few(table.columns),
            allowed="transcript_id, gene_id",
        )
    return table[["transcript_id", "gene_id"]]
