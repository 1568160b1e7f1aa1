"""What can go and what stays; what is removed is gone, and nothing else is."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.housekeeping.cleanup import KINDS, DiskUse, disk_uses, remove

MB = b"x" * 1_000_000


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def fill(folder: str, name: str = "file") -> Path:
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / name).write_bytes(MB)
    return Path(folder)


def run(name: str, *, dataset: str | None = "wanted", final: bool = True) -> Path:
    folder = Path("runs") / name
    for step in (100, 200, 300, 400):
        fill(f"{folder}/checkpoints/step-{step:08d}", "state.pt")
    links = {"best": 300, "last": 400, "epoch-0001": 100, **({"final": 400} if final else {})}
    for link, step in links.items():
        (folder / "checkpoints" / link).symlink_to(f"step-{step:08d}")
    (folder / "config.toml").write_text("" if dataset is None else f'dataset = "{dataset}"\n')
    (folder / ".lock").touch()
    return folder


def by_name(kind: str) -> dict[str, DiskUse]:
    return {use.name: use for use in disk_uses([kind])}


def test_a_dataset_stays_while_a_run_is_of_it() -> None:
    run("one")
    run("two", final=False)
    for name in ("wanted", "stray", ".tokens-1-x"):
        fill(f"datasets/{name}")
    found = by_name("datasets")
    assert set(found) == {"datasets/wanted", "datasets/stray"}
    assert found["datasets/wanted"].kept == "needed by runs/one, runs/two"
    assert (found["datasets/stray"].kept, found["datasets/stray"].size_bytes) == (None, 1_000_000)
    assert remove(found["datasets/stray"]) == 1_000_000
    assert sorted(path.name for path in Path("datasets").iterdir()) == [".tokens-1-x", "wanted"]


def test_a_run_whose_settings_cannot_be_read_may_need_any_dataset() -> None:
    (run("broken") / "config.toml").write_text("dataset = ")
    fill("datasets/some")
    assert by_name("datasets")["datasets/some"].kept == "needed by runs/broken"


def test_a_dataset_that_is_being_built_stays() -> None:
    fill("datasets/new")
    with Path("datasets/.new.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert by_name("datasets")["datasets/new"].kept == "it is being built"
    use = by_name("datasets")["datasets/new"]
    with Path("datasets/.new.lock").open("w") as lock:  # it begins between the question and the answer
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove(use) == 0
    assert Path("datasets/new/file").is_file()


def test_checkpoints_that_something_names_stay() -> None:
    folder = run("done") / "checkpoints"
    (use,) = disk_uses(["checkpoints"])
    assert (use.name, use.size_bytes, use.kept) == ("runs/done/checkpoints (2 of 4)", 2_000_000, None)
    assert remove(use) == 2_000_000
    assert sorted(path.name for path in folder.iterdir()) == ["best", "final", "last", "step-00000300", "step-00000400"]
    assert all((folder / link / "state.pt").is_file() for link in ("best", "final", "last"))
    assert disk_uses(["checkpoints"]) == []


def test_checkpoints_of_a_run_that_is_not_finished_or_at_work_stay() -> None:
    run("stopped", final=False)
    working = run("working")
    with (working / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = {use.name.split("/")[1]: use.kept for use in disk_uses(["checkpoints"])}
    assert kept == {
        "stopped": "the run is not finished, and continues from them",
        "working": "the run is at work",
    }


def test_images_and_caches(place: Path) -> None:
    cache = place / "cache" / "tinylm"
    fill(str(cache / "virtual-pi/images/old"))
    fill(str(cache / "virtual-pi/images/used"))
    machine = fill(str(cache / "virtual-pi/machines/default"))
    (machine / "image").write_text(str(cache / "virtual-pi/images/used"))
    fill(str(cache / "compiled-1"))
    busy = fill(str(cache / "compiled-2"))
    fill(str(cache / "gutenberg"), "1342.txt")
    (cache / "gutenberg/lock.json").write_text("{}")
    images = {Path(name).name: use.kept for name, use in by_name("images").items()}
    assert images == {"old": None, "used": "a machine has it as its disk"}
    with (busy / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as a training does
        caches = {Path(name).name: use for name, use in by_name("caches").items()}
        assert {name: use.kept for name, use in caches.items()} == {
            "compiled-1": None,
            "compiled-2": "a training is using it",
            "gutenberg (1 book)": None,
        }
        assert sum(remove(use) for use in caches.values() if use.kept is None) == 2_000_000
    assert (cache / "gutenberg/lock.json").is_file(), "what the books must be is remembered"
    assert not (cache / "compiled-1").exists()


def test_links_are_never_followed(place: Path) -> None:
    """A dataset, a checkpoint or a cache on another disk is not ours to free, nor is what a link in one points to."""
    precious = fill(str(place / "elsewhere/precious"))
    Path("datasets").mkdir()
    Path("datasets/linked").symlink_to(precious)
    inside = fill("datasets/real")
    (inside / "link").symlink_to(precious)
    (run("done") / "checkpoints/step-00000900").symlink_to(precious)
    (place / "cache/tinylm").mkdir(parents=True)
    (place / "cache/tinylm/gutenberg").symlink_to(precious)
    (place / "cache/tinylm/compiled-9").symlink_to(precious)
    for use in disk_uses(list(KINDS)):
        assert not any(path.is_symlink() for path in use.paths)
        if use.kept is None:
            remove(use)
    assert not inside.exists()
    assert (precious / "file").read_bytes() == MB
    Path("datasets").rename("moved")
    Path("datasets").symlink_to("moved")
    assert disk_uses(["datasets"]) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove everything")
def test_what_the_system_refuses_is_an_error() -> None:
    folder = fill("datasets/stray")
    folder.chmod(0o500)
    with pytest.raises(TinylmError, match="cannot be removed: Permission denied"):
        remove(by_name("datasets")["datasets/stray"])
