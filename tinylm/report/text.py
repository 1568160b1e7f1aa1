"""Text in a report: the samples that a run wrote, and which words of them the training text has."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tinylm.corpus.corpus_files import read_pieces
from tinylm.text.writing_systems import unspaced_characters

SAMPLES = "samples.txt"
_EPOCH = re.compile(r"epoch (\d{1,9})")
_SAMPLE = re.compile(r"  ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\") -> (.*)")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_CUT = re.compile(r"^[^\W\d_]+|[^\W\d_]+$")
_MOST_TEXT = 4_000_000
"""Characters of training text whose words are known: nearly all words that a model of this size learns."""


@dataclass(frozen=True, kw_only=True)
class EpochSamples:
    """What the model wrote at the end of an epoch: (prompt, prompt and continuation)."""

    epoch: int
    texts: tuple[tuple[str, str], ...]


def read_samples(run: Path) -> tuple[EpochSamples, ...]:
    """The samples of a run, oldest first; lines that are none are passed over."""
    path = run / SAMPLES
    if not path.is_file():
        return ()
    found: dict[int, list[tuple[str, str]]] = {}
    epoch = None
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        if match := _EPOCH.fullmatch(line):
            epoch = int(match[1])
            found[epoch] = []  # an epoch that is done again counts as it was done last
        elif epoch is not None and (match := _SAMPLE.fullmatch(line)):
            try:
                pair = (ast.literal_eval(match[1]), ast.literal_eval(match[2]))
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
            if all(isinstance(text, str) for text in pair):
                found[epoch].append(pair)
    return tuple(EpochSamples(epoch=epoch, texts=tuple(texts)) for epoch, texts in found.items() if texts)


def words(text: str) -> list[str]:
    """The words of a text, in lower case; pairs of neighbours where spaces do not part words, as in Chinese."""
    return [part for word in _WORD.findall(text.lower()) for part in _parts(word)]


def _parts(word: str) -> list[str]:
    if len(word) < 2 or not unspaced_characters(word):
        return [word]
    return ["".join(pair) for pair in pairwise(word)]


def continued_words(prompt: str, text: str) -> list[str]:
    """Whole words that the model added to the prompt: the first may join it, and the last may be cut off."""
    return words(_CUT.sub("", text.removeprefix(prompt)))


def words_of(path: Path) -> frozenset[str]:
    """The words of a dataset's text file, of its first 4 million characters. TinylmError when it is damaged."""
    found: set[str] = set()
    read = 0
    for piece in read_pieces(path):
        found.update(words(piece.text))
        read += len(piece.text)
        if read >= _MOST_TEXT:
            break
    return frozenset(found)
