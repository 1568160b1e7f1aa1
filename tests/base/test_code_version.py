"""The commit that a bundle records, read from what git itself writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tinylm.base.code_version import checkout_commit

GIT = shutil.which("git")
needs_git = pytest.mark.skipif(GIT is None, reason="compares with git's own answer: apt-get install git")


def git(folder: Path, *arguments: str) -> str:
    assert GIT
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        [GIT, *identity, *arguments],
        cwd=folder,
        env={"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},  # and no GIT_DIR of whoever runs the tests
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "feature/one")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "one")
    return folder


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD")


@needs_git
def test_a_branch_loose_and_packed_and_a_detached_head(checkout: Path) -> None:
    first = head(checkout)
    assert checkout_commit(checkout) == first
    git(checkout, "tag", "--annotate", "v1", "--message", "one")  # packed-refs gets a line for what it points to
    git(checkout, "pack-refs", "--all", "--prune")
    assert not (checkout / ".git/refs/heads/feature/one").exists()
    assert checkout_commit(checkout) == first
    git(checkout, "commit", "--quiet", "--allow-empty", "--message", "two")  # loose again, and it wins over packed
    assert checkout_commit(checkout) == head(checkout) != first
    git(checkout, "checkout", "--quiet", "--detach", first)
    assert checkout_commit(checkout) == first


@needs_git
def test_a_linked_worktree_has_a_head_of_its_own(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    git(tmp_path / "linked", "commit", "--quiet", "--allow-empty", "--message", "two")
    assert checkout_commit(tmp_path / "linked") == head(tmp_path / "linked") != head(checkout)
    git(checkout, "pack-refs", "--all", "--prune")
    assert checkout_commit(tmp_path / "linked") == head(tmp_path / "linked")
    git(tmp_path / "linked", "checkout", "--quiet", "--detach")
    assert checkout_commit(tmp_path / "linked") == head(tmp_path / "linked")


@needs_git
def test_only_the_folder_itself_counts(checkout: Path, tmp_path: Path) -> None:
    """tinylm from a wheel, in a virtual environment inside a checkout of something else."""
    packages = checkout / ".venv" / "site-packages"
    packages.mkdir(parents=True)
    assert checkout_commit(packages) is None
    git(tmp_path, "init", "--quiet", "empty")
    assert checkout_commit(tmp_path / "empty") is None


@pytest.mark.parametrize("content", ["", "ref: refs/heads/none", "ref: ../../secret", "\xff", "0123abc"])
def test_what_git_would_not_have_written_is_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(content, encoding="latin-1")
    (tmp_path.parent / "secret").write_text("not a commit", encoding="utf-8")
    assert checkout_commit(tmp_path) is None
    shutil.rmtree(tmp_path / ".git")
    (tmp_path / ".git").write_text(f"gitdir: {tmp_path / 'gone'}", encoding="utf-8")
    assert checkout_commit(tmp_path) is None
