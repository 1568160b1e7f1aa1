"""What stands around a text in its file and is no part of it: front matter, and Project Gutenberg's licence, both in
the books that `--corpus gutenberg` downloads and in a user's own files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tinylm.corpus.cleaning.sections import DOCUMENT_END
from tinylm.corpus.statistics import Dropped

_START_CHARACTERS = 1 << 16
"""A wrapper begins in so many."""
MAX_HELD_CHARACTERS = 64_000_000
"""A file with the licence is held in memory, because its END mark decides; a longer one is read as it stands."""

# Keys at the start of their lines, as Jekyll, Hugo, Obsidian and Pandoc write them: YAML in `---`, TOML in `+++`.
_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?:[\w.-]+[ \t]*:(?:[ \t].*)?\n|[ \t]+\S.*\n|- .*\n|#.*\n|[ \t]*\n)+(?:---|\.\.\.)[ \t]*(?:\n|\Z)"
    r"|\+\+\+[ \t]*\n(?:[\w.\"-]+[ \t]*=.*\n|\[.*\n|[ \t]+\S.*\n|#.*\n|[ \t]*\n)+\+\+\+[ \t]*(?:\n|\Z)"
)
# A scene between two rules has names before its colons, not these.
_USUAL_KEY = re.compile(
    r"^(?:title|date|author|tags?|categor(?:y|ies)|layout|draft|slug|description|summary|permalink|url|aliases|lang|id"
    r"|created|updated|modified|published|weight|image|keywords|type|status)\b",
    re.IGNORECASE | re.MULTILINE,
)

START = re.compile(
    r"^\*{3}\s*START OF (?:THE|THIS)(?: COPYRIGHTED)? PROJECT GUTENBERG E-?(?:BOOK|TEXT)[^*]{0,400}\*{3}", re.MULTILINE
)
END = re.compile(
    r"^\*{3}\s*END OF (?:THE|THIS)(?: COPYRIGHTED)? PROJECT GUTENBERG E-?(?:BOOK|TEXT)[^*\n]{0,400}(?:\*{3})?",
    re.MULTILINE,
)
_PICTURE = re.compile(r"\[(?:Illustration|Ilustraci[oó]n)[^\]]*\]", re.IGNORECASE)
_CREDITS = re.compile(
    r"Produced by|Credits?:|(?:This )?e-?(?:text|book) (?:was )?(?:prepared|produced|created)|Transcribed (?:from|by)"
    r"|(?:HTML|Text) version by|Updated editions|.*Distributed Proofread|\[?Transcriber['’]s note",
    re.IGNORECASE,
)


def without_wrappers(chunks: Iterable[str], dropped: Dropped) -> Iterator[str]:
    """The text inside, in chunks; `dropped` counts what was taken off. Several books in one file become documents."""
    stream = iter(chunks)
    start = _hold(stream, _START_CHARACTERS)
    if (front := _FRONT_MATTER.match(start)) and _USUAL_KEY.search(front[0]):
        start = start[front.end() :]
        dropped.front_matter += 1
    if START.search(start):
        start += _hold(stream, MAX_HELD_CHARACTERS)
        if len(start) <= MAX_HELD_CHARACTERS:
            start = without_licence(start, dropped)
    yield start
    yield from stream


def without_licence(text: str, dropped: Dropped) -> str:
    """What stands in `text` between Project Gutenberg's marks, else `text` itself: each START must have its END.

    Several books may have been put into one file; `text` has `\\n` line ends.
    """
    books, place = [], 0
    while "PROJECT GUTENBERG E" in text and (start := START.search(text, place)):
        end = END.search(text, start.end())
        if end is None:
            return text
        books.append(body(text[start.end() : end.start()]))
        place = end.end()
    dropped.licences += len(books)
    return f"\n{DOCUMENT_END}\n".join(books) if books else text


def body(between: str) -> str:
    """The book in what stands between the markers; it may be empty."""
    paragraphs = re.split(r"\n{2,}", between.strip("\n"))
    return "\n\n".join(
        paragraph
        for position, paragraph in enumerate(paragraphs)
        if not ("Project Gutenberg" in paragraph or _PICTURE.fullmatch(paragraph.strip()))
        and not (position < 12 and _CREDITS.match(paragraph.strip()))
    )


def _hold(stream: Iterator[str], characters: int) -> str:
    parts, held = [], 0
    while held <= characters and (chunk := next(stream, None)) is not None:
        parts.append(chunk)
        held += len(chunk)
    return "".join(parts)
