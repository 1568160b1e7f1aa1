"""The phrases of a content filter: how they are written, and finding them in a text that comes piece by piece.

A phrase is words with single spaces between them:

    idiot(s)                        a word, as it is or with one of the endings in brackets: `idiot`, `idiots`
    (kill|hurt) yourself            one of several words
    how to ..2 (kill|hurt) myself   `..2` is up to two words of any kind

There are no regular expressions, on purpose: one that somebody wrote without care can take hours over a line, and
nobody can tell from half a text whether it will match. Phrases are matched word by word in one pass, and at any moment
it is known which text could still become a match, so that nothing else is held back.

Letters are compared without case, compatibility forms (NFKD: `ﬁ`, full width), invisible characters (soft hyphens, zero
width), and the accents that people leave out: acute, grave, circumflex and diaeresis. Other marks stay, as in `ñ` and
`ç`: they make another letter, and a `coño` is no `cono`.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST_WORD = 64
"""Characters; what is longer is no word, and no phrase goes on over it."""
LONGEST_SPACE = 8
"""Characters between two words of a phrase."""
MOST_ELEMENTS = 12
"""Of a phrase, and of the words that it may skip."""
_MOST_CHOICES = 64

_ACCENTS = frozenset("\u0300\u0301\u0302\u0308")
_BETWEEN = frozenset("_'`\"*~,\u2018\u2019\u201c\u201d")  # beside white space and dashes; anything else ends a phrase
_RUNS = re.compile("[A-Za-z0-9]+|.", re.DOTALL)
_ELEMENT = re.compile(r"\.\.(\d{1,2})|\(([^()]+)\)|([^()]+)(?:\(([^()]+)\))?")


@dataclass(frozen=True, eq=False)  # compared as what it is: it is a key, and its words are many
class Phrase:
    """Its words in order: for each how many words may be skipped before it, and what it may be, folded."""

    category: str
    steps: tuple[tuple[int, frozenset[str]], ...]

    @property
    def longest(self) -> int:
        """The most characters that a match can have."""
        words = len(self.steps) + sum(gap for gap, _ in self.steps)
        return words * LONGEST_WORD + (words - 1) * LONGEST_SPACE


@dataclass(frozen=True)
class Match:
    """A phrase in a text, without its words, so that it can be logged and shown."""

    category: str
    start: int
    """The first character, from 0."""
    end: int
    """The character after the last."""


def parse_phrase(text: str, category: str) -> Phrase:
    """ValueError for what is no phrase, with what is wrong."""
    steps: list[tuple[int, frozenset[str]]] = []
    gap = 0
    for element in text.split():
        found = _ELEMENT.fullmatch(element)
        if found is None:
            raise ValueError(f"`{element}` is no word, no `(one|of|several)`, no `word(ending|ending)` and no `..2`")
        skipped, several, word, endings = found.groups()
        if skipped is not None:
            if not steps or gap or not 1 <= int(skipped) <= MOST_ELEMENTS:
                raise ValueError(f"`{element}` stands between two words, and skips 1 to {MOST_ELEMENTS} words")
            gap = int(skipped)
            continue
        if several is not None:
            steps.append((gap, _choices(several.split("|"))))
        elif endings is not None:
            steps.append((gap, _choices([word, *(word + ending for ending in endings.split("|"))])))
        else:
            parts = _words(word)
            if not parts:
                raise ValueError(f"`{element}` has no letter or digit")
            steps.extend((0 if place else gap, _choices([part])) for place, part in enumerate(parts))
        gap = 0
    if not steps:
        raise ValueError("there is no word")
    if gap:
        raise ValueError(f"`..{gap}` stands at the end; what is skipped stands between two words")
    if len(steps) > MOST_ELEMENTS or sum(gap for gap, _ in steps) > MOST_ELEMENTS:
        raise ValueError(f"it has more than {MOST_ELEMENTS} words, or skips more")
    return Phrase(category, tuple(steps))


def _choices(words: Sequence[str]) -> frozenset[str]:
    folded = set()
    for word in words:
        parts = _words(word)
        if len(parts) != 1 or len(word) > LONGEST_WORD:
            raise ValueError(f"`{word}` is not one word of at most {LONGEST_WORD} characters")
        folded.update(parts)
    if len(folded) > _MOST_CHOICES:
        raise ValueError(f"it has {len(folded)} words in one place; at most {_MOST_CHOICES} are possible")
    return frozenset(folded)


def _words(text: str) -> list[str]:
    """The folded words of a text."""
    words, word = [], ""
    for run in _RUNS.findall(text):
        kind, folded = ("word", run.lower()) if len(run) > 1 else _read_character(run)
        if kind == "word":
            word += folded
        elif kind != "nothing":
            words.append(word)
            word = ""
    return [word for word in (*words, word) if word]


@functools.lru_cache(maxsize=4096)
def _read_character(character: str) -> tuple[str, str]:
    """`word`, `nothing` (it is as if it were not there), `space` (words of a phrase stand apart so) or `end`."""
    if character in _ACCENTS or (unicodedata.category(character) in ("Cc", "Cf") and not character.isspace()):
        return "nothing", ""
    folded = "".join(part for part in unicodedata.normalize("NFKD", character) if part not in _ACCENTS).casefold()
    if any(part.isalnum() or unicodedata.category(part)[0] == "M" for part in folded):
        return "word", folded
    apart = character.isspace() or character in _BETWEEN or unicodedata.category(character) == "Pd"
    return ("space" if apart else "end"), ""


class PhraseSet:
    """Phrases, ready to be looked for."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self.phrases = tuple(phrases)
        self.starting: dict[str, list[Phrase]] = {}
        """By the first word."""
        for phrase in self.phrases:
            for word in phrase.steps[0][1]:
                self.starting.setdefault(word, []).append(phrase)
        self._first_words = sorted(self.starting)

    def can_start_with(self, beginning: str) -> bool:
        """Some phrase's first word begins so."""
        place = bisect_left(self._first_words, beginning)
        return place < len(self._first_words) and self._first_words[place].startswith(beginning)


