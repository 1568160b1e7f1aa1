"""What a corpus holds and what was left out of it, counted while it is built."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields

from tinylm.text.documents import Piece, Split

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s|$)|[。！？]")


@dataclass(slots=True)
class Dropped:
    """What did not make it into the corpus, and why; the stages add to it as they go."""

    empty_documents: int = 0
    """Documents with nothing but whitespace, or whose paragraphs were all duplicates."""
    near_duplicate_documents: int = 0
    """Documents that say nearly the same as an earlier one; zero unless they are looked for."""
    near_duplicate_bytes: int = 0
    duplicate_paragraphs: int = 0
    duplicate_bytes: int = 0
    control_characters: int = 0
    """Characters that normalisation removes: controls, noncharacters."""
    surrogates: int = 0
    """Encoding problem: halves of UTF-16 pairs in JSONL, removed."""
    replacement_characters: int = 0
    """Encoding problem: U+FFFD, which some earlier program wrote for what it could not decode; kept."""
    licences: int = 0
    """Books that stood between Project Gutenberg's marks: what was outside, and notes of theirs inside, is left out."""
    front_matter: int = 0
    """Blocks of settings at the beginning of a Markdown file."""
    marks_in_text: int = 0
    """`<|endoftext|>` inside a line: it parts nothing there and is kept."""
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
    """The figures of a built corpus; part of `corpus.json`."""

    languages: dict[str, dict[str, SplitStatistics]] = field(default_factory=dict)
    """By language, then by `train` and `val`."""
    dropped: Dropped = field(default_factory=Dropped)

    def total_bytes(self, split: Split) -> int:
        """UTF-8 bytes of all languages on one side."""
        return sum(sides[split].bytes for sides in self.languages.values())

    def add(self, piece: Piece, split: Split, *, new_document: bool) -> None:
        """Count a piece on one side; `new_document` when it is its document's first one there."""
        figures = self._figures(piece.language, split)
        figures.bytes += len(piece.text.encode())
        figures.sentences += count_sentences(piece.text)
        figures.paragraphs += len(piece.text.split("\n\n"))
        figures.documents += new_document

    def merge(self, other: CorpusStatistics) -> None:
        """Add the languages' figures of another part of the same corpus."""
        for language, sides in other.languages.items():
            for split, figures in sides.items():
                mine = self._figures(language, split)
                for field_ in fields(SplitStatistics):
                    setattr(mine, field_.name, getattr(mine, field_.name) + getattr(figures, field_.name))

    def _figures(self, language: str, split: str) -> SplitStatistics:
        """Of one language on one side; every language gets both sides, zeros included."""
        if language not in self.languages:
            self.languages[language] = {"train": SplitStatistics(), "val": SplitStatistics()}
        return self.languages[language][split]


def count_sentences(text: str) -> int:
    """Sentences by a simple rule: runs of `.!?…` before whitespace, or one for a line that has none."""
    return sum(max(1, len(_SENTENCE_END.findall(line))) for line in text.split("\n") if line.strip())
