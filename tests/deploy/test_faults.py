"""The connection, or the deployer itself, dies at every request; and a device that is none tells stories."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from deployments import Device, another_bundle, quick_tinylm, script

from tinylm.base.errors import TinylmError
from tinylm.bundle.identity import identity
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.deploy.deploy import Options, deploy, status
from tinylm.deploy.session import Session

OPTIONS = Options(certify=False, allow_downgrade=True, keep=3)


def nothing(line: str) -> None: ...


class Counted(Session):
    """Kills its ssh at a request, before or after it is sent."""

    at, after, requests = 0, False, 0

    def _request(self, operation: str, data: bytes, arguments: dict[str, object]) -> None:
        self.requests += 1
        dies = self.requests == self.at
        if dies and not self.after:
            self._ssh.kill()
            self._ssh.wait()
        super()._request(operation, data, arguments)
        if dies and self.after:
            self._ssh.kill()
            self._ssh.wait()


@pytest.fixture
def there(fresh: Device, monkeypatch: pytest.MonkeyPatch) -> Device:
    """With ssh in the path, and no connection that several sessions share: one that is killed is to be gone."""
    own = fresh.home.parent / "own" / "ssh"
    script(own, f'#!/bin/sh\nexec {fresh.tools}/ssh -o ControlMaster=no -o ControlPath=none "$@"\n')
    monkeypatch.setenv("PATH", f"{own.parent}{os.pathsep}{fresh.environment()['PATH']}")
    return fresh


def session(device: Device, kind: type[Session] = Session, *, python: Path | None = None) -> Any:
    return kind(device.target, port=device.port, python=str(python or quick_tinylm(device.home)), system=False)


def deployed(device: Device, bundle: Bundle) -> None:
    """A deployment, tried again for as long as the agent of the one before holds the lock."""
    for _ in range(100):
        try:
            with session(device) as there:
                return deploy(there, bundle, "limits", OPTIONS, say=nothing, show=nothing)
        except TinylmError as error:
            if "somebody else" not in error.message:
                raise
        time.sleep(0.05)
    raise AssertionError("the lock is held by nobody")


def serving(device: Device) -> str:
    """What serves, once it is certain that it is whole."""
    opened = open_bundle(device.root / "current", strict=True)
    assert device.current() == f"releases/{identity(opened)}"
    return identity(opened)


ALL = pytest.mark.slow


@pytest.mark.parametrize(
    ("after", "every"), [(False, 4), pytest.param(False, 1, marks=ALL), pytest.param(True, 1, marks=ALL)]
)
def test_a_connection_that_dies_at_a_request(
    there: Device, bundle: Path, tmp_path: Path, after: bool, every: int
) -> None:
    """Before or after it is sent: at every fourth request, and where there is time for it at each."""
    old, new = open_bundle(bundle), open_bundle(another_bundle(bundle, tmp_path / "new", "1.0.1"))
    deployed(there, old)
    before = shutil.copytree(there.root, tmp_path / "before", symlinks=True)
    seen: list[str] = []
    while died(there, new, at=1 + every * len(seen), after=after):
        seen.append(serving(there))
        deployed(there, new)
        assert serving(there) == identity(new)
        assert there.releases == sorted([identity(old), identity(new)])
        shutil.rmtree(there.root)
        shutil.copytree(before, there.root, symlinks=True)
    assert len(seen) > 9 // every
    assert identity(old) in seen


def died(device: Device, bundle: Bundle, *, at: int, after: bool) -> bool:
    """Deploy with a connection that dies at the request `at`; False when there were not so many."""
    with session(device, Counted) as dying:
        dying.at, dying.after = at, after
        try:
            deploy(dying, bundle, "limits", OPTIONS, say=nothing, show=nothing)
        except TinylmError as lost:
            error = lost
        else:
            return False
    assert error.exit_code == 3
    assert "the connection was lost" in error.message
    return True


def test_a_deployer_that_is_killed_while_the_device_checks(there: Device, bundle: Path, tmp_path: Path) -> None:
    old, new = open_bundle(bundle), another_bundle(bundle, tmp_path / "new", "1.0.1")
    deployed(there, old)
    (there.home / "asked").unlink()
    (there.home / "slow").touch()
    running = subprocess.Popen(
        there.command(new, "--python", quick_tinylm(there.home)), env=there.environment(), stderr=subprocess.DEVNULL
    )
    while not (there.home / "asked").exists():
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    (there.home / "slow").unlink()
    assert serving(there) == identity(old)
    deployed(there, open_bundle(new))  # no lock is left, and what checked is not running any more
    assert serving(there) == identity(open_bundle(new))


STORIES = {
    "no JSON": ["{"],
    "no table": ["[]"],
    "a hello that is none": ['{"hello": "1; rm -rf ~"}'],
    "facts that are none": ['{"hello": "1"}', '{"result": {"current": "../.."}}'],
    "an error with escapes": ['{"hello": "1"}', r'{"error": "x", "words": "\u001b[2J\u202e"}'],
    "without end": [],
}
# Its Python is none, and answers with the right mark what no agent says.
LIAR = """#!/bin/sh
case $2 in *"import tinylm") exit 0 ;; esac
{lines}
sleep 1
"""


@pytest.mark.parametrize("story", STORIES)
def test_a_device_that_tells_stories(there: Device, story: str) -> None:
    told = [f"printf '%s%s\\n' \"$3\" '{line}'" for line in STORIES[story]]
    liar = script(there.home / "liar", LIAR.format(lines="\n".join(told) or 'exec yes "$3{{"'))
    with pytest.raises(TinylmError) as error, session(there, python=liar) as other:
        status(other, show=nothing)
    assert error.value.exit_code in (2, 3)
    assert "\x1b" not in error.value.message
    assert "\u202e" not in error.value.message
