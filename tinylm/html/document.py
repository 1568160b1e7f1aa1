"""The whole page around its parts: it asks for nothing from anywhere, runs no program, and reads well on a phone.

The page forbids itself, by its content security policy, to load or run anything, so that a page from somebody else can
be opened without a thought.
"""

from __future__ import annotations

from collections.abc import Iterable

from tinylm.html.elements import text
from tinylm.html.style import style

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def document(*, title: str, parts: Iterable[str], footer: str) -> str:
    """One HTML document of `parts`, which are HTML; `title` and `footer` are plain text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="generator" content="tinylm">'  # `--corpus .` does not learn it
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(title.replace('`', ''))}</title><style>{style()}</style></head>\n"
        f"<body><main>\n{''.join(parts)}<footer>{text(footer)}</footer></main></body></html>\n"
    )
