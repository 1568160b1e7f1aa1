"""Scripts that do not part words by spaces: there, what lies between two spaces is a phrase or a paragraph."""

from __future__ import annotations

import re

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
    "]+"
)
_IDEOGRAPHIC = re.compile(
    "[\u3000-\u303f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


def is_ideographic(character: str) -> bool:
    """Whether it belongs to Chinese or Japanese text, punctuation too: no space stands beside it where a line ends."""
    return _IDEOGRAPHIC.fullmatch(character) is not None


def unspaced_characters(text: str) -> int:
    """How many characters of `text` are of such scripts."""
    return sum(len(run) for run in _UNSPACED.findall(text))
