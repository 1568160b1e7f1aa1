"""The bearer token that clients must send: made once, kept in a file that nobody else can read."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sync_folder
from tinylm.base.state_folder import state_folder

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")  # what a header `Authorization: Bearer` can hold (RFC 6750)
_NAME = "serve-token"


def own_token_file() -> Path:
    """`serve-token` in the user's folder for state."""
    folder = state_folder()
    if folder is None:
        raise TinylmError("there is no home folder to keep a token in", "name a file with `--token-file`")
    return folder / _NAME


def read_or_make(path: Path) -> str:
    """The token in `path`; a new one where there is no such file, of two processes at once the same."""
    if not path.exists():
        _make(path)
    return read_token(path)


def read_token(path: Path) -> str:
    """The token in `path`; TinylmError when others can read the file, or it holds no token."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise TinylmError(f"`{path}` is no file", "name a file with a token")
            if status.st_mode & 0o077:
                raise TinylmError(
                    f"others on this machine can read the token in `{path}` (its mode is {status.st_mode & 0o777:03o})",
                    f"chmod 600 {path}; make another token if somebody may have read it",
                )
            if status.st_uid not in (os.getuid(), 0):
                raise TinylmError(f"the token in `{path}` belongs to another user", "name a file of your own")
            text = file.read(1024).decode("ascii", errors="replace").strip()
    except OSError as error:
        raise TinylmError(f"cannot read the token in `{path}`: {error.strerror}", "look at the path") from error
    if not _TOKEN.fullmatch(text):
        raise TinylmError(
            f"`{path}` holds no token: 16 to 512 letters, digits and `._~+/=-` on one line are needed",
            f"python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > {path}",
        )
    return text


def _make(path: Path) -> None:
    """Under a temporary name, synced, and linked: never half a token, and never over one that is there."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(partial, path)
            except FileExistsError:  # another server was faster: its token holds
                return
            sync_folder(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise TinylmError(
            f"cannot make a token in `{path}`: {error.strerror}", "name a file with `--token-file`"
        ) from error
