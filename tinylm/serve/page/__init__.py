"""The page that a browser gets at `/`: talk to a bundle, let it continue a text, compare two of them.

Hand-written HTML, style and program, which are put together to one response. It loads nothing else, from here or from
elsewhere, and its content security policy names its own style and program by their hashes, so that nothing else runs:
a model may write what it likes.

page.html        the skeleton: landmarks, dialogs, icons
style.css        how it looks, light and dark; the colours are those of the reports
strings.json     every word of it, in English and Spanish
*.js             the program, one part a file, in the order of `SCRIPTS`
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from importlib import resources

_COMMENT = re.compile(r"(^| )// .*")
_BLANKS = re.compile(r" (=>|={1,3}|!==|\?\??|&&|\|\||:|[+*<>-]=?) ")
_LINE_ENDS = re.compile(r"[;,]?\n(?=[]})])| (?=\{\n)|(?<=[;,{([])\n")

MAX_BYTES = 60_000
"""What the page may weigh as it is sent, uncompressed: a board serves it to a phone."""

SCRIPTS = (
    "icons.js",
    "dom.js",
    "language.js",
    "store.js",
    "conversations.js",
    "feedback.js",
    "markdown.js",
    "api.js",
    "models.js",
    "settings.js",
    "dialogs.js",
    "answers.js",
    "thread.js",
    "composer.js",
    "sidebar.js",
    "votes.js",
    "main.js",
)
"""The parts of the program; a part uses those above it when it is loaded, and any of them later."""


@functools.cache
def page() -> bytes:
    """The whole page: UTF-8, at most `MAX_BYTES`."""
    html = _read("page.html").replace("{{style}}", _style(), 1).replace("{{script}}", _script(), 1)
    return html.encode()


@functools.cache
def headers() -> dict[str, str]:
    """What is sent with the page: its type, and what a browser must not do with it."""
    policy = (
        "default-src 'none'",
        f"script-src '{_source_hash(_script())}'",
        f"style-src '{_source_hash(_style())}'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # text becomes HTML nowhere: `innerHTML` and its like throw
        "trusted-types 'none'",
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _style() -> str:
    return "".join(re.sub(r"/\*.*?\*/", "", _read("style.css"), flags=re.DOTALL).splitlines())


def _script() -> str:
    strings = json.dumps(json.loads(_read("strings.json")), ensure_ascii=False, separators=(",", ":"))
    strings = re.sub(r'"(\w+)":', r"\1:", strings)  # a program's names need no quotes
    parts = (f"const STRINGS={strings};\n", *(_packed(_read(name)) for name in SCRIPTS))
    return f'(()=>{{\n"use strict";\n{"".join(parts)}}})();\n'


def _packed(program: str) -> str:
    """Without comments, indentation, blanks around operators, and line ends inside a statement: a seventh less to send.

    By lines, not by a grammar: no literal of the program holds such a thing, of which a test makes sure.
    """
    lines = (_BLANKS.sub(r"\1", _COMMENT.sub("", line.strip())) for line in program.splitlines())
    return _LINE_ENDS.sub("", "".join(f"{line}\n" for line in lines if line))


def _read(name: str) -> str:
    return (resources.files("tinylm.serve.page") / name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
