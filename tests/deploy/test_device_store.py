"""The releases on a device, cut off at every single change that is made on its disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.deploy.device_store import Refused, Store

_CHANGES = ("open", "write", "fsync", "ftruncate", "mkdir", "unlink", "rmdir", "rename", "replace", "symlink", "link")
OLD, NEW = "model-1.0.0-aaaaaaaaaaaa", "model-1.0.1-bbbbbbbbbbbb"


class Power(BaseException):
    """It is gone."""


def contents(ident: str) -> dict[str, bytes]:
    """Two files that both releases share, and two that differ."""
    shared = {"model.onnx": b"weights " * 9000, "tokenizer.model": b"pieces"}
    files = shared | {"MODEL_CARD.md": ident.encode(), "golden.json": b""}
    listed = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    return files | {"manifest.json": json.dumps({"name": ident, "files": listed}).encode()}


def hashes(ident: str) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in contents(ident).items()}


def install(root: Path, ident: str) -> None:
    """All of a deployment, as `tinylm.deploy.deploy` asks for it."""
    store, files = Store(root), contents(ident)
    try:
        store.lock("ana@laptop")
        facts = store.facts(ident, hashes(ident))
        store.put_budget("limits")
        store.repair(ident)
        if not facts["whole"]:
            for name, data in files.items():
                sha256 = hashes(ident)[name]
                source = next((there for there, has in facts["releases"].items() if has.get(name) == sha256), None)
                if source and store.take(ident, name, sha256, source):
                    continue
                done = min(facts["partial"].get(name, 0), len(data))
                store.write(ident, name, done, data[done : done + 30000])
                if data[done + 30000 :]:
                    store.write(ident, name, done + 30000, data[done + 30000 :])
            damaged = store.seal(ident, hashes(ident))
            for name in damaged:
                store.write(ident, name, 0, files[name])
            if damaged:
                assert store.seal(ident, hashes(ident)) == []
        store.switch(ident, {"name": "model", "version": ident.split("-")[1]})
        store.prune(2)
    finally:
        release(store)


def release(store: Store) -> None:
    """As the end of its process does."""
    if store._lock is not None:
        os.close(store._lock)
        store._lock = None


def serves(root: Path) -> str | None:
    """What is current, once it is certain that every byte of it is right."""
    current = Store(root).current()
    if current is not None:
        there = {path.name: path.read_bytes() for path in (root / "current").iterdir()}
        assert there == contents(current)
    return current


class Disk:
    """Counts what changes the disk, and does something at one of those; what was not synced is lost with the power."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path, at: int, fault: Callable[[], None]) -> None:
        self.count, self.unsynced = 0, set[int]()
        for name in _CHANGES:
            patch.setattr(os, name, self._watched(getattr(os, name), name, str(root), at, fault))

    def _watched(self, real: Any, name: str, root: str, at: int, fault: Callable[[], None]) -> Any:
        def watched(*arguments: Any, **options: Any) -> Any:
            first = arguments[0]
            if name == "open" and not (str(first).startswith(root) and arguments[1] & os.O_CREAT):
                return real(*arguments, **options)
            if name not in ("open", "write", "fsync", "ftruncate") and not any(root in str(a) for a in arguments):
                return real(*arguments, **options)
            self.count += 1
            if self.count == at:
                fault()
            if name == "write":
                self.unsynced.add(os.fstat(first).st_ino)
            elif name == "fsync":
                self.unsynced.discard(os.fstat(first).st_ino)
            return real(*arguments, **options)

        return watched

    def lose(self, root: Path) -> None:
        """What a file system may do to files that were written and not synced: they have their length, and no bytes."""
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_ino in self.unsynced:
                path.write_bytes(bytes(path.stat().st_size))


def cut(root: Path, at: int, fault: Callable[[], None], *, what: Callable[[], None]) -> Disk:
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch, root, at, fault)
        with contextlib.suppress(Power, OSError):
            what()
    return disk


