"""Bytes to text: UTF-8 with any line ends and with or without its mark, or an error that names the encoding.

Line ends and marks are taken care of here, before anybody looks for lines in the text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading.source_names import command

MARK = "\ufeff"
_SAMPLE_BYTES = 4096
_LINE_END = re.compile(r"\r{1,2}\n|\r")
"""Of Windows, of old Macs, and `\\r\\r\\n`: what was text of Windows already was made text of Windows once more."""
_MARKS = (  # UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_ESCAPES = ((b"\x1b$B", "ISO-2022-JP"), (b"\x1b$@", "ISO-2022-JP"), (b"\x1b$)C", "ISO-2022-KR"))
"""Of 7-bit encodings, which would pass for UTF-8."""
_WIDE = ("UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE")
_LEGACY = {
    "WINDOWS-1250": "bs cs hr hu pl ro sk sl sq",
    "WINDOWS-1251": "be bg kk ky mk mn ru sr tg tt uk",
    "WINDOWS-1253": "el",
    "WINDOWS-1254": "az tr",
    "WINDOWS-1255": "he yi",
    "WINDOWS-1256": "ar fa ps ug ur",
    "WINDOWS-1257": "et lt lv",
    "WINDOWS-1258": "vi",
    "SHIFT_JIS": "ja",
    "EUC-KR": "ko",
    "GB18030": "zh",
    "WINDOWS-874": "th",
}
"""The usual 8-bit encoding of texts in each language; of all others it is WINDOWS-1252."""


def other_encoding(start: bytes) -> tuple[str, str] | None:
    """What a file that begins so is, such as `UTF-16 text`, and its encoding; None when it may be UTF-8.

    8-bit encodings are told from UTF-8 by `decoded`, which finds the first byte that is none.
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return f"{name} text", name
    sample = start[:_SAMPLE_BYTES]
    if wide := next((name for name in _WIDE if _is_text_in(sample, name)), None):
        return f"{wide} text without its mark", wide
    escaped = next((name for escape, name in _ESCAPES if escape in start), None)
    return (f"{escaped} text", escaped) if escaped else None


def decoded(chunks: Iterable[bytes], path: Path, language: str | None) -> Iterator[str]:
    """The text with `\\n` line ends and without byte order marks.

    `language` helps to guess what else than UTF-8 it is; TinylmError names the first byte that is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    held = ""  # the beginning of a line end that may go on in the next chunk
    read_bytes, held_bytes = 0, 0
    try:
        for chunk in chunks:
            text = held + decoder.decode(chunk)
            held = text[-2:] if text.endswith("\r\r") else text[-1:] if text.endswith("\r") else ""
            yield with_line_ends(text.removesuffix(held)).replace(MARK, "")
            read_bytes += len(chunk)
            held_bytes = len(decoder.getstate()[0])  # of a character that goes on in the next chunk
        yield with_line_ends(held + decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        # The last character alone: text in another encoding may end so too.
        broken_off = error.reason == "unexpected end of data"
        encoding, of = _legacy_encoding(error.object, language)
        raise TinylmError(
            f"`{path}` is not UTF-8: byte 0x{error.object[error.start]:02x} at offset "
            f"{read_bytes - held_bytes + error.start:,}",
            f"convert it, for example `{command(conversion(encoding), path)}`{of}"
            + (" (if it is UTF-8 that breaks off there, get the whole of it instead)" if broken_off else ""),
        ) from error


def with_line_ends(text: str) -> str:
    """`text` with `\\n` line ends only."""
    return _LINE_END.sub("\n", text) if "\r" in text else text


def _legacy_encoding(data: bytes, language: str | None) -> tuple[str, str]:
    """The encoding that text which is no UTF-8 probably has, and for which texts that holds if nobody said so."""
    if stated := next((name for name, codes in _LEGACY.items() if language in codes.split()), None):
        return stated, ""
    name = "MACINTOSH" if b"\r" in data and b"\n" not in data else "WINDOWS-1252"
    return name, "" if language else " for a language of Western Europe; for others state it, as in `ja:PATH`"


def conversion(encoding: str) -> str:
    """The command that makes UTF-8 of a file in `encoding`."""
    return f"iconv -f {encoding} -t UTF-8 {{file}} > {{text}}"


def _is_text_in(sample: bytes, encoding: str) -> bool:
    """Whether `sample` reads as words in a wide encoding: letters, and among them spaces and line ends."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)  # which may end inside a character
    except UnicodeDecodeError:
        return False
    letters = sum(character.isalpha() for character in text)
    gaps = sum(character in " \n\r\t" for character in text)
    return len(text) > 1 and gaps > 0 and 50 * gaps > len(text) and 10 * (letters + gaps) > 7 * len(text)
