"""What people put into a folder is read; litter and what tinylm wrote are left out and counted by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.base.records import to_json
from tinylm.budget.formats.junit import to_junit
from tinylm.budget.formats.markdown import to_markdown
from tinylm.budget.report import BudgetReport
from tinylm.corpus.building import build
from tinylm.corpus.corpus_files import read_pieces
from tinylm.corpus.reading import files
from tinylm.corpus.reading.files import LISTED_PROBLEMS
from tinylm.corpus.reading.walking import litter
from tinylm.corpus.statistics import Dropped
from tinylm.html.elements import document

STORY = "The boat came in at noon, and nobody was on it."


def read(source: Path | str, dropped: Dropped | None = None) -> list[str]:
    return [document.source for document in files.read(str(source), dropped=dropped or Dropped())]


def write(path: Path, content: str | bytes = STORY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "is_folder", "what"),
    [
        ("desktop.ini", False, "desktop.ini (Windows)"),
        ("Desktop.ini", False, "desktop.ini (Windows)"),
        ("THUMBS.DB", False, "Thumbs.db (Windows)"),
        ("Books.lnk", False, "*.lnk (Windows)"),
        ("$RECYCLE.BIN", True, "$RECYCLE.BIN (Windows)"),
        ("__MACOSX", True, "__MACOSX (macOS)"),
        ("Icon\r", False, "Icon (macOS)"),
        ("lost+found", True, "lost+found (Linux)"),
        ("@eaDir", True, "@eaDir (NAS)"),
        ("Notes.gdoc", False, "*.gdoc (cloud)"),
        ("~$letter.docx", False, "~$* (editor)"),
        ("story.txt~", False, "*~ (editor)"),
        ("#story.txt#", False, "#*# (editor)"),
        ("story.txt.part", False, "*.part (download)"),
        ("CVS", True, "CVS (version control)"),
        ("__pycache__", True, "__pycache__ (program's cache)"),
        ("story.txt", False, None),
        ("part", False, None),
        ("cvs", False, None),
        ("desktop.ini", True, None),
        ("icons.txt", False, None),
        ("$5 a day.txt", False, None),
        ("#1 hit.txt", False, None),
    ],
)
def test_litter_of_every_system(name: str, is_folder: bool, what: str | None) -> None:
    assert litter(name, is_folder=is_folder) == what


def test_litter_is_left_out_and_counted_by_name(tmp_path: Path) -> None:
    write(tmp_path / "d/a.txt")
    write(tmp_path / "d/desktop.ini", "[.ShellClassInfo]\r\n".encode("utf-16"))
    write(tmp_path / "d/b/desktop.ini", "[.ShellClassInfo]\r\n".encode("utf-16"))
    write(tmp_path / "d/@eaDir/a.txt/SYNOINDEX_MEDIA_INFO")
    write(tmp_path / "d/.DS_Store", b"\0\0\0\1Bud1")
    write(tmp_path / "d/venv/pyvenv.cfg")
    write(tmp_path / "d/venv/lib/licence.txt")
    dropped = Dropped()
    assert read(tmp_path / "d", dropped) == ["d/a.txt"]
    assert dropped.files == {"desktop.ini (Windows)": 2, "@eaDir (NAS)": 1, "hidden": 1, "Python environments": 1}


def test_litter_that_is_named_by_itself_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path / "story.bak")) == ["story.bak"]


def test_a_name_that_is_not_utf_8_is_escaped(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "d")
    os.mkdir(folder)  # noqa: PTH102
    for name in (b"ni\xf1o.txt", b"plain.txt"):
        with open(folder + b"/" + name, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(STORY * 100 + name.hex())
    assert read(tmp_path / "d") == ["d/ni\\xf1o.txt", "d/plain.txt"]
    assert read(os.fsdecode(folder + b"/ni\xf1o.txt")) == ["ni\\xf1o.txt"]
    build.build_corpus([str(tmp_path / "d")], tmp_path / "out")
    pieces = [*read_pieces(tmp_path / "out/train.jsonl"), *read_pieces(tmp_path / "out/val.jsonl")]
    assert {piece.source for piece in pieces} == {"d/ni\\xf1o.txt", "d/plain.txt"}


def test_all_files_that_cannot_be_read_are_named_at_once(tmp_path: Path) -> None:
    write(tmp_path / "d/fine.txt")
    write(tmp_path / "d/also/fine.md")
    write(tmp_path / "d/old.txt", "mañana".encode("latin-1"))
    write(tmp_path / "d/page.html", "<!doctype html><p>x")
    write(tmp_path / "d/a b.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    write(tmp_path / "d/data.json", '{"body": "x"}')
    write(tmp_path / "d/broken.txt.gz", b"\x1f\x8b\x08\0\0\0")
    with pytest.raises(TinylmError) as caught:
        files.fingerprint(str(tmp_path / "d"))
    assert caught.value.message.startswith(f"5 files of `{tmp_path}/d` cannot be read; 2 can\n")
    for words in (
        "old.txt` is not UTF-8: byte 0xf1 at offset 2",
        f"iconv -f WINDOWS-1252 -t UTF-8 {tmp_path}/d/old.txt > {tmp_path}/d/old-text.txt",
        "page.html` is HTML",
        f"pandoc {tmp_path}/d/page.html -f html",
        "a b.srt` is a file of subtitles",
        f"'{tmp_path}/d/a b.srt' > '{tmp_path}/d/a b.txt'",
        "data.json`, line 1 has no string `text`; it has `body`",
        "broken.txt.gz` is damaged",
    ):
        assert words in caught.value.message, words
    assert "move the originals" in caught.value.hint


def test_files_and_folders_without_permission_are_named_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "d/fine.txt")
    locked = [write(tmp_path / "d/a.txt"), write(tmp_path / "d/shut/b.txt").parent]
    opened, scanned = Path.open, os.scandir

    def refuse(path: Path, *arguments: str) -> object:  # the tests may run as root, whom permissions do not stop
        if path in locked:
            raise PermissionError(13, "Permission denied", str(path))
        return (scanned if path.is_dir() else opened)(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(TinylmError, match=r"2 files .* cannot be read; 1 can") as caught:
        read(tmp_path / "d")
    assert all(f"`{path}` may not be read" in caught.value.message for path in locked)


def test_many_files_that_cannot_be_read_fit_a_screen(tmp_path: Path) -> None:
    for number in range(LISTED_PROBLEMS + 30):
        write(tmp_path / f"d/{number}.html", "<!doctype html><p>x")
    with pytest.raises(TinylmError, match=f"{LISTED_PROBLEMS + 30} files .* cannot be read; 0 can") as caught:
        read(tmp_path / "d")
    assert caught.value.message.endswith("\n  and 30 more")


def test_a_command_overwrites_nothing(tmp_path: Path) -> None:
    write(tmp_path / "d/page.txt")
    with pytest.raises(TinylmError) as caught:
        read(write(tmp_path / "d/page.html", "<!doctype html><p>x"))
    assert caught.value.hint.endswith(f"-o {tmp_path}/d/page-text.txt`")


def test_an_empty_name_is_no_folder() -> None:
    with pytest.raises(TinylmError, match="an empty name names no text") as caught:
        read("")
    assert "this folder is `.`" in caught.value.hint


def test_a_dataset_that_is_made_inside_its_own_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "d/story.txt", "\n\n".join(f"{number}: {STORY}" for number in range(200)))
    monkeypatch.chdir(tmp_path / "d")
    planned = build.fingerprint(["."])
    first = build.build_corpus(["."], Path("datasets/one"), planned=planned)
    assert build.fingerprint(["."]) == planned
    second = build.build_corpus(["."], Path("datasets/two"))
    assert second.languages == first.languages
    assert second.dropped.files == {"tinylm's own: dataset": 2}  # the first, and the one that is being made
    with pytest.raises(TinylmError, match="is a dataset that tinylm made"):
        read("datasets/one")
    assert read("datasets/one/val.jsonl")


def test_a_log_that_is_written_into_the_text_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "d/story.txt", "\n\n".join(f"{number}: {STORY}" for number in range(200)))
    command = [sys.executable, "-m", "tinylm", "corpus", "--corpus", ".", "--vocab-size", "40"]
    for _ in range(2):
        with (tmp_path / "d/log.txt").open("ab") as log:
            subprocess.run(command, cwd=tmp_path / "d", stdout=log, stderr=log, check=True)
    log_text = (tmp_path / "d/log.txt").read_text(encoding="utf-8")
    assert "corpus: unchanged, skipped" in log_text
    assert "output of this command" in log_text
    assert read(tmp_path / "d") == ["d/story.txt"]  # the log of an earlier command


def test_reports_of_tinylm_are_no_text(tmp_path: Path, full_report: BudgetReport) -> None:
    write(tmp_path / "d/story.txt")
    write(tmp_path / "d/page.html", document(title="A board", parts=["<p>x</p>"], footer="tinylm"))
    write(tmp_path / "d/report.json", to_json(full_report))
    write(tmp_path / "d/report.xml", to_junit(full_report))
    write(tmp_path / "d/report.md", to_markdown(full_report))
    dropped = Dropped()
    assert read(tmp_path / "d", dropped) == ["d/story.txt"]
    assert dropped.files == {"a report of tinylm's": 4}


@pytest.mark.parametrize(
    "record", [{"schema": "1.0", "text": STORY}, {"schema": "1.0", "story": STORY, "text": STORY}, {"text": STORY}]
)
def test_records_of_others_with_a_schema_are_text(tmp_path: Path, record: dict[str, str]) -> None:
    write(tmp_path / "d/corpus.json", json.dumps(record))
    write(tmp_path / "d/config.toml", "title = 'x'")
    assert read(tmp_path / "d") == ["d/config.toml", "d/corpus.json"]