def changes(tmp_path: Path, what: Callable[[Path], None]) -> int:
    root = tmp_path / "counted"
    install(root, OLD)
    return cut(root, 0, lambda: None, what=lambda: what(root)).count


def no_power() -> None:
    raise Power


def failing(code: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(code, os.strerror(code))

    return fail


FAULTS = {
    "power": no_power,
    "full": failing(errno.ENOSPC),
    "read-only": failing(errno.EROFS),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_cut_off_at_every_change_of_the_disk(tmp_path: Path, kind: str) -> None:
    """An update: the old release serves, or the new one does, whole; and the next deployment makes all of it right."""
    total = changes(tmp_path, lambda root: install(root, NEW))
    assert total > 30
    seen = set()
    for at in range(1, total + 1):
        root = tmp_path / f"{at}"
        install(root, OLD)
        disk = cut(root, at, FAULTS[kind], what=lambda root=root: install(root, NEW))
        if kind == "power":
            disk.lose(root)
        seen.add(serves(root))
        install(root, NEW)
        check_in_order(root)
    assert seen == {OLD, NEW}


def check_in_order(root: Path) -> None:
    assert serves(root) == NEW
    store = Store(root)
    assert store.current("previous") == OLD
    assert [entry["id"] for entry in store.state()["history"]] == [OLD, NEW]
    assert store.leftovers(None) == []
    assert store._settled()
    assert sorted(store.releases()) == [OLD, NEW]


@pytest.mark.parametrize("kind", ["power", "full"])
def test_a_rollback_that_is_cut_off(tmp_path: Path, kind: str) -> None:
    def back(root: Path) -> None:
        store = Store(root)
        store.repair(None)
        store.switch(OLD, {"name": "model", "version": "1.0.0"})

    def both(root: Path) -> None:
        install(root, NEW)
        back(root)

    first = changes(tmp_path, lambda root: install(root, NEW))
    total = changes(tmp_path / "all", both)
    assert total > first
    for at in range(1, total - first + 1):
        root = tmp_path / f"{at}"
        install(root, OLD)
        install(root, NEW)
        disk = cut(root, at, FAULTS[kind], what=lambda root=root: back(root))
        if kind == "power":
            disk.lose(root)
        assert serves(root) in (OLD, NEW)
        back(root)
        assert serves(root) == OLD
        assert Store(root).current("previous") == NEW
        assert Store(root)._settled()


@pytest.mark.parametrize("kind", ["power", "read-only"])
def test_a_removal_that_is_cut_off_is_finished_by_the_next(tmp_path: Path, kind: str) -> None:
    def gone(root: Path) -> None:
        store = Store(root)
        try:
            store.lock("ana@laptop")
            store.remove()
        finally:
            release(store)

    total = changes(tmp_path, gone)
    for at in range(1, total + 1):
        root = tmp_path / f"{at}"
        install(root, OLD)
        cut(root, at, FAULTS[kind], what=lambda root=root: gone(root))
        if root.exists():
            gone(root)
        assert not root.exists()


def test_a_first_deployment_that_is_cut_off(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    total = cut(whole, 0, lambda: None, what=lambda: install(whole, NEW)).count
    for at in range(1, total + 1):
        root = tmp_path / f"{at}"
        disk = cut(root, at, no_power, what=lambda root=root: install(root, NEW))
        disk.lose(root)
        assert serves(root) in (None, NEW)
        install(root, NEW)
        assert serves(root) == NEW


def test_a_transfer_goes_on_where_it_broke(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(NEW, "model.onnx", 0, b"first ")
    assert store.facts(NEW, {})["partial"] == {"model.onnx": 6}
    store.write(NEW, "model.onnx", 6, b"second")
    with pytest.raises(Refused, match="has 12 bytes, not 20"):
        store.write(NEW, "model.onnx", 20, b"x")
    whole = {"model.onnx": hashlib.sha256(b"first second").hexdigest()}
    assert store.seal(NEW, whole) == []
    assert store.facts(NEW, whole)["whole"]


def test_a_file_that_serves_is_never_written_to(tmp_path: Path) -> None:
    """A file that was taken is another name of the one that serves; neither appending nor starting anew touches it."""
    install(tmp_path, OLD)
    store, sha256 = Store(tmp_path), hashes(OLD)["model.onnx"]
    assert store.take(NEW, "model.onnx", sha256, OLD)
    with pytest.raises(Refused):
        store.write(NEW, "model.onnx", 8, b"x")
    store.write(NEW, "model.onnx", 0, b"x")
    assert serves(tmp_path) == OLD


def test_what_decayed_is_replaced_where_it_serves(tmp_path: Path) -> None:
    install(tmp_path, OLD)
    (tmp_path / "current" / "golden.json").write_bytes(b"?")
    assert not Store(tmp_path).facts(OLD, hashes(OLD))["whole"]
    install(tmp_path, OLD)
    assert serves(tmp_path) == OLD


def test_the_state_of_a_newer_tinylm_is_left_alone(tmp_path: Path) -> None:
    install(tmp_path, OLD)
    newer = json.dumps({**Store(tmp_path).state(), "schema": "2.0"})
    (tmp_path / "state.json").write_text(newer, encoding="utf-8")
    with pytest.raises(Refused, match="by a newer tinylm"):
        install(tmp_path, NEW)
    assert (tmp_path / "state.json").read_text(encoding="utf-8") == newer
    assert serves(tmp_path) == OLD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 3}',
        '{"schema": "x", "history": [], "switching": null}',
        '{"schema": "1.0", "history": [{"id": "a", "at_s": "now"}], "switching": null}',
        '{"schema": "1.0", "history": [{"id": "../.."}], "switching": null}',
        "null",
    ],
)
def test_a_state_that_is_none_is_made_from_the_links(tmp_path: Path, text: str) -> None:
    install(tmp_path, OLD)
    install(tmp_path, NEW)
    (tmp_path / "state.json").write_text(text, encoding="utf-8")
    store = Store(tmp_path)
    assert not store._settled()
    assert (store.current(), store.previous()) == (NEW, OLD)
    install(tmp_path, NEW)
    check_in_order(tmp_path)


def test_a_link_that_a_person_moved_is_what_counts(tmp_path: Path) -> None:
    install(tmp_path, OLD)
    install(tmp_path, NEW)
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to(f"releases/{OLD}")
    store = Store(tmp_path)
    store.repair(None)
    assert (store.current(), store.current("previous")) == (OLD, NEW)


@pytest.mark.parametrize("target", ["/etc", "releases/..", "releases/a/b", "releases/.hidden"])
def test_links_that_lead_elsewhere_are_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "current").symlink_to(target)
    with pytest.raises(Refused, match="leads elsewhere"):
        Store(tmp_path).facts(NEW, {})


@pytest.mark.parametrize("name", ["../state.json", "/etc/passwd", "", "a/b", ".hidden"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="is no name"):
        Store(tmp_path).write(NEW, name, 0, b"x")


def test_one_deployer_at_a_time(tmp_path: Path) -> None:
    Store(tmp_path).lock("ana@laptop")
    other = "import sys; from pathlib import Path; from tinylm.deploy.device_store import Store\n"
    other += "Store(Path(sys.argv[1])).lock('ben@desk')"
    done = subprocess.run([sys.executable, "-c", other, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "Refused: ana@laptop, for" in done.stderr


def test_what_is_sent_needs_nothing_but_python() -> None:
    """The device may have another tinylm, or none: the two files import nothing else of it."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tinylm.deploy.device_agent\n"
        "print(*sorted(name for name in sys.modules if name.startswith('tinylm')))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(Path(__file__).resolve().parents[2])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "tinylm",
        *(f"tinylm.deploy{name}" for name in ("", ".device_agent", ".device_store")),
    ]
