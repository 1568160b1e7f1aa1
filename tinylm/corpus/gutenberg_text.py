"""The text of a Project Gutenberg book without what stands around it: licence, markers, credits, picture captions.

One implementation for the books that `--corpus gutenberg` downloads and for a user's own files of the same form.
"""

from __future__ import annotations

import re

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


def books(text: str) -> list[str] | None:
    """What stands between each START and the END after it; None unless every START in `text` has its END.

    `text` has `\\n` line ends. Several books may have been put into one file.
    """
    found, place = [], 0
    while start := START.search(text, place):
        end = END.search(text, start.end())
        if end is None:
            return None
        found.append(body(text[start.end() : end.start()]))
        place = end.end()
    return found or None


def body(between: str) -> str:
    """The book in what stands between the markers; it may be empty."""
    paragraphs = re.split(r"\n{2,}", between.strip("\n"))
    return "\n\n".join(
        paragraph
        for position, paragraph in enumerate(paragraphs)
        if not ("Project Gutenberg" in paragraph or _PICTURE.fullmatch(paragraph.strip()))
        and not (position < 12 and _CREDITS.match(paragraph.strip()))
    )
