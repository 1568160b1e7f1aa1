"""What `tinylm deploy` makes of its arguments, before any device is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run
from deployments import Device, budget


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("pi@host:22", "--status"), "is no `user@host`"),
        (("pi@host;reboot", "--status"), "is no `user@host`"),
        (("pi@-oProxyCommand=x", "--status"), "is no `user@host`"),
        (("pi@$(reboot)", "--status"), "is no `user@host`"),
        (("pi@host", "--port", "x"), "--port"),
        (("pi@host", "--port", "70000"), "--port"),
        (("pi@host", "--keep", "1"), "--keep"),
        (("pi@host", "nothing"), "no bundle at `nothing`"),
        (("pi@host", "nothing", "--remove"), "no bundle is deployed"),
        (("pi@host", "--status", "--remove"), "four things"),
    ],
)
def test_what_cannot_be_understood(
    arguments: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("deploy", *arguments) == 2
    told = capsys.readouterr()
    assert problem in told.err
    assert told.out == ""


@pytest.mark.parametrize("typo", ["an unknown name", "a wrong key", "no TOML"])
def test_a_budgets_typo_is_found_before_anything_is_copied(
    fresh: Device, bundle: Path, tmp_path: Path, typo: str
) -> None:
    mine = budget(tmp_path)
    text = mine.read_text(encoding="utf-8")
    given: str | Path = "pi-zero" if typo == "an unknown name" else mine
    mine.write_text(text + "latency = 5\n" if typo == "a wrong key" else text + "latency =\n", encoding="utf-8")
    result = fresh.deploy(bundle, "--budget", given)
    assert result.returncode == 2
    assert ("error: unknown budget `pi-zero`" if given == "pi-zero" else f"`{mine}`") in result.stderr
    assert not fresh.root.exists()


def test_a_python_with_every_shell_character_is_one_word(fresh: Device, bundle: Path) -> None:
    result = fresh.deploy(bundle, "--python", "no such/py'$(touch hacked);thon `touch hacked`")
    assert result.returncode == 2
    assert "there is no Python on" in result.stderr
    assert not (fresh.home / "hacked").exists()
