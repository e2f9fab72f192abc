"""What is refused as counts, and what is said."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from abate.ground.errors import InputError
from abate.study.expression.counts import checked_counts
from abate.study.expression.read_counts import read_counts


def table(**changes: object) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [5, 0, 7], "b": [6, 1, 0]}, index=["IL6R", "STAT3", "SOCS3"]).astype(object)
    for place, value in changes.items():
        gene, sample = place.split("_")
        frame.loc[gene, sample] = value
    return frame


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"STAT3_b": -1},
            r"c\.csv, gene STAT3, sample b: a count cannot be negative: -1\.0; allowed: whole numbers of 0 or more",
        ),
        (
            {"STAT3_b": 1.5},
            r"gene STAT3, sample b: a count is a whole number: 1\.5; .*TPM, FPKM and CPM are not counts",
        ),
        ({"SOCS3_a": "n/a"}, r"gene SOCS3, sample a: this is not a number: 'n/a'"),
        ({"SOCS3_a": np.nan}, r"gene SOCS3, sample a: the count is missing"),
        ({"IL6R_a": 0, "SOCS3_a": 0}, r"every count of this sample is zero: 'a'"),
    ],
)
def test_a_value_that_is_no_count_is_refused_with_its_place(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        checked_counts(table(**changes), "c.csv")


def test_tpm_are_known_by_their_sum() -> None:
    frame = pd.DataFrame({"a": [1.5, 999_998.5], "b": [250_000.25, 749_999.75]}, index=["x", "y"])
    with pytest.raises(InputError, match=r"every sample adds up to one million: these are TPM"):
        checked_counts(frame, "c.csv")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["IL6R", "IL6R", "SOCS3"], "a gene id stands twice: 'IL6R'"),
        (["ENSG00000136244.11", "ENSG00000136244.12", "x"], "a gene id stands twice: 'ENSG00000136244'"),
    ],
)
def test_a_gene_that_stands_twice_is_refused(names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        checked_counts(table().set_axis(names, axis=0), "c.csv")


def test_versions_are_cut_but_not_the_copy_on_y() -> None:
    names = ["ENSG00000182378.15", "ENSG00000182378.15_PAR_Y", "ENSMUSG00000022146.7"]
    counts = checked_counts(table().set_axis(names, axis=0), "c.csv")
    assert list(counts.table.index) == ["ENSG00000182378", "ENSG00000182378_PAR_Y", "ENSMUSG00000022146"]
    assert "cut off 3 Ensembl ids" in counts.notes[0]


@pytest.mark.parametrize(("separator", "turned"), [(",", False), ("\t", True), (";", False)])
def test_a_table_is_read_either_way_round(tmp_path: Path, separator: str, turned: bool) -> None:
    frame = table().astype(int)
    file = tmp_path / "c.txt"
    (frame.T if turned else frame).to_csv(file, sep=separator)
    counts = read_counts(file, ["a", "b"])
    np.testing.assert_array_equal(counts.table.to_numpy(), frame.to_numpy())
    assert ("was turned" in counts.notes[-1]) == turned


def test_columns_that_describe_genes_are_left_out_and_named(tmp_path: Path) -> None:
    frame = table().astype(int)
    frame.insert(0, "gene_name", ["x", "y", "z"])
    frame.to_csv(tmp_path / "c.csv.gz")
    counts = read_counts(tmp_path / "c.csv.gz", ["a", "b"])
    assert list(counts.table.columns) == ["a", "b"]
    assert any("gene_name" in note for note in counts.notes)


def test_feature_counts(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text(
        "# Program:featureCounts v2.0.3; Command: featureCounts ...\n"
        "Geneid\tChr\tStart\tEnd\tStrand\tLength\tbam/a.sorted.bam\tbam/b.sorted.bam\n"
        "IL6R\t1\t1;5\t2;6\t+;+\t4\t5\t6\nSTAT3\t17\t1\t2\t-\t2\t7\t8\n"
    )
    counts = read_counts(tmp_path / "f.txt", ["a", "b"])
    assert counts.table.to_dict("list") == {"a": [5, 7], "b": [6, 8]}
    assert "featureCounts" in counts.notes[0]


def test_star(tmp_path: Path) -> None:
    for name, shift in (("a", 0), ("b", 10)):
        rows = [("N_unmapped", 99, 99, 99), ("IL6R", 5 + shift, 2, 3), ("STAT3", 7 + shift, 4, 3)]
        text = "\n".join("\t".join(map(str, row)) for row in rows)
        (tmp_path / f"{name}_ReadsPerGene.out.tab").write_text(text)
    assert read_counts(tmp_path).table.to_dict("list") == {"a": [5, 7], "b": [15, 17]}
    assert read_counts(tmp_path, strand="forward").table["a"].tolist() == [2, 4]
    with pytest.raises(
        InputError, match=r"--strand: there is no such strand: 'left'; allowed: unstranded, forward, reverse"
    ):
        read_counts(tmp_path, strand="left")
    with pytest.raises(InputError, match=r"this is one sample of STAR; give the folder"):
        read_counts(tmp_path / "a_ReadsPerGene.out.tab")


def test_salmon_is_summed_to_genes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "quants" / name).mkdir(parents=True)
        (tmp_path / "quants" / name / "quant.sf").write_text(
            "Name\tLength\tEffectiveLength\tTPM\tNumReads\nT1\t1000\t800\t304000\t30.4\nT2\t1000\t800\t206000\t20.6\n"
            "T3\t1000\t800\t490000\t49\n"
        )
    (tmp_path / "map.csv").write_text("transcript_id,gene_id\nT1,IL6R\nT2,IL6R\nT3,STAT3\n")
    counts = read_counts(tmp_path / "quants", transcripts=tmp_path / "map.csv")
    # Equal lengths: length-scaled counts are the sums, rounded.
    assert counts.table.loc["IL6R"].tolist() == [51, 51]
    assert counts.table.loc["STAT3"].tolist() == [49, 49]
    assert "rounded" in counts.notes[0]
    with pytest.raises(
        InputError, match=r"the table that maps them to genes is missing; give it with --transcripts FILE"
    ):
        read_counts(tmp_path / "quants")


def test_anndata(tmp_path: Path) -> None:
    frame = table().astype(int)
    data = anndata.AnnData(
        X=frame.T.to_numpy(float), obs=pd.DataFrame(index=["a", "b"]), var=pd.DataFrame(index=list(frame.index))
    )
    data.write_h5ad(tmp_path / "c.h5ad")
    counts = read_counts(tmp_path / "c.h5ad", ["a", "b"])
    np.testing.assert_array_equal(counts.table.to_numpy(), frame.to_numpy())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("gene\nIL6R\n", "there is one column only"),
        ("gene,x,y\nIL6R,1,2\n", "no sample of the sheet is in the counts: 'x, y'; allowed: a, b"),
        ("gene,a,a\nIL6R,1,2\n", r"c\.csv: a column stands twice: 'a'; allowed: every sample once"),
        ("gene,a,b\n,1,2\nIL6R,1,2\n", r"c\.csv, line 2: the gene id is missing"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_counts(tmp_path / "c.csv", ["a", "b"])


def test_a_spreadsheet_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.xlsx").write_bytes(b"PK\x03\x04\xff\xfe\xff")
    with pytest.raises(InputError, match=r"this is not a text table; allowed: CSV, TSV"):
        read_counts(tmp_path / "c.xlsx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no counts were found in this folder"):
        read_counts(tmp_path / "empty")
    with pytest.raises(InputError, match=r"there is no such file or folder"):
        read_counts(tmp_path / "nowhere.csv")


def test_a_table_of_r_without_a_name_over_its_genes(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text('"a"\t"b"\n"IL6R"\t5\t7\n"007"\t5\t0\n')
    counts = read_counts(tmp_path / "c.tsv", ["a", "b"])
    assert counts.table.loc["IL6R"].tolist() == [5, 7]
    assert counts.table.loc["007"].tolist() == [5, 0]


def test_lines_longer_than_the_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("gene,a,b\nIL6R,5,7,\nSTAT3,5,8,\n")
    with pytest.raises(InputError, match=r"c.csv: its lines have more cells than its header"):
        read_counts(tmp_path / "c.csv", ["a", "b"])


@pytest.mark.parametrize(
    ("counted", "mapped"),
    [(("T1.1", "T1.2"), ("T1.1", "T1.2")),
     (("ENST00000000001.3", "ENST00000000002.1"), ("ENST00000000001", "ENST00000000002.4"))],
)  # fmt: skip
def test_a_version_of_a_transcript_is_cut_off_only_where_it_is_one(
    tmp_path: Path, counted: tuple[str, str], mapped: tuple[str, str]
) -> None:
    (tmp_path / "q" / "a").mkdir(parents=True)
    rows = [f"{name}\t1000\t800\t500000\t{reads}\n" for name, reads in zip(counted, (30, 30), strict=True)]
    (tmp_path / "q" / "a" / "quant.sf").write_text("Name\tLength\tEffectiveLength\tTPM\tNumReads\n" + "".join(rows))
    # A map may hold a transcript twice.
    (tmp_path / "map.csv").write_text(f"transcript_id,gene_id\n{mapped[0]},G1\n{mapped[1]},G2\n{mapped[1]},G2\n")
    counts = read_counts(tmp_path / "q", transcripts=tmp_path / "map.csv")
    assert counts.table["a"].to_dict() == {"G1": 30, "G2": 30}


def test_a_map_of_another_annotation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "q" / "a").mkdir(parents=True)
    (tmp_path / "q" / "a" / "abundance.tsv").write_text(
        "target_id\tlength\teff_length\test_counts\ttpm\nT1\t9\t8\t7\t6\n"
    )
    (tmp_path / "map.csv").write_text("transcript_id,gene_id\nX1,G1\n")
    with pytest.raises(
        InputError, match=r"map.csv: none of the transcripts that were counted is in it: 'X1'; allowed: T1"
    ):
        read_counts(tmp_path / "q", transcripts=tmp_path / "map.csv")


def test_lines_longer_than_the_header_where_all_others_look_like_comments(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b"\x00,#\n#b,1,")
    with pytest.raises(InputError, match=r"c\.csv: .*\S"):
        read_counts(tmp_path / "c.csv")
