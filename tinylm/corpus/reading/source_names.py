"""What a source of text is called: `[LANGUAGE:]PATH`, its name in records and in shell commands, the language that
folders state."""

from __future__ import annotations

import difflib
import errno
import re
import shlex
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.text.documents import UNDETERMINED
from tinylm.text.languages import folder_code, language_code, language_name, nearest_language

BUILT_IN = ("sample", "gutenberg")
"""Sources that are no path."""

_PREFIX = re.compile(r"([^:/\\]{2,}):(.+)", re.DOTALL)  # a single letter is a drive of Windows
_DRIVE = re.compile(r"([A-Za-z]):[\\/]")
_ADDRESS = re.compile(r"(?:^|:)((?:https?|ftp)://.+)")
_LOCAL = re.compile(r"(?:^|:)file://(.+)")


def parse_source(source: str) -> tuple[str | None, Path]:
    """`[LANGUAGE:]PATH`: the language prefix, if it has one, and the path; TinylmError when nothing is named."""
    if not source:
        raise TinylmError("an empty name names no text", "name a file or a folder; this folder is `.`")
    if (match := _PREFIX.fullmatch(source)) and (code := language_code(match[1])):
        return code, Path(match[2]).expanduser()
    return None, Path(source).expanduser()


def display_name(source: str) -> str:
    """The source for records: its prefix and last path component, without the folders of this machine."""
    language, path = parse_source(source)
    name = escaped(path.name or path.resolve().name)
    return f"{language}:{name}" if language else name


def escaped(name: str) -> str:
    """A file name as text: bytes that are not UTF-8, as old archives from Windows have them, become `\\xf1`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def folder_language(folders: tuple[str, ...]) -> str | None:
    """The language that the nearest of `folders` is named by."""
    return next(filter(None, map(folder_code, reversed(folders))), None)


def source_mode(source: str) -> int:
    """`st_mode` of the file or folder that a source names; TinylmError when there is none, or it may not be read."""
    path = parse_source(source)[1]
    try:
        return path.stat().st_mode
    except FileNotFoundError as error:
        raise _unknown_language(source) or _missing(source) from error
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:  # a NUL inside the path
        raise TinylmError(f"{str(path)!r} is not a path: {error}", "name an existing file or folder") from error


def _unknown_language(source: str) -> TinylmError | None:
    """The error for a source that does not exist as it stands, but does without what looks like a language."""
    language, colon, path = source.partition(":")
    if not colon or not path or parse_source(source)[0] or not Path(path).expanduser().exists():
        return None
    if source.startswith("file://"):
        return None
    if near := nearest_language(language):
        hint = f"did you mean `{near}:{path}` ({language_name(near)})?"
    else:
        hint = f"use an ISO 639 code such as `en:{path}`, or `{UNDETERMINED}:{path}` for none"
    return TinylmError(f"the language `{language}` of `{source}` is unknown", hint)


def _missing(source: str) -> TinylmError:
    """The error for a source that does not exist: what people most likely meant by it."""
    language, path = parse_source(source)
    if path.is_symlink():
        target = path.readlink()
        return TinylmError(
            f"`{path}` is a link to `{target}`, which does not exist", "name the file it was meant to be"
        )
    if address := _ADDRESS.search(source):
        hint = f"download it first, for example `curl -LO {address[1]}`"
        return TinylmError(f"`{source}` is an address, and tinylm reads files", hint)
    return TinylmError(f"`{path}` does not exist", _meant(source, language, path))


def _meant(source: str, language: str | None, path: Path) -> str:
    if drive := _DRIVE.match(str(path)):
        return f"drive {drive[1]}: of Windows is often `/mnt/{drive[1].lower()}` here"
    if language and Path(source).exists():
        return f"for the file or folder that is called `{source}`, write `./{source}`"
    if str(path) in BUILT_IN:
        if language:
            return f"`{path}` states its languages itself: leave `{source.partition(':')[0]}:` out"
        return f"here a file or a folder is needed; only --corpus knows `{path}`"
    if local := _LOCAL.search(source):
        return f"name the path alone: `{local[1]}`"
    if str(path) == "-":
        return "write what comes from a pipe into a file first"
    if set("*?") & set(str(path)):
        return "name the folder, or repeat the option for each file"
    if near := difflib.get_close_matches(str(path), BUILT_IN, n=1):
        return f"did you mean `{near[0]}`?"
    return "text is named by its path, such as `novels` or `es:novels`; --corpus also knows `sample` and `gutenberg`"


def unreadable(path: Path, error: OSError) -> TinylmError:
    """A file system error in words."""
    if isinstance(error, FileNotFoundError):
        return TinylmError(f"`{path}` does not exist", "check the path; it may have been removed or renamed")
    if isinstance(error, PermissionError):
        return TinylmError(f"`{path}` may not be read", "give this user read permission, for folders also `x`")
    if error.errno == errno.ELOOP:
        return TinylmError(f"`{path}` is a symbolic link that leads to itself", "name the file it was meant to be")
    return TinylmError(f"cannot read `{path}`: {error.strerror}", "check the disk and the path")


def command(template: str, path: Path) -> str:
    """`template` for one file: `{file}` is its path, `{text}` and `{lines}` those of a new text or JSONL beside it."""
    names = {"file": path, "text": _beside(path, ".txt"), "lines": _beside(path, ".jsonl")}
    for what, name in names.items():
        template = template.replace(f"{{{what}}}", _quoted(str(name)))
    return template


def _beside(path: Path, suffix: str) -> Path:
    """A name for a new file: a command that somebody copies overwrites nothing."""
    new = path.with_suffix(suffix)
    return path.with_name(f"{path.stem}-text{suffix}") if new.exists() else new


def _quoted(name: str) -> str:
    shown = escaped(name)
    return shlex.quote(name) if shown == name else "$'" + shown.replace("'", "\\'") + "'"
