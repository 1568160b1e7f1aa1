"""What form a file has, told by how it begins and not by its suffix alone.

    form = recognise(path)    # Form("text", ...), Form("JSON", ...), Form("HTML", ...)

What shows a signature that no prose has is refused, with the command that makes prose of it. Prose is what nothing else
recognises: a wrong alarm costs somebody a book. So what only looks like something, and what people may want to learn as
it stands (LaTeX, mail, code), is read, and said.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinylm.corpus.reading import json_documents, tables
from tinylm.corpus.reading.encodings import MARK, conversion, other_encoding, with_line_ends
from tinylm.corpus.reading.tables import Table
from tinylm.corpus.reading.unpacking import chunks
from tinylm.corpus.reading.walking import own_file

_START_BYTES = 1 << 16
_PACKED = re.compile(r"\.(?:gz|xz)$")


@dataclass(frozen=True, slots=True)
class Form:
    """What a file is, and what becomes of it."""

    name: str
    """With an article where it needs one: `HTML`, `a PDF document`."""
    treatment: Literal["text", "JSON", "table", "refused", "left out"]
    """`refused` files stop the reading; `left out` ones do only when they are named by themselves."""
    convert: str = ""
    """The `source_names.command` that makes text of it; for `text`, what would make better text of it."""
    table: Table | None = None


TEXT = Form("text", "text")

_PLAIN = "pandoc {file} -t plain --wrap=none -o {text}"
_OFFICE = "soffice --headless --convert-to txt:Text {file}"
_PARQUET = (
    "python -c \"import sys, pandas; pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], orient='records',"
    ' lines=True)" {file} {lines}'
)
# Offset, signature, what it is, and the command that takes the text out of it.
_DOCUMENTS = (
    (0, b"%!PS", "PostScript", "ps2ascii {file} {text}"),
    (0, b"{\\rtf", "RTF", "pandoc {file} -f rtf -t plain --wrap=none -o {text}"),
    (0, b"%PDF-", "a PDF document", "pdftotext {file} {text}"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _OFFICE),
    (0, b"AT&TFORM", "a DjVu document", "djvutxt {file} {text}"),
    (0, b"BZh", "a bzip2 archive", "bunzip2 {file}"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unzstd {file}"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x {file}"),
    (0, b"Rar!\x1a\x07", "a RAR archive", "unrar x {file}"),
    (0, b"PAR1", "a Parquet table", _PARQUET),
    (0, b"ARROW1", "an Arrow table", ""),
    (0, b"SQLite format 3\0", "an SQLite database", "sqlite3 -json {file} 'SELECT ... AS text FROM ...' > {lines}"),
    (60, b"BOOKMOBI", "a MOBI book", "ebook-convert {file} {text}"),
    (257, b"ustar", "a tar archive", "tar -xf {file}"),
)
_ASCII = ("PostScript", "RTF")
"""Documents that would pass for text."""
_IN_ZIP = (
    (b"mimetypeapplication/epub+zip", "an EPUB book", _PLAIN),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "an ODT document", _PLAIN),
    (b"mimetypeapplication/vnd.oasis.opendocument.", "an OpenDocument file", _OFFICE),
    (b"word/document.xml", "a DOCX document", _PLAIN),
    (b"xl/workbook.xml", "an XLSX workbook", "soffice --headless --convert-to csv {file}"),
    (b"ppt/presentation.xml", "a PPTX presentation", _OFFICE),
    (b"PK\x03\x04", "a ZIP archive", "unzip {file}"),
)
_BINARY = (b"\x7fELF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")

_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_TAG = re.compile(r"<(?:p|div|span|br|a|h[1-6]|ul|ol|li|table|img|b|i|em|strong)\b", re.IGNORECASE)
_XML = re.compile(r"<\?xml\s|<!doctype\s", re.IGNORECASE)
_ELEMENT = re.compile(r"<([A-Za-z][\w:.-]*)(?:\s[^<>]*)?>")
_TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>")
_CLOSING = re.compile(r"</[A-Za-z]")
_COMMENTS = re.compile(r"\A(?:\s*<!--.*?-->)*\s*", re.DOTALL)
_MARKUP = (".xml", ".svg", ".html", ".htm", ".xhtml")
_MARKDOWN = (".md", ".markdown", ".mdx", ".rst")  # a page in it may begin with a block of HTML
_TAG_EVERY = 200
"""Characters: text with a tag at least so often is markup."""


def _three(line: str) -> str:
    """A pattern for text with three lines that begin so, wherever they stand."""
    return rf"(?m:(?:(?s:.*?)^{line}){{3}})"


_TIME = r"\d{1,2}:\d{2}(?::\d{2})?[.,]\d{1,3}"
_WITHOUT_CUES = r"sed -E '/-->/d; /^[0-9]+\r?$/d; /^WEBVTT/d; s/<[^>]*>//g' {file} > {text}"
_SUBTITLES = "a file of subtitles"
# How text begins, what it is, and the command that makes prose of it.
_REFUSED = (
    (rf"WEBVTT\b|(?:\d+[ \t]*\n)?{_TIME}[ \t]*-->", _SUBTITLES, _WITHOUT_CUES),
    (  # .ass
        r"\[Script Info\]",
        _SUBTITLES,
        r"sed -nE 's/\{[^}]*\}//g; s/\\N/ /g; s/^Dialogue:([^,]*,){9}//p' {file} > {text}",
    ),
    (rf"{_TIME},{_TIME}\n", _SUBTITLES, r"sed -E '/^[0-9:.]+,[0-9:.]+\r?$/d' {file} > {text}"),  # YouTube's .sbv
    (  # MicroDVD's .sub, which counts pictures
        r"(?:\{\d+\}\{\d+\}.*\n){3}",
        _SUBTITLES,
        r"sed -E 's/^\{[0-9]+\}\{[0-9]+\}//; s/\|/ /g' {file} > {text}",
    ),
    (  # .lrc, of songs
        r"(?:\[\w+:[^\]\n]*\][ \t]*\n+)*(?:\[\d{1,3}:\d{2}\.\d{2,3}\].*\n+){3}",
        _SUBTITLES,
        r"sed -E '/^\[[a-z]+:.*\]\r?$/d; s/^(\[[0-9:.]+\])+//' {file} > {text}",
    ),
    (_three(rf"{_TIME}[ \t]*-->[ \t]*{_TIME}"), _SUBTITLES, _WITHOUT_CUES),
    (
        r"\[?\s*\{\s*'[^'\n]{1,80}':",
        "a list of Python dictionaries, no JSON",
        'python -c "import ast, json, sys; [print(json.dumps(ast.literal_eval(line))) for line in sys.stdin]"'
        " < {file} > {lines}",
    ),
    (  # Twitter's archive
        r"(?:var\s+|window\.)[\w.$]+\s*=\s*\[\s*\{\s*\"",
        "JSON inside a script",
        "sed -e '1s/^[^=]*=//' -e '$s/;[[:space:]]*$//' {file} > {lines}",
    ),
    (
        _three(r'msgid ".*\n(?:".*\n)*msgstr "'),
        "a catalogue of translations",
        "msgcat --no-wrap {file} | sed -n 's/^msgstr \"\\(.*\\)\"$/\\1/p' > {text}",
    ),
    (r"(?:[A-Za-z0-9+/]{60,76}\n){20}", "Base64", "base64 -d {file} > {text}"),
)
_NOTICED = (
    (
        r"(?m:(?s:.*?)^[ \t]*\\(?:documentclass|documentstyle|begin\{document\}))",
        "LaTeX",
        "pandoc {file} -f latex -t plain --wrap=none -o {text}",
    ),
    (r"From \S+ .*\d{4}\n(?:[\w-]+:.*\n(?:[ \t].*\n)*){3}", "mail with its headers", ""),
    (
        r"(?im:(?=(?s:.{0,4000}?)^(?:Message-ID|MIME-Version|Received|Delivered-To):)"
        r"(?:[A-Z][\w-]*:.*\n(?:[ \t].*\n)*){4})",
        "mail with its headers",
        "",
    ),
    (r"BEGIN:VCARD\n", "a file of contacts", ""),
    (r"BEGIN:VCALENDAR\n", "a calendar", ""),
    (r"@\w+\{[^\s,{}]+,[ \t]*\n[ \t]*\w+[ \t]*=[ \t]*[{\"]", "BibTeX", ""),
    (
        r"(?:\d{1,2}(?::\d{2}){1,2}\n.*[^\W\d].*\n+){10}",
        "a transcript with a time before each line",
        r"sed -E '/^[0-9]+(:[0-9]{2}){1,2}\r?$/d' {file} > {text}",
    ),
)
_SETTINGS_SUFFIXES = frozenset([".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".env", ".lock"])
_CODE_SUFFIXES = frozenset(
    [
        ".py",
        ".js",
        ".mjs",
        ".ts",
        ".tsx",
        ".jsx",
        ".css",
        ".scss",
        ".vue",
        ".c",
        ".h",
        ".cc",
        ".cpp",
        ".hpp",
        ".cs",
        ".m",
        ".java",
        ".kt",
        ".go",
        ".rs",
        ".rb",
        ".php",
        ".pl",
        ".lua",
        ".r",
        ".jl",
        ".swift",
        ".scala",
        ".dart",
        ".hs",
        ".ml",
        ".clj",
        ".ex",
        ".erl",
        ".sh",
        ".bash",
        ".zsh",
        ".ps1",
        ".bat",
        ".sql",
        ".asm",
        ".f90",
        ".diff",
        ".patch",
    ]
)


def recognise(path: Path) -> Form:
    """The form of the file `path`; TinylmError when it cannot be read or unpacked."""
    start = b""
    whole = True
    for chunk, _ in chunks(path):
        start = chunk if _is_empty(start) else start + chunk
        if len(start) >= _START_BYTES:
            whole = False
            break
    if _is_empty(start):
        return Form("empty", "left out")
    start = start[:_START_BYTES]
    suffix = Path(_PACKED.sub("", path.name.lower())).suffix
    text = with_line_ends(start.decode("utf-8", "replace").removeprefix(MARK))
    return _of_bytes(start) or _of_text(text, suffix, whole=whole)


def _is_empty(start: bytes) -> bool:
    return not start.removeprefix(codecs.BOM_UTF8).strip()


def _of_bytes(start: bytes) -> Form | None:
    """What needs no look at the words."""
    for offset, signature, name, convert in _DOCUMENTS:
        if start.startswith(signature, offset):
            return Form(name, "refused" if name in _ASCII else "left out", convert)
    if start.startswith(b"PK\x03\x04"):
        name, convert = next((name, convert) for inside, name, convert in _IN_ZIP if inside in start)
        return Form(name, "left out", convert)
    if other := other_encoding(start):
        return Form(other[0], "refused", conversion(other[1]))
    if start.count(b"\b") > 2 and not _is_binary(start.replace(b"\b", b"")):  # bold and underlined in manual pages
        return Form("text with letters printed over others", "refused", "col -b < {file} > {text}")
    return Form("binary", "left out") if _is_binary(start) else None


def _is_binary(start: bytes) -> bool:
    """A picture, a program, or anything else that more than one byte in fifty is a control character of."""
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return start.startswith(_BINARY) or 50 * controls > len(start)


def _of_text(start: str, suffix: str, *, whole: bool) -> Form:
    if own_file(start):
        return Form("a report of tinylm's", "left out")
    if suffix == ".ipynb":
        return Form("a Jupyter notebook", "refused", _PLAIN)
    if suffix in json_documents.SUFFIXES or json_documents.looks_like_json(start, whole=whole):
        return Form("JSON", "JSON")
    if markup := _markup(start, suffix):
        return markup
    begin = _without_comments(start)
    for pattern, name, convert in _REFUSED:
        if re.match(pattern, begin):
            return Form(name, "refused", convert)
    if table := tables.recognise_table(start, suffix):
        if table.documents:
            return Form("a table", "table", table=table)
        kind = "TSV" if table.delimiter == "\t" else "CSV"
        name = f"a table ({kind}) without a column `text`"
        return Form(name, "refused" if suffix in tables.SUFFIXES else "text", table.extraction)
    start = start.lstrip()
    for pattern, name, convert in _NOTICED:
        if re.match(pattern, start):
            return Form(name, "text", convert)
    if suffix in _SETTINGS_SUFFIXES:
        return Form("a file of settings", "text")
    return Form("code", "text") if suffix in _CODE_SUFFIXES or start.startswith("#!") else TEXT


def _markup(start: str, suffix: str) -> Form | None:
    """HTML or XML: comments aside, text that begins with `<` and is one element, or has tags throughout."""
    start = _without_comments(start)
    html = Form("HTML", "refused", "pandoc {file} -f html -t plain --wrap=none -o {text}")
    if _HTML.match(start):
        return html
    if _XML.match(start):
        return Form("XML", "refused", "xmllint --xpath 'string(/)' {file} > {text}")
    element = _ELEMENT.match(start)
    if element is None or suffix in _MARKDOWN or not _is_element(start, element, suffix):
        return None
    return html if _HTML_TAG.search(start) else Form("XML", "refused", "sed 's/<[^>]*>//g' {file} > {text}")


def _without_comments(start: str) -> str:
    """Without white space and comments of HTML at the beginning."""
    return _COMMENTS.sub("", start, count=1)


def _is_element(start: str, element: re.Match[str], suffix: str) -> bool:
    if suffix in _MARKUP or start.rstrip().endswith(f"</{element[1]}>"):
        return True
    alone = start[element.end() : element.end() + 1] in ("", "\n")
    if alone and re.search(rf"^[ \t]*</{re.escape(element[1])}>", start, re.MULTILINE):
        return True
    tags = len(_TAG.findall(start))
    return len(_CLOSING.findall(start)) > 4 and tags * _TAG_EVERY > len(start)
