"""The page as it is sent: one response, small, closed to everything but its own program, and in two languages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import string
from pathlib import Path

import pytest

import tinylm.html
import tinylm.serve.page
from tinylm.serve.page import MAX_BYTES, SCRIPTS, headers, page

FOLDER = Path(tinylm.serve.page.__file__).parent
SOURCES = {name: (FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS}
STRINGS: dict[str, list[str]] = json.loads((FOLDER / "strings.json").read_text(encoding="utf-8"))
PAGE = page().decode()


def inline(tag: str) -> str:
    (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
    return str(text)


def test_it_weighs_what_a_board_can_send_at_once() -> None:
    assert len(page()) <= MAX_BYTES == 60_000


def test_every_program_file_is_in_it_and_none_is_forgotten() -> None:
    assert sorted(SCRIPTS) == sorted(file.name for file in FOLDER.glob("*.js"))
    for name, source in SOURCES.items():
        first, *_ = re.findall(r"^(?:async )?function\*? (\w+)|^const (\$|\w+)", source, re.MULTILINE)
        assert "".join(first) in inline("script"), name


def test_the_policy_names_its_own_program_and_style_by_hash_and_nothing_else() -> None:
    policy = dict(part.split(" ", 1) for part in headers()["Content-Security-Policy"].split("; "))

    def named(tag: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(inline(tag).encode()).digest()).decode()}'"

    assert policy == {
        "default-src": "'none'",
        "script-src": named("script"),
        "style-src": named("style"),
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert headers()["Referrer-Policy"] == "no-referrer"


def test_nothing_is_loaded_from_anywhere() -> None:
    assert not re.findall(r"(?:https?:)?//\w|\bsrc=|@import|url\(|<link|<base|<iframe", PAGE)
    assert not re.findall(r" (?:style|on\w+)=", PAGE.split("<script>")[0]), "the policy forbids it"


def test_text_never_becomes_html() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|\bFunction\("
    assert not re.findall(forbidden, inline("script"))


def test_the_response_ends_where_the_page_does() -> None:
    assert PAGE.count("</script") == PAGE.count("</style") == 1
    assert "<!--" not in inline("script")
    assert "{{style}}" not in PAGE
    assert "{{script}}" not in PAGE


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_taken_out_of_the_program_stands_in_no_literal_of_it(name: str) -> None:
    """Comments, and blanks around operators: packing looks at lines, and knows no strings."""
    for line in SOURCES[name].splitlines():
        code = re.sub(r"(^|\s)// .*", "", line)
        assert code.count("`") % 2 == 0, "a template that goes on in the next line"
        for literal in re.findall(r'"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`', code):
            words = re.sub(r"\$\{[^}]*\}", "", literal)
            assert not re.search(r" (=>|={1,3}|!==|\?\??|&&|\|\||:|[+*<>-]=?) |// ", words), literal


def test_every_word_is_there_in_every_language() -> None:
    assert STRINGS["languages"] == ["en", "es"]
    for key, words in STRINGS.items():
        assert len(words) == len(STRINGS["languages"]), key
        assert all(text.strip() for text in words), key
        english, spanish = ({name for _, name, _, _ in string.Formatter().parse(text) if name} for text in words)
        assert english == spanish, key


def test_every_word_that_is_used_is_there_and_every_one_that_is_there_is_used() -> None:
    used = set(re.findall(r'data-(?:t|label|hint|title)="(\w+)"', PAGE))
    program = "\n".join(SOURCES.values())
    used |= set(re.findall(r'\bt\("(\w+)"', program))
    assert used <= STRINGS.keys(), used - STRINGS.keys()
    quoted = used | set(re.findall(r'"(\w+)"', program))
    made = tuple(re.findall(r"`(\w+_)\$\{", program))  # `failed_${kind}`
    assert not {key for key in STRINGS if key not in quoted and not key.startswith(made)} - {"languages"}


def test_its_colours_are_those_of_the_reports() -> None:
    reports = (Path(tinylm.html.__file__).parent / "style.css").read_text(encoding="utf-8").split("@media")
    own = inline("style").split(":root[data-theme=dark]")
    for theirs, ours in zip(reports, own, strict=False):
        reported, shown = (dict(re.findall(r"--([\w-]+):(#\w+)", css)) for css in (theirs, ours))
        shared = reported.keys() & shown.keys()
        assert len(shared) >= 10
        assert {name: shown[name] for name in shared} == {name: reported[name] for name in shared}
