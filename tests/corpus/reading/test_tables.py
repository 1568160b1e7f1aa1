"""A table's column `text` is read as its rows hold it; what cannot be a table of documents says so."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading import files
from tinylm.corpus.reading.tables import Table, table_documents
from tinylm.corpus.statistics import Dropped

ROWS = [("1", 'El niño dijo:\n"hola", y nada más.', "es"), ("2", "Two; lines\nhere", ""), ("3", "Three\twords", "EN")]


def table(delimiter: str, ends: str = "\r\n") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ends)
    writer.writerows([("id", "Text", "lang"), *ROWS])
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_column_text_is_the_documents(tmp_path: Path, delimiter: str, name: str, mark: str) -> None:
    (tmp_path / name).write_bytes((mark + table(delimiter)).encode())
    found = list(files.read(str(tmp_path / name), dropped=Dropped()))
    assert [(document.text, document.language) for document in found] == [
        (ROWS[0][1], "es"),
        (ROWS[1][1], "und"),
        (ROWS[2][1], "en"),
    ]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1), max_size=5),
    st.integers(1, 30),
)
def test_cells_come_back_wherever_chunks_end(texts: list[str], size: int) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("n", "text"), *enumerate(texts)])
    whole = out.getvalue()
    chunks = [whole[place : place + size] for place in range(0, len(whole), size)]
    assert [fields.text for fields in table_documents(chunks, Table(",", ("n", "text")), Path("a.csv"))] == texts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,text\n1,a\n2\n", "line 3 has 1 columns, not 2"),
        ('id,text\n1,"a\n', "is not CSV: unexpected end of data"),
        ("id,text,lang\n1,a,Klingon\n", "line 2 has the language 'Klingon'"),
    ],
)
def test_a_row_that_is_not_like_the_first(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    with pytest.raises(TinylmError, match=message):
        list(files.read(str(tmp_path / "a.csv"), dropped=Dropped()))


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
@pytest.mark.parametrize("first", ["sep=;\n", "#separator:semicolon\n#html:false\n"])
def test_lines_that_say_how_a_table_is_set_come_before_its_columns(tmp_path: Path, name: str, first: str) -> None:
    (tmp_path / name).write_text(first + table(";"), encoding="utf-8")
    found = list(files.read(str(tmp_path / name), dropped=Dropped()))
    assert [document.text for document in found] == [row[1] for row in ROWS]
    (tmp_path / name).write_text(first + "id;text\n" + "1;a\n" * 30 + "2\n", encoding="utf-8")
    with pytest.raises(TinylmError, match=f"line {first.count(chr(10)) + 32} has 1 columns"):
        list(files.read(str(tmp_path / name), dropped=Dropped()))


def test_a_comma_in_the_names_does_not_part_columns_that_semicolons_do(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('price (1,5 = low);text\n2,5;"A boat; a mill"\n3,5;Two\n', encoding="utf-8")
    found = list(files.read(str(tmp_path / "a.csv"), dropped=Dropped()))
    assert [document.text for document in found] == ["A boat; a mill", "Two"]


STORIES = [f'"The boat {n}, and\nthe mill;" she said.\tSo it was.' for n in range(20)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [[], [("number", "body", "stars")]])
def test_the_command_takes_the_column_that_holds_text(
    tmp_path: Path, delimiter: str, header: list[tuple[str, ...]]
) -> None:
    out = io.StringIO()
    rows = [(str(n), story, "5") for n, story in enumerate(STORIES)]
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows([*header, *rows])
    path = tmp_path / "the reviews.csv"
    path.write_bytes(out.getvalue().encode())
    with pytest.raises(TinylmError, match="without a column `text`") as caught:
        list(files.read(str(path), dropped=Dropped()))
    python = f'python() {{ {sys.executable} "$@"; }}\n'
    subprocess.run(["sh", "-c", python + caught.value.hint.split("`")[1]], check=True)
    assert [document.text for document in files.read(str(path.with_suffix(".jsonl")), dropped=Dropped())] == STORIES
