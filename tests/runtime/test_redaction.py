"""What is redacted, and that a text that streams is redacted as the whole text, with nothing of it shown before."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.runtime.redaction import Redaction, redacted

ADDRESS = re.compile(r"[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
NUMBER = re.compile(r"\+?\(?[0-9](?:[ ./()-]{0,2}[0-9])*")
NO_PHONE = re.compile(r"\d{4}-\d\d-\d\d|\d{4}-\d\d-\d\d\D.*|\d+[.]\d+|\d{1,3}(\.\d{3})+|\d{1,3}(\.\d{1,3}){3}")
PARTS = [
    *("a", "bob", "x.y", "@", "@", "b.com", "example", ".", "org", "co.uk", "-", "_", "%"),
    *("z" * 63, "q" * 70, "q." * 300),
    *("+", "(", ")", "0", "600", "12", "34", "555", "1234567", "2026-12-01", "192.168.100.200", "1.000.000.000", "/"),
    *(" ", " ", " ", "  ", "\n", ",", "é", "٣"),
]  # fmt: skip
texts = st.lists(st.sampled_from(PARTS), max_size=20).map("".join) | st.text(max_size=40)


def reference(text: str) -> str:
    def phone(found: re.Match[str]) -> str:
        number, whole = found.group(), found.string
        digits = sum(character.isdigit() for character in number)
        touches = whole[: found.start()][-1:].isalnum() or whole[found.end() :][:1].isalnum()
        fits = (7 if number[0] == "+" else 9) <= digits <= 15
        return "[phone]" if fits and not touches and not NO_PHONE.fullmatch(number) else number

    return NUMBER.sub(phone, ADDRESS.sub("[email]", text))


@given(text=texts, seed=st.integers(0, 2**32))
def test_streamed_text_is_redacted_as_the_whole(text: str, seed: int) -> None:
    rng, gate, shown, given = random.Random(seed), Redaction(), "", 0
    whole = reference(text)
    while given < len(text):
        size = rng.choice((0, 1, 1, 2, 3, 5, 20))
        shown += gate.push(text[given : given + size])
        given = min(given + size, len(text))
        assert whole.startswith(shown)
        assert len(reference(text[:given])) - len(shown) <= 64 + 1 + 8 * 64 + 24 + 50
    assert shown + gate.flush() == whole == redacted(text)
    assert not gate.stopped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Write to bob@example.org.", "Write to [email]."),
        ("<bob.smith+news@mail.example.co.uk>", "<[email]>"),
        ("ñandú@correo.es, a@b.com", "[email], [email]"),
        ("bob@localhost, @bob, a@b", "bob@localhost, @bob, a@b"),
        ("Call +34 600 123 456 now", "Call [phone] now"),
        ("(555) 123-4567", "[phone]"),
        ("555-123-4567.", "[phone]."),
        ("91 123 45 67!", "[phone]!"),
        ("+1 (555) 123 4567", "[phone]"),
        ("0049/30/1234567", "[phone]"),
        ("01.23.45.67.89", "[phone]"),
        ("+49 1234", "+49 1234"),
        ("555-1234", "555-1234"),
        ("on 2026-12-01 10:20, from 1990-2000", "on 2026-12-01 10:20, from 1990-2000"),
        ("1.234.567.890 and 192.168.100.200", "1.234.567.890 and 192.168.100.200"),
        ("3.14159265", "3.14159265"),
        ("A123456789 and 123456789b", "A123456789 and 123456789b"),
        ("1234567890123456", "1234567890123456"),
        ("600123456@example.org", "[email]"),
        ("", ""),
    ],
)
def test_what_is_redacted(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_words_without_an_address_are_soon_shown() -> None:
    gate = Redaction()
    assert gate.push("Once upon") == "Once "
    assert len(gate.push("a" * 1000)) == 4 + 1000 - 64
