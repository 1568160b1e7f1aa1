"""Who vouches for a bundle: OpenSSH's own signatures, because everyone who deploys over ssh has a key.

    write_atomic(bundle.path / SIGNATURE, sign(bundle, key))
    signer = verify(bundle, signers)        # TinylmError unless someone in `allowed_signers` signed this bundle

`manifest.json` is what is signed: it lists the hash of every other file. Keys, agents, passphrases and hardware are the
system's `ssh-keygen`'s business. Its words are shown, and its exit code decides.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes
from tinylm.base.printable import printable
from tinylm.bundle.manifest import MANIFEST, SIGNATURE
from tinylm.bundle.reading import Bundle

NAMESPACE = "tinylm-bundle"
"""What a signature is for: one for git or mail, made with the same key, is none for a bundle."""
_MAX_SIGNATURE_BYTES = 65536
_FIRST_YEAR = 2025
"""Before there is nothing to verify: a board without a battery begins in 1970."""
_GOOD = re.compile(r"^Good \"\S+\" signature for .* with (\S+ key \S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Signer:
    """Whose signature a bundle carries."""

    principal: str
    """As `allowed_signers` names them."""
    key: str
    """The kind of key and its fingerprint."""


def sign(bundle: Bundle, key: Path) -> bytes:
    """The signature of `bundle` with `key`, a private key or the public half of one that an agent or a token holds."""
    if not key.is_file():
        raise TinylmError(
            f"no key at `{key}`", "make one with `ssh-keygen -t ed25519`, or name the one that you log in with"
        )
    # By stdin and stdout: beside a file, an old signature would stay and the exit code would be 0. What ssh-keygen asks
    # for (a passphrase, a touch of a token) goes to the terminal past this process.
    made = _keygen(["-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE], _signed_bytes(bundle), stderr=None)
    if made.returncode or not made.stdout:
        raise TinylmError(
            f"`ssh-keygen` does not sign with `{key}`",
            "its words stand above; where no terminal can ask for a passphrase, `ssh-add` the key to an agent and name"
            " its `.pub` file",
        )
    return made.stdout


def verify(bundle: Bundle, signers: Path) -> Signer:
    """Who signed `bundle`, among those in the file `signers` (ALLOWED SIGNERS in `man ssh-keygen`).

    TinylmError for a bundle that is unsigned, changed, signed for something else, or by a key that is not listed there,
    not valid yet or no longer.
    """
    try:
        listed = signers.read_bytes()
    except OSError as error:
        raise TinylmError(
            f"cannot read `{signers}`: {error.strerror}", "name a file as `allowed_signers` is"
        ) from error
    now = time.localtime()  # OpenSSH before 9.1 reads no other
    if now.tm_year < _FIRST_YEAR and b"valid-" in listed.lower():
        raise TinylmError(
            f"the clock here says {time.strftime('%Y-%m-%d', now)}, and `{signers}` limits when keys are valid",
            "set the clock (`timedatectl`), and try again",
        )
    data, signature = _signed_bytes(bundle), _signature(bundle)
    # The same moment for both calls: the first looks at validity too.
    common = [
        "-f",
        str(signers),
        "-s",
        str(signature),
        "-O",
        f"verify-time={time.strftime('%Y%m%d%H%M%S', now)}",
    ]
    found = _keygen(["-Y", "find-principals", *common], data)
    said = [found.stderr]
    for principal in found.stdout.decode(errors="replace").splitlines() if found.returncode == 0 else ():
        # Whose key it is says nothing of what it signed, nor for what: that is the second call's answer.
        done = _keygen(["-Y", "verify", "-I", principal, "-n", NAMESPACE, *common], data)
        good = _GOOD.search(done.stdout.decode(errors="replace"))
        if done.returncode == 0 and good:
            return Signer(printable(principal), printable(good[1]))
        said.append(done.stderr)
    raise _refusal(bundle, signers, b"\n".join(said).decode(errors="replace"))


def _refusal(bundle: Bundle, signers: Path, said: str) -> TinylmError:
    """What ssh-keygen's words mean; any that are not known are shown as they are."""
    signature = f"the signature of `{bundle.path}`"
    again = "have it signed again: `tinylm bundle sign`"
    if "key has expired" in said:
        return TinylmError(
            f"{signature} is by a key that is no longer valid", f"{again}, with a key that is in `{signers}`"
        )
    if "key is not yet valid" in said:
        return TinylmError(
            f"{signature} is by a key that is not valid yet", "is the clock right? see `valid-after` there"
        )
    if "namespace does not match" in said:
        return TinylmError(f"{signature} was made for another purpose than `{NAMESPACE}`", again)
    if "incorrect signature" in said:
        return TinylmError(
            f"{signature} is that of another manifest", f"the bundle was changed after it was signed; {again}"
        )
    if "parse signature" in said:
        return TinylmError(f"{signature} is damaged", again)
    if "nknown option" in said or "nvalid option" in said or "nsupported operation" in said or "usage:" in said:
        return TinylmError("`ssh-keygen` here is too old to verify signatures", "it takes OpenSSH 8.9 or newer")
    if "No principal matched" in said and ": " not in said:
        return TinylmError(
            f"{signature} is by a key that `{signers}` does not allow", "add the signer there, if you trust them"
        )
    return TinylmError(f"{signature} is not accepted: {printable(said.strip())[:300]}", f"see `{signers}`, or {again}")


def _signature(bundle: Bundle) -> Path:
    file = bundle.path / SIGNATURE
    if not file.is_file():
        raise TinylmError(f"`{bundle.path}` is not signed", "sign it where it was made: `tinylm bundle sign`")
    if file.stat().st_size > _MAX_SIGNATURE_BYTES:
        raise TinylmError(f"`{file}` has {file.stat().st_size} bytes; a signature has at most {_MAX_SIGNATURE_BYTES}")
    return file


def _signed_bytes(bundle: Bundle) -> bytes:
    """The manifest that was opened, and no other that took its place since."""
    data = (bundle.path / MANIFEST).read_bytes()
    if sha256_bytes(data) != bundle.manifest_sha256:
        raise TinylmError(f"`{bundle.path / MANIFEST}` changed while it was read", "try again")
    return data


def _keygen(
    arguments: list[str], data: bytes, *, stderr: int | None = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments], input=data, stdout=subprocess.PIPE, stderr=stderr, check=False
        )
    except FileNotFoundError as error:
        raise TinylmError("`ssh-keygen` is not installed", "on Debian: sudo apt-get install openssh-client") from error
