"""What a corpus holds and what was left out of it, counted while it is built."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from tinylm.corpus.documents import Piece, Split

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s|$)|[。！？]")


@dataclass(slots=True)
class Dropped:
    """What did not make it into the corpus, and why; the stages add to it as they go."""

    empty_documents: int = 0
    """Documents with nothing but whitespace, or whose paragraphs were all duplicates."""
    duplicate_paragraphs: int = 0
    duplicate_bytes: int = 0
    control_characters: int = 0
    """Characters that normalisation removes: controls, byte order marks, noncharacters."""
    surrogates: int = 0
    """Encoding problem: halves of UTF-16 pairs in JSONL, removed."""
    replacement_characters: int = 0
    """Encoding problem: U+FFFD, which some earlier program wrote for what it could not decode; kept."""
    files: dict[str, int] = field(default_factory=dict)
    """Files that were skipped inside folders, by reason."""

    def skip_file(self, reason: str) -> None:
        """Count one file that a folder holds and that is not text."""
        self.files[reason] = self.files.get(reason, 0) + 1


@dataclass(slots=True)
class SplitStatistics:
    """One language on one side of the split."""

    bytes: int = 0
    """UTF-8 bytes of normalised text, newlines between paragraphs included."""
    sentences: int = 0
    """Ends of sentences; a line without any counts as one."""
    documents: int = 0
    """Documents with at least one piece here; a document can count on both sides."""
    paragraphs: int = 0
    """Blocks of lines between blank lines."""


@dataclass(slots=True)
class CorpusStatistics:
    """The figures of a built corpus; `tinylm.records.read(CorpusStatistics, ...)` reads `to_json()` back."""

    languages: dict[str, dict[str, SplitStatistics]] = field(default_factory=dict)
    """By language, then by `train` and `val`."""
    dropped: Dropped = field(default_factory=Dropped)

    def total_bytes(self, split: Split) -> int:
        """UTF-8 bytes of all languages on one side."""
        return sum(sides[split].bytes for sides in self.languages.values())

    def to_json(self) -> dict[str, object]:
        """The same as plain dictionaries and numbers."""
        return asdict(self)


def count_sentences(text: str) -> int:
    """Sentences by a simple rule: runs of `.!?…` before whitespace, or one for a line that has none."""
    return sum(max(1, len(_SENTENCE_END.findall(line))) for line in text.split("\n") if line.strip())


def measure(train: Iterable[Piece], val: Iterable[Piece], *, dropped: Dropped) -> CorpusStatistics:
    """Count the pieces of both sides; every language gets both sides, zeros included."""
    statistics = CorpusStatistics(dropped=dropped)
    sides: tuple[tuple[Split, Iterable[Piece]], ...] = (("train", train), ("val", val))
    for split, pieces in sides:
        previous: Piece | None = None
        for piece in pieces:
            if piece.language not in statistics.languages:
                statistics.languages[piece.language] = {"train": SplitStatistics(), "val": SplitStatistics()}
            figures = statistics.languages[piece.language][split]
            figures.bytes += len(piece.text.encode())
            figures.sentences += count_sentences(piece.text)
            figures.paragraphs += len(piece.text.split("\n\n"))
            # Pieces come in document order, so a piece that opens a document, or follows the last of another, is new.
            figures.documents += previous is None or piece.start or previous.end or previous.source != piece.source
            previous = piece
    return statistics
