"""Which code this is: what a checkpoint and a bundle say they were made with."""

from __future__ import annotations

import re
from pathlib import Path

from tinylm.base.package import ROOT

_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1 or SHA-256


def git_commit() -> str | None:
    """The commit of the checkout that tinylm runs from; None when it was installed from a wheel."""
    return checkout_commit(ROOT)


def checkout_commit(folder: Path) -> str | None:
    """The commit that the git checkout `folder` is at, from git's own files: a machine that trains may lack git.

    None when `folder` itself is no checkout, as for a tinylm that was installed from a wheel; folders above it are not
    asked, because a virtual environment may lie inside somebody else's checkout.
    """
    git = folder / ".git"
    try:
        if git.is_file():  # a linked worktree or submodule: it names the folder that holds its HEAD
            git = folder / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        common = git
        if (git / "commondir").is_file():  # branches of a linked worktree are those of its main checkout
            common = git / (git / "commondir").read_text(encoding="utf-8").strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref:"):
            head = _branch_commit(head.removeprefix("ref:").strip(), common)
    except (OSError, ValueError):
        return None
    return head if _COMMIT.fullmatch(head) else None


def _branch_commit(ref: str, common: Path) -> str:
    """The commit that a branch such as `refs/heads/main` is at; an empty string before its first commit."""
    loose = common / ref
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    packed = common / "packed-refs"
    for line in packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else ():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return ""
