"""Fences, environments and indents: which lines are verbatim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.corpus.cleaning.verbatim import blocks, fenced


def inside(text: str) -> str:
    """The lines of a text that are verbatim as `x`, the others as `.`."""
    return "".join(".x"[verbatim] for verbatim in fenced(text.split("\n")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n```\nb\n\nc\n```\nd", ".xxxxx."),
        ("```py\na\n~~~\nb\n```\nc", "xxxxx."),  # the other mark does not close it
        ("````\n```\na\n```\n````\nb", "xxxxx."),  # nor does a shorter one
        ("```\na\n`````\nb", "xxx."),  # a longer one does
        ("```\na\n``` b\nc", "xxxx"),  # a line with more on it does not; never closed: to the end
        ("- a\n\n     ~~~\n     b\n  ~~~\nc", "..xxx."),
        ("> ```\n> a\n> ```\nb", "xxx."),
        ("a ``` b\nc\n```x``` d", "..."),  # code inside a line
        ("Tides\n~~~~~\na", "..."),  # a heading
        ("Gulls\n`````\na", "..."),
        ("a\n\n~~~\n\nb\n\n~~~\n\nc", "........."),  # scenes
        ("Code:\n~~~\na\n~~~\nb", ".xxx."),
        ("<pre class='x'>\na\n</pre>\nb", "xxx."),
        ("<pre>a</pre>\nb", ".."),
        ("\\begin{verbatim}\na\n\\end{verbatim}\nb", "xxx."),
        ("#+BEGIN_SRC sh\na\n#+END_SRC\nb", "xxx."),
    ],
)
def test_fences(text: str, expected: str) -> None:
    assert inside(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text\n\n    code\n    code\n\ntext", [False, True, False]),
        ("text\n\n\tcode\n\ntext", [False, True, False]),
        ("text\n\n   letter\n\ntext", [False, False, False]),
        ("1.  item\n\n    goes on\n\n        code\n\ntext", [False, False, True, False]),
        ("    all\n    of\n\n    it\n    here\n\n        code", [False, False, True]),  # set in as a whole
        # reStructuredText: code is announced, what is only set in is a quotation
        (".. _x: y\n\nSo::\n\n  code\n\n  code\n\ntext\n\n    quote", [False, False, True, True, False, False]),
        (".. code-block:: c\n\n   code\n\ntext", [False, True, False]),
    ],
)
def test_blocks_that_are_set_in(text: str, expected: list[bool]) -> None:
    assert [block.verbatim for block in blocks(text)] == expected


@given(st.lists(st.sampled_from(["", "a", "    b", "```", "~~~~", "  - c", "d::", "\te"]), max_size=20))
def test_blocks_hold_every_line_in_order(lines: list[str]) -> None:
    found = blocks("\n".join(lines))
    assert [line for block in found for line in block.lines] == [line for line in lines if line]
    text = "".join(block.gap + "\n".join(block.lines) for block in found)
    assert [line for line in text.split("\n") if line] == [line for line in lines if line]
    assert "\n\n\n" not in text
