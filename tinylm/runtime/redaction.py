"""E-mail addresses and telephone numbers in a text become `[email]` and `[phone]`, also while the text streams.

    gate = Redaction()
    gate.push("Write to bob@exam") + gate.push("ple.org.") + gate.flush()     # "Write to [email]."
    redacted(text)                                                            # all at once, as for a log

What is redacted is a matter of form. An address is up to 64 letters, digits and `._%+-`, an `@`, and names with dots
between them of which the last has letters only. A telephone number is 7 to 15 digits behind a `+`, or 9 to 15 without
one, with up to two of space, `.`, `-`, `/`, `(` and `)` between two of them. What has the form of a date, of a number
with decimals or with dots between thousands, or of an internet address is none, and neither are digits that touch a
letter.

Held back is what may still become one: up to 64 characters of a word, an address until it ends, 50 of a number.
"""

from __future__ import annotations

import re
from typing import Literal

EMAIL, PHONE = "[email]", "[phone]"

_LOCAL_LENGTH = 64
_DOMAIN_LENGTH = 8 * 64 + 24
_ADDRESS = re.compile(rf"[\w.%+-]{{1,{_LOCAL_LENGTH}}}@(?:[\w-]{{1,63}}\.){{1,8}}[^\W\d_]{{2,24}}")
_TO_LAST_OTHER = re.compile(r".*[^\w.%+@-]", re.DOTALL)
_NUMBER_START = re.compile("[0-9+(]")
_MOST_DIGITS = 15
_DIGITS, _BETWEEN = frozenset("0123456789"), frozenset(" .-/()")
_NO_PHONE = re.compile(r"\d{4}-\d\d-\d\d(?:\D.*)?|\d+\.\d+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:\.\d{1,3}){3}")


def redacted(text: str) -> str:
    """`text` without addresses and numbers."""
    gate = Redaction()
    return gate.push(text) + gate.flush()


class Redaction:
    """Both, for a text that streams (`tinylm.runtime.completion.TextGate`)."""

    finish_reason: Literal["stop"] = "stop"
    stopped = False

    def __init__(self) -> None:
        self._emails, self._phones = _Emails(), _Phones()

    def push(self, text: str) -> str:
        """The text that became certain with `text`; may be empty."""
        return self._phones.push(self._emails.push(text))

    def flush(self) -> str:
        """What is held back, when no more text will come."""
        return self._phones.push(self._emails.flush()) + self._phones.flush()


class _Emails:
    """`_ADDRESS.sub(EMAIL, text)` of a text that streams."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, text: str) -> str:
        held = self._held + text
        # Nothing can begin before the last character that no address has, and end behind it.
        over = _TO_LAST_OTHER.match(held)
        certain, held = (_ADDRESS.sub(EMAIL, held[: over.end()]), held[over.end() :]) if over else ("", held)
        while (at := held.find("@")) >= 0 and len(held) - at > _DOMAIN_LENGTH:  # no longer name can change what it is
            found = _ADDRESS.match(held, max(at - _LOCAL_LENGTH, 0)) if at else None
            certain += held[: found.start()] + EMAIL if found else held[: at + 1]
            held = held[found.end() if found else at + 1 :]
        start = (at if at >= 0 else len(held)) - _LOCAL_LENGTH  # what stands before has no `@` within reach
        if start > 0:
            certain, held = certain + held[:start], held[start:]
        self._held = held
        return certain

    def flush(self) -> str:
        held, self._held = self._held, ""
        return _ADDRESS.sub(EMAIL, held)


class _Phones:
    """A number is held until it ends, or has too many digits."""

    def __init__(self) -> None:
        self._held = ""
        self._digits = self._apart = 0  # digits of the number, and characters since the last one
        self._before = ""  # the character before what is held

    def push(self, text: str) -> str:
        if self._held or self._digits or _NUMBER_START.search(text):
            return "".join(map(self._push, text))
        self._before = text[-1:] or self._before
        return text

    def _push(self, character: str) -> str:
        if character in _DIGITS:
            self._held += character
            self._digits, self._apart = self._digits + 1, 0
        elif self._digits and character in _BETWEEN and self._apart < 2:
            self._held += character
            self._apart += 1
        elif character == "(" and self._held == "+":
            self._held = "+("
        elif character in "+(":
            certain = self._end(character)
            self._held = character
            return certain
        else:
            certain = self._end(character) + character
            self._before = character
            return certain
        # Too many digits are no number; what belongs to them still follows.
        return self._let_go() if self._digits > _MOST_DIGITS else ""

    def flush(self) -> str:
        return self._end("")

    def _end(self, following: str) -> str:
        """What was held, before the character `following`."""
        number = self._held[: len(self._held) - self._apart]
        touches = self._before.isalnum() or (not self._apart and following.isalnum())
        least = 7 if number.startswith("+") else 9
        phone = least <= self._digits <= _MOST_DIGITS and not touches and not _NO_PHONE.fullmatch(number)
        held = self._let_go()
        self._digits = self._apart = 0
        return PHONE + held[len(number) :] if phone else held

    def _let_go(self) -> str:
        held, self._held = self._held, ""
        self._before = held[-1:] or self._before
        return held
