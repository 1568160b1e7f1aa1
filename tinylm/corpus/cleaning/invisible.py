"""Characters that a reader does not see and a model would learn: soft hyphens, zero-width spaces, marks of direction.

    without_invisible("to\\u200bday")    # "today"

What carries meaning stays: joiners in Persian, in scripts of India and between emoji; direction marks in a text that
has letters written from right to left; zero-width spaces in scripts that have no others.
"""

from __future__ import annotations

import re

SOFT_HYPHEN = "\u00ad"

# The first test for most texts: nothing to do.
_ANY = re.compile("[\u00ad¬\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\u061c\ufb00-\ufb06\ufff9-\ufffc]")
# In the middle of a line no hyphen is shown; before a space there once was a line end. OCR programs write `¬` for it.
_SOFT_HYPHEN = re.compile("(?<=[^\\W\\d_])[\u00ad¬]+ (?=[^\\W\\d_A-Z])|\u00ad(?!\n)")
_ALWAYS = re.compile("[\u2060\ufff9-\ufffc]")
_DIRECTION = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
# Thai, Lao, Tibetan, Burmese, Khmer and their neighbours; words of theirs are parted by zero-width spaces.
_WITHOUT_SPACES = "\u0e00-\u109f\u1780-\u17ff\u1950-\u1aad\ua9e0-\ua9fe\uaa60-\uaadf"
_ZERO_WIDTH_SPACE = re.compile(f"(?<![{_WITHOUT_SPACES}])\u200b|\u200b(?![{_WITHOUT_SPACES}])")
# Latin, Greek and Cyrillic letters are not joined to each other, so nothing can be said of it.
_UNJOINED = "\\s\u0021-\u058f\ufb00-\ufb06"
_JOINER = re.compile(f"(?:(?<=[{_UNJOINED}])|^)[\u200c\u200d]+(?=[{_UNJOINED}]|$)")
# Inside a word; one by itself is spoken of.
_LIGATURE = re.compile("(?<=[^\\W\\d_])[\ufb00-\ufb06]|[\ufb00-\ufb06](?=[^\\W\\d_])")
_LETTERS = dict(
    zip("\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06", ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
)


def without_invisible(text: str) -> str:
    """Return `text` without invisible characters that mean nothing, and with printers' ligatures as their letters.

    A soft hyphen at a line end stays: it tells that the word goes on.
    """
    if not _ANY.search(text):
        return text
    text = _ALWAYS.sub("", text)
    if not _RIGHT_TO_LEFT.search(text):
        text = _DIRECTION.sub("", text)
    text = _JOINER.sub("", _ZERO_WIDTH_SPACE.sub("", text))
    text = _SOFT_HYPHEN.sub("", text)
    return _LIGATURE.sub(lambda found: _LETTERS[found[0]], text)
