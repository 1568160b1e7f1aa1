"""What a corpus is made of: documents that come in, and the pieces of them that go to training or validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "val"]

UNDETERMINED = "und"
"""The ISO 639 code of a text whose language nobody stated."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text as a source gives it, before or after cleaning."""

    text: str
    language: str
    """ISO 639 code such as `en`, or `und`."""
    source: str
    """Where it came from, for people: `books/en/alice.txt`, `gutenberg/11`; never an absolute path."""
    split: Split | None = None
    """The side it must stand on; None lets the splitter decide."""
    continues: bool = False
    """It goes on the document before it: long ones come in sections (`tinylm.corpus.cleaning.sections`)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A maximal run of consecutive paragraphs of one document that stand on the same side of the split.

    The paragraphs are joined by the newlines that stood between them in the document.
    """

    text: str
    language: str
    source: str
    start: bool
    """It contains the document's first paragraph."""
    end: bool
    """It contains the document's last paragraph: training puts EOS after such a piece and after no other."""

    def __post_init__(self) -> None:
        if not self.text or not self.language:
            raise ValueError(f"a piece needs text and a language; source `{self.source}` gave an empty one")
