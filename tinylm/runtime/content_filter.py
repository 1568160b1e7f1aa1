"""A list of phrases that a model shall not be asked for and shall not write.

    content_filter = load_filter(None)                     # what comes with tinylm, for English and Spanish
    content_filter.check(prompt)                           # FilteredPrompt
    gate = content_filter.gate(after=prompt)
    text = gate.push("Once ") + gate.push("upon") + gate.flush()    # ends before a match; `gate.blocked` is the match

It compares words and knows nothing of their meaning: docs/content-filter.md says what such a list can do, and what not.
How phrases are written and found is in `tinylm.runtime.phrases`. Text that streams out is the same, however it is cut
into pieces, as if all of it had been looked at before; what could still become a match is held back, and nothing else.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes
from tinylm.base.package import PACKAGE
from tinylm.base.records import read
from tinylm.runtime.phrases import Match, Phrase, PhraseFinder, PhraseSet, parse_phrase
from tinylm.runtime.redaction import Redaction
from tinylm.tokenizer.tokenizer import normalise

OFF = "off"
DEFAULT_LANGUAGES = ("en", "es")
_MAJOR = 1
_MOST_BYTES = 1_000_000
_MOST_PHRASES = 10_000
_MOST_ALIKE = 200  # phrases with one first word: each of them has to be followed wherever that word stands
_MOST_SKIPPING = 500  # phrases with a `..N`: each can be followed from many places at a time
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")
_EXPLAINED = "docs/content-filter.md explains the file; `--filter off` does without"


class FilteredPrompt(TinylmError):
    """A prompt that the content filter refuses."""

    def __init__(self, content_filter: ContentFilter, match: Match, *, what: str) -> None:
        super().__init__(
            f"{what} is refused by the content filter `{content_filter.name}` (category `{match.category}`)",
            "ask in other words; `--filter FILE` takes a list of your own, and `--filter off` none",
        )
        self.match = match


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A part of a file: phrases of one kind."""

    category: str
    """A word such as `slur`: all that is told of a match."""
    phrases: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.category):
            raise ValueError(f"`category` is {self.category[:60]!r}; 1 to 32 of a-z, 0-9, `_`, `.`, `-` are needed")


@dataclass(frozen=True, kw_only=True)
class FilterFile:
    """A content filter on disk, in TOML."""

    schema: str
    name: str
    description: str = ""
    rules: tuple[Rules, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"`name` is {self.name[:60]!r}; 1 to 32 of a-z, 0-9, `_`, `.`, `-` are needed")


class ContentFilter:
    """Phrases under a name."""

    def __init__(self, name: str, phrases: Sequence[Phrase]) -> None:
        self.name = name
        self.phrases = PhraseSet(phrases)
        self.sha256 = sha256_bytes(json.dumps(sorted(map(_canonical, phrases))).encode())
        """Of what is looked for: comments, order and the ways of writing a phrase do not count."""
        self.longest_match = max((phrase.longest for phrase in phrases), default=0)
        """The most characters that are ever held back."""

    def find(self, text: str) -> Match | None:
        """The first match in `text` as a model reads it: its places are those of the normalised text."""
        finder = PhraseFinder(self.phrases)
        return finder.read(normalise(text)) or finder.finish()

    def check(self, text: str, *, what: str = "the prompt") -> None:
        """FilteredPrompt when there is a match; `what` names the text."""
        if match := self.find(text):
            raise FilteredPrompt(self, match, what=what)

    def gate(self, *, after: str = "") -> FilterGate:
        """For text that a model writes after the prompt `after`, in which a phrase may begin."""
        return FilterGate(self, after=after)


