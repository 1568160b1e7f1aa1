"""What stands around a text in its file is taken off, counted and said; what only looks like it stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinylm.corpus.gutenberg import Book, strip
from tinylm.corpus.reading import files, wrappers
from tinylm.corpus.statistics import Dropped

BODY = "The mill stood by the river.\n\nNobody had been there for years."
START = "*** START OF THE PROJECT GUTENBERG EBOOK A MILL ***"
END = "*** END OF THE PROJECT GUTENBERG EBOOK A MILL ***"
LICENCE = "This eBook is for the use of anyone anywhere.\n" * 30
BOOK = (
    f"The Project Gutenberg eBook of A Mill\n\n{LICENCE}\n{START}\n\nProduced by Nobody\n\n{BODY}\n\n{END}\n\n{LICENCE}"
)


def read(path: Path) -> tuple[list[str], Dropped, list[str]]:
    dropped, reading = Dropped(), files.Reading()
    texts = [document.text for document in files.read(str(path), dropped=dropped, reading=reading)]
    return texts, dropped, list(reading.notices)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    "start", [START, START.replace("*** ", "***").replace("THE P", "THIS P"), START.replace("EBOOK", "ETEXT")]
)
def test_a_book_of_project_gutenberg_is_read_without_its_licence(
    tmp_path: Path, ends: str, mark: str, start: str
) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes((mark + BOOK.replace(START, start)).replace("\n", ends).encode())
    texts, dropped, notices = read(path)
    assert texts == [BODY]
    assert dropped.licences == 1
    assert notices == ["note: Project Gutenberg's licence is left out: `book.txt`"]


def test_the_download_gives_the_same_text(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(BOOK, encoding="utf-8")
    assert read(tmp_path / "book.txt")[0] == [strip(BOOK.encode(), Book(1, "en", "A Mill"))]


def test_several_books_in_one_file_and_in_json(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text(f"{BOOK}\n{BOOK}", encoding="utf-8")
    texts, dropped, _ = read(tmp_path / "all.txt")
    assert [text.strip() for text in texts] == [BODY, BODY]
    assert dropped.licences == 2
    (tmp_path / "all.jsonl").write_text(json.dumps({"text": BOOK}) + "\n", encoding="utf-8")
    assert read(tmp_path / "all.jsonl")[0] == [BODY]


@pytest.mark.parametrize("missing", [START, END])
def test_one_mark_alone_takes_nothing_off(tmp_path: Path, missing: str) -> None:
    text = BOOK.replace(missing, "")
    (tmp_path / "book.txt").write_text(text, encoding="utf-8")
    assert read(tmp_path / "book.txt") == ([text], Dropped(), [])


def test_a_file_that_is_too_long_to_hold_is_read_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrappers, "MAX_HELD_CHARACTERS", 1000)
    (tmp_path / "book.txt").write_text(BOOK, encoding="utf-8")
    assert read(tmp_path / "book.txt")[0] == [BOOK]


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: A mill\ntags: [river, mill]\n---\n",
        "---\n# of the page\ntitle: >\n  A mill\n  by a river\ntags:\n- river\n  - mill\n\ndate: 2020-01-01\n...\n",
        '+++\ntitle = "A mill"\n[params]\n  deep = 1\n+++\n',
        "---\r\ntitle: A mill\r\n---\r\n",
    ],
)
def test_front_matter_is_left_out_and_said(tmp_path: Path, front: str) -> None:
    (tmp_path / "page.md").write_bytes((front + BODY).encode())
    texts, dropped, notices = read(tmp_path / "page.md")
    assert texts == [BODY]
    assert dropped.front_matter == 1
    assert notices == ["note: settings at the top (front matter) are left out: `page.md`"]


@pytest.mark.parametrize(
    "text",
    [
        f"---\n\n{BODY}\n\n---\n\n{BODY}",
        f"---\nMARA: the mill\nit stood by the river\n---\n{BODY}",
        f"---\nMARA: the mill\nTOM: the river\n---\n{BODY}",
        f"---\ntitle: A mill\n{BODY}",
        f"{BODY}\n---\ntitle: A mill\n---\n",
        f"+++ {BODY} +++",
    ],
)
def test_rules_and_speeches_are_no_front_matter(tmp_path: Path, text: str) -> None:
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    assert read(tmp_path / "page.md") == ([text], Dropped(), [])
