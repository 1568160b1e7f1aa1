"""What went wrong between here and the device, in words, and what to do about it.

The words of ssh are looked for in English, which is all it speaks; what the system adds is English where LC_ALL is C.
"""

from __future__ import annotations

import shlex

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable

LOST = 3
"""The exit code when the connection broke: what would have been the result is not known."""


def login_failure(said: str, target: str, port: int | None) -> TinylmError:
    """Why nobody could log in to `target`, from what ssh `said`."""
    host = target.rpartition("@")[2]
    login = f"ssh {f'-p {port} ' if port else ''}{target}"
    known_as = host if port in (None, 22) else f"[{host}]:{port}"
    denied = "Permission denied (" in said
    cases = (
        (
            "Could not resolve hostname" in said,
            f"`{host}` is not known here: no address was found for the name",
            "look at the spelling; a name that ends in `.local` is known only in the device's own network, and where"
            " this computer understands mDNS (on Debian: `apt install libnss-mdns`); its address, such as 192.168.1.20,"
            " works too",
        ),
        (
            "IDENTIFICATION HAS CHANGED" in said,
            f"`{host}` has another host key than the one that is known here",
            "if its system was installed anew, or another device has its address now, forget the old key with"
            f" `ssh-keygen -R {shlex.quote(known_as)}` and log in once with `{login}`; if not, somebody may be between"
            " you and it",
        ),
        (
            "Host key verification failed" in said,
            f"the host key of `{host}` is not known here yet",
            f"log in once with `{login}`, and accept the key if it is the device's",
        ),
        (
            "Too many authentication failures" in said,
            f"`{target}` was offered too many keys, and hung up before the right one",
            "name the key for this host in ~/.ssh/config: `IdentityFile`, and `IdentitiesOnly yes`",
        ),
        (
            denied and ("password" in said or "keyboard-interactive" in said),
            f"`{target}` asks for a password: no key of yours is accepted there",
            f"`ssh-copy-id {f'-p {port} ' if port else ''}{target}` lets your key in; is the user's name right?",
        ),
        (
            denied,
            f"`{target}` accepts no key of yours, and no password either",
            "add your public key to ~/.ssh/authorized_keys there, at its own keyboard or in the imager that made its"
            " card; is the user's name right?",
        ),
        (
            "Connection refused" in said,
            f"`{host}` is there, but no ssh server answers on port {port or 22}",
            "turn ssh on: `sudo raspi-config` there, or an empty file `ssh` in the card's boot partition; is the port"
            " right? after a start it takes a minute",
        ),
        (
            any(w in said for w in ("timed out", "No route to host", "Network is unreachable", "Host is down")),
            f"`{host}` does not answer",
            f"is it on, and in the same network? `ping {host}` says more",
        ),
        (
            any(w in said for w in ("Connection closed", "Connection reset", "closed by remote host")),
            f"`{host}` hung up before the login",
            "it may be starting still, or blocking this computer after failed logins: wait a minute, and look at"
            f" `{login}`",
        ),
    )
    for matches, problem, hint in cases:
        if matches:
            return TinylmError(problem, hint)
    return TinylmError(f"ssh cannot log in to `{target}`", f"`{login}` must work, without a password")


def device_failure(code: str, words: str, root: str) -> TinylmError:
    """A request that the device could not do: `code` names an error of its system, or a refusal of the agent."""
    if code == "locked":
        return TinylmError(
            f"somebody else is deploying to it: {printable(words)}",
            "wait until they are done; a deployment that died lets go by itself after two minutes",
            exit_code=LOST,
        )
    known = {
        "ENOSPC": (
            "the disk is full there",
            f"see `df -h ~; df -i ~` there, and remove what is not needed from {root}",
        ),
        "EDQUOT": ("the disk is full there", f"see `quota` there, and remove what is not needed from {root}"),
        "EROFS": (
            "the file system is read-only there",
            "a card that fails is often mounted so: see `dmesg | tail` there",
        ),
        "EACCES": (f"`{root}` belongs to somebody else there", f"see `ls -ld {root} {root}/*` there"),
        "EPERM": (f"`{root}` belongs to somebody else there", f"see `ls -ld {root} {root}/*` there"),
        "EIO": ("the disk fails there", "see `dmesg | tail` there; a card that does this is to be replaced"),
    }
    problem, hint = known.get(code, (f"the device cannot do it: {printable(words)[:200]}", f"look at `{root}` there"))
    return TinylmError(problem, hint)
