"""All files of a folder that cannot be read, in one error: what each is, and the command that converts it."""

from __future__ import annotations

from pathlib import Path

from tinylm.base.errors import TinylmError

SHOWN = 20
"""Files that are named one by one."""


class Problems:
    """What is wrong with files of one source."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._found: list[tuple[Path, TinylmError]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Path, error: TinylmError) -> None:
        """`path` cannot be read; the error names it."""
        self._found.append((path, error))

    def check(self, *, fine: int) -> None:
        """TinylmError when there is a problem; `fine` files of the source looked good at first."""
        if not self._found:
            return
        if len(self._found) == 1 and not fine:
            raise self._found[0][1]
        found = sorted(self._found, key=lambda one: one[0])
        lines = [f"  {error.message}\n    {error.hint}" for _, error in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"  and {len(found) - SHOWN:,} more")
        files = "1 file" if len(found) == 1 else f"{len(found):,} files"
        raise TinylmError(
            f"{files} of `{self._source}` cannot be read; {fine:,} can\n" + "\n".join(lines),
            "convert them and move the originals out of the folder, or move them away",
        )
