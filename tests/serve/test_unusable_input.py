"""What a server cannot start with: told in two lines with exit code 2, before anything is served."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tinylm.base.package import child_environment
from tinylm.bundle import manifest as contract
from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import write_bundle

MakeBundle = Callable[..., Bundle]


def refused(*words: str | Path) -> str:
    """What `tinylm serve` says of it."""
    command = [sys.executable, "-P", "-m", "tinylm", "serve", *map(str, words), "--port", "0", "--threads", "1"]
    done = subprocess.run(
        command,
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr


def changed(bundle: Bundle, folder: Path, **fields: object) -> Path:
    """The bundle with another manifest."""
    contents = {name: (bundle.path / name).read_bytes() for name in contract.REQUIRED}
    return write_bundle(folder, replace(bundle.manifest, **fields), contents).path  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bundle(make_bundle: MakeBundle) -> Bundle:
    return make_bundle(scheme="int8", byte_fallback=True, context_length=64)


def test_a_template_with_an_error(bundle: Bundle, tmp_path: Path) -> None:
    broken = changed(bundle, tmp_path / "broken", chat_template="{% for message in messages %}\n{{ message.content }\n")
    said = refused(broken)
    assert said.startswith("error: the chat template has an error in line 2: ")
    assert "\n\nhint: " in said


def test_settings_that_no_request_could_use(bundle: Bundle, tmp_path: Path) -> None:
    hot = changed(bundle, tmp_path / "hot", generation=contract.GenerationDefaults(temperature=500.0))
    assert "error: `temperature` is 500.0; 0, or 0.001 to 100 is needed" in refused(hot)


def test_a_file_that_is_not_the_one_that_was_exported(bundle: Bundle, tmp_path: Path) -> None:
    shutil.copytree(bundle.path, tmp_path / "bundle")
    model = tmp_path / "bundle" / contract.MODEL
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    assert contract.MODEL in refused(tmp_path / "bundle")


def test_no_memory_for_a_second_bundle(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """134 MB of caches each: the first has them to take, though it has not taken them yet."""
    bundle = make_bundle(context_length=4096)
    second = changed(bundle, tmp_path / "second", name="second")
    budget = tmp_path / "board.toml"
    shipped = (Path(__file__).parents[2] / "budgets" / "host.toml").read_text(encoding="utf-8")
    budget.write_text(
        "\n".join("peak_rss_mb = 256" if line.startswith("peak_rss_mb") else line for line in shipped.splitlines()),
        encoding="utf-8",
    )
    said = refused(bundle.path, second, "--parallel", "64", "--budget", budget)
    assert "error: `second` needs about 13" in said
    assert " MB beside `test`, and the budget leaves " in said
    assert "\n\nhint: serve fewer bundles, fewer texts at a time (`--parallel`), or a smaller model\n" in said


@pytest.mark.parametrize(
    ("mode", "text", "expected"),
    [
        (0o644, "a-token-of-some-length\n", "others on this machine can read the token in `{}` (its mode is 644)"),
        (0o640, "a-token-of-some-length\n", "others on this machine can read the token in `{}` (its mode is 640)"),
        (0o600, "short\n", "`{}` holds no token: 16 to 512 letters, digits and `._~+/=-` on one line are needed"),
        (0o600, "", "`{}` holds no token: 16 to 512 letters, digits and `._~+/=-` on one line are needed"),
    ],
)
def test_a_token_file_that_is_none(bundle: Bundle, tmp_path: Path, mode: int, text: str, expected: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    file.chmod(mode)
    said = refused(bundle.path, "--token-file", file)
    assert said.startswith(f"error: {expected.format(file)}\n\nhint: ")
    assert "a-token" not in said