class FilterGate:
    """Lets text through up to the first match; holds back what may be the beginning of one."""

    finish_reason: Literal["content_filter"] = "content_filter"

    def __init__(self, content_filter: ContentFilter, *, after: str = "") -> None:
        self.blocked: Match | None = None
        """The match that ended the text; it starts below 0 when it begins in the text before."""
        self._name = content_filter.name
        self._finder = PhraseFinder(content_filter.phrases)
        self._held = ""
        self._finder.pass_over(normalise(after)[-content_filter.longest_match :])
        self._first = self._start = self._finder.place
        """Where the text starts, and what is held, counted as the finder does."""

    @property
    def stopped(self) -> bool:
        """A match was found; no more text will come."""
        return self.blocked is not None

    @property
    def told(self) -> str:
        """Why there is no more text, for people."""
        category = self.blocked.category if self.blocked else ""
        return f"the content filter `{self._name}` ended the text before what came next (category `{category}`)"

    def push(self, text: str) -> str:
        """The text that became certain with `text`; may be empty."""
        if self.stopped:
            return ""
        self._held += text
        match = self._finder.read(text)
        return self._block(match) if match else self._release(self._finder.open_from)

    def flush(self) -> str:
        """What is held back, when no more text will come."""
        if self.stopped:
            return ""
        match = self._finder.finish()
        return self._block(match) if match else self._release(self._start + len(self._held))

    def _block(self, match: Match) -> str:
        self.blocked = Match(match.category, match.start - self._first, match.end - self._first)
        certain = self._release(match.start)
        self._held = ""
        return certain

    def _release(self, place: int) -> str:
        count = max(place - self._start, 0)
        certain, self._held = self._held[:count], self._held[count:]
        self._start += count
        return certain


def text_gates(
    content_filter: ContentFilter | None, *, prompt: str, redact: bool
) -> tuple[FilterGate | Redaction, ...]:
    """What a text that follows `prompt` goes through (`Completion`): the filter, then the redaction."""
    filtering = () if content_filter is None else (content_filter.gate(after=prompt),)
    return (*filtering, *((Redaction(),) if redact else ()))


def load_filter(option: str | None) -> ContentFilter | None:
    """What `--filter` says: None is the list that comes with tinylm, `off` is None, all else names a TOML file.

    TinylmError for a file that cannot be read, or says what makes no sense, with its line.
    """
    if option == OFF:
        return None
    if option is None:
        files = [_shipped(language) for language in DEFAULT_LANGUAGES]
        return ContentFilter("+".join(name for name, _ in files), [phrase for _, part in files for phrase in part])
    return ContentFilter(*_read(Path(option), f"`{option}`"))


def _shipped(language: str) -> tuple[str, list[Phrase]]:
    return _read(PACKAGE / "runtime" / "filters" / f"{language}.toml", f"the content filter `{language}`")


def _read(path: Path, where: str) -> tuple[str, list[Phrase]]:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise TinylmError(f"cannot read {where}: {error.strerror}", "name a TOML file, or `off`") from error
    if len(data) > _MOST_BYTES:
        raise TinylmError(f"{where} has more than {_MOST_BYTES} bytes", "keep what matters most")
    try:
        text = data.decode("utf-8-sig")  # Notepad writes the mark
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise TinylmError(f"{where} is not valid TOML: it is not UTF-8", _EXPLAINED) from error
    except (ValueError, RecursionError) as error:
        raise TinylmError(f"{where} is not valid TOML: {error}", _EXPLAINED) from error
    found = read(FilterFile, table, where, major=_MAJOR)
    return found.name, list(_phrases(found, text, where))


def _phrases(file: FilterFile, text: str, where: str) -> Iterator[Phrase]:
    count = sum(len(rules.phrases) for rules in file.rules)
    if not 1 <= count <= _MOST_PHRASES:
        raise TinylmError(f"{where} has {count} phrases; 1 to {_MOST_PHRASES} are possible", _EXPLAINED)
    alike: dict[str, int] = {}
    skipping = 0
    for rules in file.rules:
        for written in rules.phrases:
            try:
                phrase = parse_phrase(written, rules.category)
                _count_alike(phrase, alike)
                skipping += any(gap for gap, _ in phrase.steps)
                if skipping > _MOST_SKIPPING:
                    raise ValueError(f"more than {_MOST_SKIPPING} phrases skip words")
            except ValueError as error:
                place = f"line {text[: text.index(written)].count(chr(10)) + 1}: " if written in text else ""
                raise TinylmError(f"{where}, {place}`{written[:80]}`: {error}", _EXPLAINED) from error
            yield phrase


def _count_alike(phrase: Phrase, alike: dict[str, int]) -> None:
    for word in phrase.steps[0][1]:
        alike[word] = alike.get(word, 0) + 1
        if alike[word] > _MOST_ALIKE:
            raise ValueError(f"more than {_MOST_ALIKE} phrases begin with `{word}`")


def _canonical(phrase: Phrase) -> Iterable[object]:
    return phrase.category, [(gap, sorted(words)) for gap, words in phrase.steps]
