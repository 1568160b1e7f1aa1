"""Do the lines of a block read on, or does each end mean something? Told from the words, whatever the width.

A typesetter breaks lines wherever the width is reached: capitals and punctuation stand at line ends as often as
anywhere else in the text. A poet, or who writes one sentence, entry or name on each line, ends lines with punctuation
and begins them with capitals. The weight of that evidence is the logarithm of how much likelier the line ends are in
the one case than in the other (naive Bayes), with the rates of the block itself for the first: German nouns and titles
of books have capitals everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import log

MEANT = ((0.9, 0.6), (0.3, 0.95))
"""Shares of meant lines that begin with a capital, and that end with punctuation: verse and entries, and verse of which
the sentences run over many lines."""
ENOUGH = 6.0
"""Evidence, in nats, from which lines are taken as meant: two whole sentences on two lines have about 4, on three 8."""
OPEN_END = 1.5
"""Evidence that lies in a block whose last line ends without punctuation."""
CODE_SYMBOLS = 0.045
"""Share of the characters from which a block is code; measured: 99 % of paragraphs in technical documents are below."""

_UPPER = "A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ"
_CAPITAL_INSIDE = re.compile(rf" [\"'“‘«¿¡(*_`—-]*[{_UPPER}]")
_PUNCTUATION_INSIDE = re.compile(r"[.,;:!?…][\"'”’»)\]*_`—-]* ")
_PUNCTUATION = tuple(".,;:!?…—。，、；：！？")
_CLOSING = "\"'”’»)]*_`"
_FIRST = re.compile(r"[^\w]*(\w)")
_SYMBOLS = "(){}[]<>=;\\|&$#@^~+*_/"
_SYMBOL = re.compile(r"[{}\[\]<>=;\\|&$#@^~+*_/]|\w\(")  # a parenthesis in prose stands apart from the word before
_INLINE = re.compile(r"``[^`]+``|`[^`]+`_{0,2}|\[[^\]]+\]\([^)]*\)|<?https?://\S+|:\w+:(?=`)|\*+|\[\d+\]_")
"""Marked-up words in prose, and addresses."""


def lines_are_meant(lines: Sequence[str], breaks: Iterable[int]) -> bool:
    """Whether the ends of `lines` after those numbered in `breaks` mean something, as far as words tell."""
    ends = [(starts_upper(lines[number + 1]), punctuated(lines[number])) for number in breaks]
    if 2 * ends.count((False, False)) >= len(ends):
        return False  # most paragraphs: no need to count what their lines hold
    text = "\n".join(lines)
    words = text.count(" ")
    capitals = (len(_CAPITAL_INSIDE.findall(text)) + 1) / (words + 10)
    punctuation = (len(_PUNCTUATION_INSIDE.findall(text)) + 2) / (words + 12)
    weights = [0.0 if punctuated(lines[-1]) else OPEN_END] * len(MEANT)
    for upper, ended in ends:
        for kind, (meant_capitals, meant_punctuation) in enumerate(MEANT):
            if upper is not None:
                weights[kind] += _likelier(upper, meant_capitals, min(capitals, 0.95))
            weights[kind] += _likelier(ended, meant_punctuation, min(punctuation, 0.95))
    return max(weights) > ENOUGH


def is_code(lines: Iterable[str]) -> bool:
    """Whether so many of the characters are what programs are written with; marked-up words in prose do not count."""
    text = "".join(lines).replace(" ", "")
    limit = CODE_SYMBOLS * len(text)
    if sum(map(text.count, _SYMBOLS)) <= limit:
        return False
    return len(_SYMBOL.findall(_INLINE.sub("", "\n".join(lines)))) > limit


def punctuated(line: str) -> bool:
    """Whether the line ends with punctuation of any kind."""
    return line.endswith("--") or line.rstrip(_CLOSING).endswith(_PUNCTUATION)


def starts_upper(line: str) -> bool | None:
    """Whether the line's first letter is a capital; None when it begins with a digit, or its script has no capitals."""
    match = _FIRST.match(line)
    first = match[1] if match else ""
    return first.isupper() if first.isupper() or first.islower() else None


def _likelier(is_so: bool, meant: float, wrapped: float) -> float:
    return log(meant / wrapped) if is_so else log((1 - meant) / (1 - wrapped))
