"""Signatures by the real `ssh-keygen`: whose are accepted, and what each refusal says."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from command_line import run

from tinylm.base.errors import TinylmError
from tinylm.bundle import signing
from tinylm.bundle.manifest import MANIFEST, SIGNATURE
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.signing import sign, verify

needs_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="no ssh-keygen; on Debian: apt-get install openssh-client"
)
pytestmark = needs_keygen


def new_key(file: Path, passphrase: str = "", kind: str = "ed25519") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(file)], check=True)
    return file


def public(key: Path) -> str:
    return key.with_suffix(".pub").read_text(encoding="utf-8").strip()


def allow(folder: Path, *lines: str) -> Path:
    file = folder / "allowed_signers"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path / "a key")


@pytest.fixture
def signed(bundle: Bundle, key: Path) -> Bundle:
    (bundle.path / SIGNATURE).write_bytes(sign(bundle, key))
    return bundle


def refusal(bundle: Bundle, signers: Path) -> TinylmError:
    with pytest.raises(TinylmError) as error:
        verify(bundle, signers)
    assert error.value.hint
    return error.value


def test_a_signed_bundle_is_whole_and_names_its_signer(signed: Bundle, key: Path, tmp_path: Path) -> None:
    signer = verify(open_bundle(signed.path, strict=True), allow(tmp_path, f"ana@home {public(key)}"))
    assert signer.principal == "ana@home"
    fingerprint = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(key)], capture_output=True, text=True, check=True
    ).stdout
    assert fingerprint.split()[1] in signer.key


def test_unsigned(bundle: Bundle, key: Path, tmp_path: Path) -> None:
    assert "is not signed" in refusal(bundle, allow(tmp_path, f"ana@home {public(key)}")).message


def test_by_a_stranger(signed: Bundle, tmp_path: Path) -> None:
    stranger = new_key(tmp_path / "other")
    assert "does not allow" in refusal(signed, allow(tmp_path, f"ana@home {public(stranger)}")).message


def test_another_manifest(signed: Bundle, key: Path, tmp_path: Path) -> None:
    manifest = signed.path / MANIFEST
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    changed = open_bundle(signed.path)
    assert "that of another manifest" in refusal(changed, allow(tmp_path, f"ana@home {public(key)}")).message


def test_a_signature_of_another_namespace(bundle: Bundle, key: Path, tmp_path: Path) -> None:
    """The same key signs commits and mail; those are not bundles."""
    made = subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "git"],
        input=(bundle.path / MANIFEST).read_bytes(),
        capture_output=True,
        check=True,
    )
    (bundle.path / SIGNATURE).write_bytes(made.stdout)
    assert "another purpose" in refusal(bundle, allow(tmp_path, f"ana@home {public(key)}")).message


def test_a_key_that_is_allowed_for_something_else(signed: Bundle, key: Path, tmp_path: Path) -> None:
    git_only = allow(tmp_path, f'ana@home namespaces="git" {public(key)}')
    refusal(signed, git_only)
    ours = allow(tmp_path, f'ana@home namespaces="git,{signing.NAMESPACE}" {public(key)}')
    assert verify(signed, ours).principal == "ana@home"


@pytest.mark.parametrize(
    ("validity", "problem"),
    [
        ('valid-before="20250101"', "no longer valid"),
        ('valid-after="29990101"', "not valid yet"),
        ('valid-after="20250101",valid-before="29990101"', None),
    ],
)
def test_validity(signed: Bundle, key: Path, tmp_path: Path, validity: str, problem: str | None) -> None:
    signers = allow(tmp_path, f"ana@home {validity} {public(key)}")
    if problem is None:
        assert verify(signed, signers).principal == "ana@home"
    else:
        assert problem in refusal(signed, signers).message


def test_a_key_change(bundle: Bundle, key: Path, tmp_path: Path) -> None:
    """Both keys stand in the file for a while; what the old one signed is accepted until it expires."""
    new = new_key(tmp_path / "new")
    both = allow(tmp_path, f'ana@home valid-before="29990101" {public(key)}', f"ana@home {public(new)}")
    for one in (key, new):
        (bundle.path / SIGNATURE).write_bytes(sign(bundle, one))
        assert verify(bundle, both).principal == "ana@home"
    gone = allow(tmp_path, f'ana@home valid-before="20250101" {public(key)}', f"ana@home {public(new)}")
    assert verify(bundle, gone).principal == "ana@home"
    (bundle.path / SIGNATURE).write_bytes(sign(bundle, key))
    assert "no longer valid" in refusal(bundle, gone).message


def test_a_clock_of_1970_judges_no_validity(
    signed: Bundle, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "localtime", lambda: time.gmtime(60))
    expired = allow(tmp_path, f'ana@home valid-before="20250101" {public(key)}')
    assert "the clock here says 1970-01-01" in refusal(signed, expired).message
    assert verify(signed, allow(tmp_path, f"ana@home {public(key)}")).principal == "ana@home"


@pytest.mark.parametrize("content", [b"", b"none\n", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n", b"x" * 70000])
def test_what_is_no_signature(signed: Bundle, key: Path, tmp_path: Path, content: bytes) -> None:
    (signed.path / SIGNATURE).write_bytes(content)
    with pytest.raises(TinylmError, match="signature"):
        verify(signed, allow(tmp_path, f"ana@home {public(key)}"))


@pytest.mark.parametrize("content", ["", "no line of that format\n", "\x00\x01\n"])
def test_a_file_of_signers_that_is_none(signed: Bundle, tmp_path: Path, content: str) -> None:
    refusal(signed, allow(tmp_path, content))
    assert "cannot read" in refusal(signed, tmp_path / "none").message


def test_a_key_of_an_agent(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The private half has a passphrase and is not asked for: its agent signs for the `.pub` file."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("no ssh-agent; on Debian: apt-get install openssh-client")
    key = new_key(tmp_path / "open")
    agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    told = dict(part.split("=", 1) for part in agent.replace("\n", "").split(";") if "=" in part)
    try:
        for name, value in told.items():
            monkeypatch.setenv(name.strip(), value)
        subprocess.run(["ssh-add", "-q", str(key)], check=True)
        key.unlink()
        (bundle.path / SIGNATURE).write_bytes(sign(bundle, key.with_suffix(".pub")))
        assert verify(bundle, allow(tmp_path, f"ana@home {public(key)}")).principal == "ana@home"
    finally:
        os.kill(int(told["SSH_AGENT_PID"]), 15)


def test_a_passphrase_is_asked_for_by_ssh_keygen(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = new_key(tmp_path / "locked", "open sesame")
    asks = tmp_path / "asks"
    asks.write_text("#!/bin/sh\necho open sesame\n", encoding="utf-8")
    asks.chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(asks))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    (bundle.path / SIGNATURE).write_bytes(sign(bundle, locked))
    assert verify(bundle, allow(tmp_path, f"ana@home {public(locked)}")).principal == "ana@home"
    asks.write_text("#!/bin/sh\necho wrong\n", encoding="utf-8")
    with pytest.raises(TinylmError, match="does not sign"):
        sign(bundle, locked)


def test_without_openssh(signed: Bundle, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(TinylmError, match="`ssh-keygen` is not installed"):
        sign(signed, key)
    assert "`ssh-keygen` is not installed" in refusal(signed, allow(tmp_path, f"ana@home {public(key)}")).message


def test_no_key_there(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="no key at"):
        sign(bundle, tmp_path / "none")


def test_the_commands(tiny_bundle: Bundle, key: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = Path(shutil.copytree(tiny_bundle.path, tmp_path / "bundle"))
    signers = allow(tmp_path, f"ana@home {public(key)}")
    assert run("bundle", "verify", str(folder), "--signers", str(signers)) == 2
    assert "is not signed" in capfd.readouterr().err
    for _ in range(2):  # a second time the signature of before is replaced
        assert run("bundle", "sign", str(folder), "--key", str(key)) == 0
        assert capfd.readouterr().out.strip() == str(folder / SIGNATURE)
    assert run("bundle", "verify", str(folder), "--signers", str(signers)) == 0
    assert "signature   by ana@home, ED25519 key SHA256:" in capfd.readouterr().out
    assert run("bundle", "verify", str(folder)) == 0
    assert "signature   there, by whom is not looked at" in capfd.readouterr().out
    before = (folder / SIGNATURE).read_bytes()
    assert run("bundle", "sign", str(folder), "--key", str(tmp_path / "allowed_signers")) == 2
    assert (folder / SIGNATURE).read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*(path.name for path in tiny_bundle.path.iterdir()), SIGNATURE]
    )
