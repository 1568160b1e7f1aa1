"""Files that are no plain text, by their first bytes: documents that hold some, each with what takes it out."""

from __future__ import annotations

_PANDOC = "pandoc {file} -t plain --wrap=none -o {text}"
_OFFICE = "soffice --headless --convert-to txt:Text {file}"
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")

_DOCUMENTS = (
    (b"%PDF-", "a PDF document", "pdftotext {file} {text}"),
    (b"%!PS", "PostScript", "ps2ascii {file} {text}"),
    (b"{\\rtf", "RTF", "pandoc {file} -f rtf -t plain --wrap=none -o {text}"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _OFFICE),
    (b"AT&TFORM", "a DjVu document", "djvutxt {file} {text}"),
    (b"BZh", "a bzip2 archive", "bunzip2 {file}"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unzstd {file}"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x {file}"),
    (b"Rar!\x1a\x07", "a RAR archive", "unrar x {file}"),
    (
        b"PAR1",
        "a Parquet table",
        "python -c \"import sys, pandas; pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], orient='records',"
        ' lines=True)" {file} {lines}',
    ),
    (b"ARROW1", "an Arrow table", ""),
    (b"SQLite format 3\0", "an SQLite database", "sqlite3 -json {file} 'SELECT ... AS text FROM ...' > {lines}"),
)
_IN_ZIP = (
    (b"mimetypeapplication/epub+zip", "an EPUB book", _PANDOC),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "an ODT document", _PANDOC),
    (b"mimetypeapplication/vnd.oasis.opendocument.", "an OpenDocument file", _OFFICE),
    (b"word/document.xml", "a DOCX document", _PANDOC),
    (b"xl/workbook.xml", "an XLSX workbook", "soffice --headless --convert-to csv {file}"),
    (b"ppt/presentation.xml", "a PPTX presentation", _OFFICE),
)
_AT = (
    (60, b"BOOKMOBI", "a MOBI book", "ebook-convert {file} {text}"),
    (257, b"ustar", "a tar archive", "tar -xf {file}"),
)
_BINARY = (b"\x7fELF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8")


def document(start: bytes) -> tuple[str, str] | None:
    """What holds text in a form of its own, and the command that takes it out (see `commands`)."""
    if start.startswith(b"PK\x03\x04"):
        inside = ((name, take) for mark, name, take in _IN_ZIP if mark in start)
        return next(inside, ("a ZIP archive", "unzip {file}"))
    found = ((name, take) for mark, name, take in _DOCUMENTS if start.startswith(mark))
    later = ((name, take) for place, mark, name, take in _AT if start[place:].startswith(mark))
    return next(found, None) or next(later, None)


def is_text_file(start: bytes) -> bool:
    """Whether the document would pass for text: RTF and PostScript are written in ASCII."""
    return start.startswith((b"{\\rtf", b"%!PS"))


def overstruck(start: bytes) -> bool:
    """Whether letters are printed over others, as manual pages have bold and underlined ones."""
    return start.count(b"\b") > 2 and not is_binary(start.replace(b"\b", b""))


def is_binary(start: bytes) -> bool:
    """A picture, a program, or anything else that more than one byte in fifty is a control character of."""
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return start.startswith(_BINARY) or 50 * controls > len(start)
