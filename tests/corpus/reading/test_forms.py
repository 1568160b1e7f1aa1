"""What form a file has: structured files are never prose, and prose is never anything else."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.corpus import sample
from tinylm.corpus.reading import files
from tinylm.corpus.reading.forms import recognise
from tinylm.corpus.reading.wrappers import without_wrappers
from tinylm.corpus.statistics import Dropped

LINES = [f"The boat number {number} came in at noon, and nobody was on it." for number in range(20)]
PROSE = "\n".join(LINES)


def form(tmp_path: Path, name: str, content: str | bytes) -> tuple[str, str]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = recognise(path)
    return found.treatment, found.name


def cues(template: str) -> str:
    return "\n".join(template.format(n=n, next=n + 1, line=line) for n, line in enumerate(LINES))


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            name, _, content = name.partition("=")
            archive.writestr(name, content)
    return buffer.getvalue()


STRUCTURED = {
    "page.html": ("HTML", f"<!doctype html><html><body><p>{PROSE}</p></body></html>"),
    "comment.txt": ("HTML", f"<!-- saved -->\n<HTML><p>{PROSE}"),
    "fragment.txt": ("HTML", "".join(f"<p>{line}</p>\n" for line in LINES)),
    "feed": ("XML", f'<?xml version="1.0"?><rss><title>{PROSE}</title></rss>'),
    "wiki.txt": ("XML", f'<doc id="1" title="Boats">\nBoats\n\n{PROSE}\n</doc>\n'),
    "picture": ("XML", f'<svg width="8"><text>{PROSE}</text></svg>'),
    "book.xml": ("XML", f"<book><chapter>{PROSE}"),
    "a.srt": ("a file of subtitles", cues("{n}\n00:00:{n:02},000 --> 00:00:{next:02},000\n{line}\n")),
    "b.txt": ("a file of subtitles", cues("{n}\n00:00:{n:02},000 --> 00:00:{next:02},000\n{line}\n")),
    "c.vtt": ("a file of subtitles", "WEBVTT\n\n" + cues("00:{n:02}.000 --> 00:{next:02}.000\n{line}\n")),
    "d.sbv": ("a file of subtitles", cues("0:00:{n:02}.000,0:00:{next:02}.000\n{line}\n")),
    "e.lrc": ("a file of subtitles", "[ar:Nobody]\n" + cues("[00:{n:02}.10]{line}")),
    "f.ass": (
        "a file of subtitles",
        "[Script Info]\nTitle: Boats\n[Events]\nFormat: Layer, Start, End, Style, Name, L, R, V, Effect, Text\n"
        + cues("Dialogue: 0,0:00:{n:02}.00,0:00:{next:02}.00,Default,,0,0,0,,{{\\i1}}{line}"),
    ),
    "film.sub": ("a file of subtitles", cues("{{{n}}}{{{next}}}{line}")),
    "tweets.js": ("JSON inside a script", f'window.YTD.tweets.part0 = [ {{\n "text" : "{LINES[0]}"\n}} ];\n'),
    "bold.txt": ("text with letters printed over others", "".join(f"{letter}\b{letter}" for letter in PROSE)),
    "few.txt": ("text with letters printed over others", f"N\bNA\bAM\bM\n{PROSE}"),
    "g.rtf": ("RTF", r"{\rtf1\ansi " + PROSE + "}"),
    "h.ps": ("PostScript", "%!PS-Adobe-3.0\n" + PROSE),
    "i.txt": ("a list of Python dictionaries, no JSON", "".join(f"{{'text': {line!r}}}\n" for line in LINES)),
    "j.po": (
        "a catalogue of translations",
        "\n".join(f'msgid "{n}"\nmsgstr "{line}"\n' for n, line in enumerate(LINES)),
    ),
    "k.b64": ("Base64", ("QUJD" * 19 + "\n") * 30),
    "l.ipynb": ("a Jupyter notebook", '{"cells": [], "nbformat": 4}'),
    "m.csv": (
        "a table (CSV) without a column `text`",
        "id,body\n" + "".join(f'{n},"{x}"\n' for n, x in enumerate(LINES)),
    ),
    "n.csv": (
        "a table (CSV) without a column `text`",
        "id;body\n" + "".join(f"{n};{x}\n" for n, x in enumerate(LINES)),
    ),
    "o.tsv": ("a table (TSV) without a column `text`", "".join(f"{line}\t{line}\n" for line in LINES)),
    "p.csv": ("a table (CSV) without a column `text`", PROSE),
}


@pytest.mark.parametrize("name", STRUCTURED)
def test_structured_text_is_refused_by_name_with_what_converts_it(tmp_path: Path, name: str) -> None:
    what, content = STRUCTURED[name]
    assert form(tmp_path, name, content) == ("refused", what)
    assert form(tmp_path, f"{name}.gz", gzip.compress(content.encode())) == ("refused", what)
    if what not in ("RTF", "PostScript"):  # their signatures stand at the very beginning
        windows = b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode()
        assert form(tmp_path, f"windows-{name}", windows) == ("refused", what)
    with pytest.raises(TinylmError, match=r"is (a |HTML|XML|RTF|PostScript|Base64|JSON|text with)") as caught:
        list(files.read(str(tmp_path / name), dropped=Dropped()))
    assert name in caught.value.hint


DOCUMENTS = {
    "a.pdf": ("a PDF document", b"%PDF-1.7\n"),
    "b.epub": ("an EPUB book", zipped("mimetype=application/epub+zip", "OEBPS/a.xhtml")),
    "c.odt": ("an ODT document", zipped("mimetype=application/vnd.oasis.opendocument.text", "content.xml")),
    "d.docx": ("a DOCX document", zipped("[Content_Types].xml", "word/document.xml")),
    "e.xlsx": ("an XLSX workbook", zipped("[Content_Types].xml", "xl/workbook.xml")),
    "f.zip": ("a ZIP archive", zipped("story.txt")),
    "g.doc": ("an old Office document", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500),
    "h.parquet": ("a Parquet table", b"PAR1\x15\x04"),
    "i.bz2": ("a bzip2 archive", b"BZh91AY&SY"),
    "j.tar": ("a tar archive", b"story.txt".ljust(257, b"\0") + b"ustar\x0000"),
    "k.mobi": ("a MOBI book", b"A Story".ljust(60, b"\0") + b"BOOKMOBI"),
    "l.png": ("binary", b"\x89PNG\r\n"),
    "m.exe": ("binary", bytes(range(32)) * 20),
    "n.txt": ("empty", b" \n"),
    "o.txt": ("empty", b"\xef\xbb\xbf\r\n"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_of_other_programs_are_left_out_by_name(tmp_path: Path, name: str) -> None:
    assert form(tmp_path, name, DOCUMENTS[name][1]) == ("left out", DOCUMENTS[name][0])
    assert form(tmp_path, f"{name}.dat", DOCUMENTS[name][1]) == ("left out", DOCUMENTS[name][0])


def test_a_folder_says_what_it_left_out_and_how_to_have_it(tmp_path: Path) -> None:
    for name, (_, content) in DOCUMENTS.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "z.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "story.md").write_text(PROSE, encoding="utf-8")
    dropped, reading = Dropped(), files.Reading()
    assert len(list(files.read(str(tmp_path), dropped=dropped, reading=reading))) == 1
    assert dropped.files["a PDF document"] == 2
    assert dropped.files["binary"] == 2
    notices = list(reading.notices)
    pdf = next(line for line in notices if "PDF" in line)
    assert "a PDF document is left out: " in pdf
    assert "a.pdf` and 1 more" in pdf
    assert f"pdftotext {tmp_path}/a.pdf {tmp_path}/a.txt" in pdf
    assert len(notices) == 11


SAID = {
    "a.tex": ("LaTeX", "\\documentclass{book}\n\\begin{document}\n" + PROSE),
    "b.mbox": (
        "mail with its headers",
        "From nobody Mon Sep 17 00:00:00 2001\nFrom: x\nTo: y\nSubject: Boats\n\n" + PROSE,
    ),
    "c.eml": ("mail with its headers", "Message-ID: <1@x>\nFrom: x\nTo: y\nSubject: Boats\n\n" + PROSE),
    "a.vcf": ("a file of contacts", f"BEGIN:VCARD\nNOTE:{PROSE}\nEND:VCARD\n"),
    "a.ics": ("a calendar", f"BEGIN:VCALENDAR\nSUMMARY:{PROSE}\n"),
    "a.bib": ("BibTeX", f"@book{{boats,\n  title = {{{PROSE}}}\n}}\n"),
    "clock.txt": (
        "a transcript with a time before each line",
        "".join(f"{n // 60}:{n % 60:02}\n{line}\n" for n, line in enumerate(LINES)),
    ),
    "d.yaml": ("a file of settings", "name: boat\n"),
    "e.py": ("code", "print('boat')\n"),
    "f": ("code", "#!/bin/sh\necho boat\n"),
    "g.txt": ("a table (TSV) without a column `text`", "".join(f"{line}\t{line}\n" for line in LINES)),
    "quotes.txt": ("a table (TSV) without a column `text`", "".join(f'ham\t{x} "{n}\n' for n, x in enumerate(LINES))),
    "h.txt": ("a table (CSV) without a column `text`", "".join(f'"{n}","{x}",y\n' for n, x in enumerate(LINES))),
}


@pytest.mark.parametrize("name", SAID)
def test_what_may_be_meant_is_read_as_it_stands_and_said(tmp_path: Path, name: str) -> None:
    what, content = SAID[name]
    assert form(tmp_path, name, content) == ("text", what)
    reading = files.Reading()
    [document] = files.read(str(tmp_path / name), dropped=Dropped(), reading=reading)
    assert document.text == content
    [notice] = reading.notices
    assert notice.startswith(f"note: {what} is read as it stands: `{name}`")


PLAIN = {
    "prose.txt": PROSE,
    "first-line-in-brackets.txt": f"[Illustration]\n\n{PROSE}",
    "footnote.txt": f"[1] A note.\n\n{PROSE}",
    "wiki-links.txt": f"[[Boats]] are here. {PROSE}",
    "number.txt": f"[1]\n\n{PROSE}",
    "brace.txt": f"{{\\it Boats}} are here.\n{PROSE}",
    "quoted-list.txt": f'["Boats," she said] {PROSE}',
    "config-then-prose.md": f'{{"boats": 3}}\n\nThis is what the file holds. {PROSE}',
    "play.txt": "\n\n".join(f"MARA. {line}\nTOM. Yes: so it is." for line in LINES),
    "play-with-tabs.txt": "\n".join(f"\t{line}" if n % 3 else f"MARA.\t{line}" for n, line in enumerate(LINES)),
    "indented.txt": "\n".join(f"\t{line}" for line in LINES),
    "couplets.txt": "\n".join("The boat is in, the men are home" for _ in LINES),
    "dialogue.txt": "\n".join(f'"Boat {n}," she said, "is in."' for n in range(20)),
    "diary.txt": "\n".join(f"Monday, {n} May, noon. The boat, old as it is, came in, empty." for n in range(5)),
    "letter.txt": f"From: The Mill\nTo: The Harbour\nSubject: Boats\nDate: Monday\n\n{PROSE}",
    "times.txt": "\n".join(f"At 00:00:{n:02} --> the bell. {line}" for n, line in enumerate(LINES)),
    "chat.txt": "\n".join(f"<mara> {line}" for line in LINES),
    "readme.md": f'<p align="center">\n  <img src="boat.png">\n</p>\n\n# Boats\n\n{PROSE}\n\n<b>x</b>\n',
    "html-words.txt": f"A page begins with <html> and <p>. {PROSE}",
    "table.md": "| boat | noon |\n|---|---|\n" + "".join(f"| {n} | yes |\n" for n in range(20)) + PROSE,
    "rule.md": f"---\n\n{PROSE}\n\n---\n\n{PROSE}",
    "latex-words.txt": f"Write \\documentclass first. {PROSE}",
    "words.txt": "\n".join(f"word{n}" for n in range(200)),
    "json-in-the-middle.txt": f'{PROSE}\n{{"text": "x"}}\n{{"text": "y"}}\n',
    "clock.txt": "\n".join(f"{n}:15\n{n}:30\n{n}:45" for n in range(1, 20)),
    "dates.txt": "\n".join(f"1. 5. 19{n}: the boat; the men" for n in range(10, 30)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_prose_stays_prose(tmp_path: Path, name: str) -> None:
    assert form(tmp_path, name, PLAIN[name]) == ("text", "text")


def test_the_sample_corpus_and_the_guides_are_prose(tmp_path: Path) -> None:
    for number, document in zip(range(300), sample.read(), strict=False):
        assert form(tmp_path, f"{number}.txt", document.text) == ("text", "text")
    root = Path(__file__).parents[3]
    for page in [*root.glob("*.md"), *(root / "docs").glob("*.md")]:
        assert recognise(page).name == "text", page


@pytest.mark.parametrize("name", ["a.srt", "c.vtt", "d.sbv", "e.lrc", "f.ass", "film.sub"])
@pytest.mark.skipif(shutil.which("sed") is None, reason="needs sed")
def test_the_command_makes_prose_of_subtitles(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(STRUCTURED[name][1], encoding="utf-8")
    with pytest.raises(TinylmError) as caught:
        list(files.read(str(tmp_path / name), dropped=Dropped()))
    subprocess.run(["sh", "-c", caught.value.hint.split("`")[1]], check=True)
    [document] = files.read(str((tmp_path / name).with_suffix(".txt")), dropped=Dropped())
    assert document.text.split("\n\n") == [*LINES[:-1], LINES[-1] + "\n"] or document.text.split() == PROSE.split()


@pytest.mark.parametrize(
    ("name", "made"), [("tweets.js", "tweets.jsonl"), ("bold.txt", "bold-text.txt"), ("few.txt", "few-text.txt")]
)
@pytest.mark.skipif(shutil.which("col") is None, reason="needs col")
def test_the_command_makes_text_of_scripts_and_overstruck_letters(tmp_path: Path, name: str, made: str) -> None:
    (tmp_path / name).write_text(STRUCTURED[name][1], encoding="utf-8")
    with pytest.raises(TinylmError) as caught:
        list(files.read(str(tmp_path / name), dropped=Dropped()))
    subprocess.run(["sh", "-c", caught.value.hint.split("`")[1]], check=True)
    [document] = files.read(str(tmp_path / made), dropped=Dropped())
    expected = {"tweets.js": LINES[0], "bold.txt": PROSE, "few.txt": f"NAM\n{PROSE}"}[name]
    assert document.text.split() == expected.split()


@pytest.mark.parametrize(
    "start",
    [
        "window.a = [",
        "@a{a,\n a",
        "{1}{2}",
        "1:00\n",
        "<!---->",
        "<a ",
        "\n",
        "---\n- a: \n \n",
        "From x 2001\nA: b\n \n",
        'msgid "a\n"b"\n',
        "[a:b]\n",
        '{ "schema": "1.0", "text": "\\\\',
        "## x x\n<sub> · tinylm ",
        "*** START OF THE PROJECT GUTENBERG EBOOK\n",
    ],
)
def test_no_beginning_keeps_the_patterns_busy_forever(tmp_path: Path, start: str) -> None:
    text = start[0] * 10 + start * (100_000 // len(start)) + "x"
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8")
    assert recognise(path)
    assert list(without_wrappers([text], Dropped()))