class PhraseFinder:
    """The first match in a text that comes in pieces: `read` each, then `finish`.

    The first is the one that ends first; of those that end together the one that starts first.
    """

    def __init__(self, phrases: PhraseSet) -> None:
        self._phrases = phrases
        self.place = 0
        """Characters that were read."""
        self._word, self._word_start, self._word_size = "", 0, 0  # the word that is being read; size 0: none
        self._space = 0  # characters since the last word
        # Phrases that have begun: the step that comes next, words skipped before it, and where each began.
        self._begun: dict[tuple[Phrase, int, int], int] = {}

    def read(self, text: str) -> Match | None:
        """The match that became certain within `text`, where reading then ends."""
        for run in _RUNS.findall(text):
            size = len(run)
            kind, folded = ("word", run.lower()) if size > 1 else _read_character(run)
            if kind == "word":
                if not self._word_size:
                    self._word_start = self.place
                self._word += folded if self._word_size <= LONGEST_WORD else ""
                self._word_size += size
            elif kind == "nothing" and self._word_size:
                self._word_size += 1
            else:
                if self._word_size and (match := self._end_word()):
                    return match
                self._space += 1
                if self._begun and (kind == "end" or self._space > LONGEST_SPACE):
                    self._begun.clear()
            self.place += size
        return None

    def pass_over(self, text: str) -> None:
        """`read` text whose own matches are nothing: only those that go on behind it will be told."""
        while text:
            before = self.place
            self.read(text)
            text = text[self.place - before :]

    def finish(self) -> Match | None:
        """The match that is one because the text ends."""
        return self._end_word() if self._word_size else None

    @property
    def open_from(self) -> int:
        """From here on the text may still become a match; before, it cannot."""
        for (phrase, step, skipped), start in self._begun.items():  # in the order in which they began
            if self._possible(phrase, step, skipped):
                return start
        if 0 < self._word_size <= LONGEST_WORD and self._phrases.can_start_with(self._word):
            return self._word_start
        return self.place

    def _possible(self, phrase: Phrase, step: int, skipped: int) -> bool:
        """A phrase that has begun can go on with the word that is being read."""
        if not self._word_size:
            return True
        most, words = phrase.steps[step]
        return self._word_size <= LONGEST_WORD and (
            skipped < most or any(word.startswith(self._word) for word in words)
        )

    def _end_word(self) -> Match | None:
        word, start, size = self._word, self._word_start, self._word_size
        self._word, self._word_size, self._space = "", 0, 0
        if not self._begun and word not in self._phrases.starting:
            return None
        begun, self._begun = self._begun, {}
        if size > LONGEST_WORD:
            return None
        ended: list[tuple[int, Phrase]] = []

        def go_on(phrase: Phrase, step: int, start: int) -> None:
            if step == len(phrase.steps):
                ended.append((start, phrase))
            else:
                self._begun.setdefault((phrase, step, 0), start)

        for (phrase, step, skipped), began in begun.items():  # in the order in which they began
            most, words = phrase.steps[step]
            if word in words:
                go_on(phrase, step + 1, began)
            if skipped < most:
                self._begun.setdefault((phrase, step, skipped + 1), began)
        for phrase in self._phrases.starting.get(word, ()):
            go_on(phrase, 1, start)
        if not ended:
            return None
        first = min(ended, key=lambda found: found[0])
        return Match(first[1].category, first[0], start + size)
