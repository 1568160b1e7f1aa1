"""The lists of docs/code-map.md: folders by their docstrings, layers by the contract of import-linter."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

DEPTH = 2
"""Levels of folders below `tinylm/` that the map shows."""


def folders(root: Path) -> str:
    """A Markdown list with a line for each folder of `tinylm/`. ValueError for one whose docstring says nothing."""
    package = root / "tinylm"
    lines = []
    for init in sorted(package.rglob("__init__.py")):
        folder = init.parent.relative_to(package)
        if not 1 <= len(folder.parts) <= DEPTH:
            continue
        docstring = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))
        if not docstring:
            raise ValueError(f"tinylm/{folder}/__init__.py has no docstring; the map of the code shows its first line")
        indent, first = "  " * (len(folder.parts) - 1), docstring.split("\n\n")[0]
        lines.append(f"{indent}- [`{folder}/`](../tinylm/{folder}): {' '.join(first.split())}")
    return "\n" + "\n".join(lines) + "\n"


def layers(root: Path) -> str:
    """The layers of import-linter's contract as a numbered list, the highest first."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers"]
    rows = [", ".join(f"`{name.strip()}`" for name in row.split("|")) for row in contract["layers"]]
    return "\n" + "\n".join(f"{number}. {row}" for number, row in enumerate(rows, 1)) + "\n"
