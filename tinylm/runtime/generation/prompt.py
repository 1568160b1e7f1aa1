"""Where a prompt comes from: the option `--prompt`, or standard input.

    tinylm generate --prompt "Once upon"
    echo "Once upon" | tinylm generate          # the same
    tinylm generate --prompt - < letter.txt     # `-` waits for standard input, however long it takes

Without `--prompt` only a file or a pipe is read, and a pipe that says nothing is left alone after a second: a program
or a connection that started this one may hold it open and never write.
"""

from __future__ import annotations

import os
import select
import stat
import sys

from tinylm.base.errors import TinylmError, say
from tinylm.runtime.generation.generation import MAX_TEXT_CHARACTERS, check_text

OPTION = "--prompt"
_PATIENCE_S = 1.0
_MOST_BYTES = 4 * MAX_TEXT_CHARACTERS + 1  # no character of UTF-8 has more than 4 bytes


def read_prompt(given: str | None) -> str:
    """The prompt; "" where there is none. TinylmError for what is too long, or not UTF-8."""
    if given == "-" or (given is None and _has_text()):
        return _read_stdin()
    return check_option(OPTION, given or "")


def check_option(option: str, text: str) -> str:
    """`text`; refuses what is too long, or not UTF-8: Python keeps such bytes as surrogates, and they would be lost."""
    check_text(text, what=option)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _not_utf8(option, error.start, "character") from error
    return text


def _has_text() -> bool:
    """Is standard input a file, or a pipe that has something to say (or has ended) within a second?"""
    try:
        stdin = sys.stdin.fileno()
        kind = os.fstat(stdin).st_mode
    except (AttributeError, ValueError, OSError):  # closed
        return False
    if stat.S_ISREG(kind):
        return True
    if not stat.S_ISFIFO(kind):  # a terminal, a socket, the null device
        return False
    if select.select([stdin], [], [], _PATIENCE_S)[0]:
        return True
    say("note: nothing came on standard input, so there is no prompt; `--prompt -` waits for it")
    return False


def _read_stdin() -> str:
    """All of standard input, without the line end that `echo` adds."""
    data = sys.stdin.buffer.read(_MOST_BYTES) if sys.stdin else b""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if len(data) < _MOST_BYTES:
            raise _not_utf8("the prompt on standard input", error.start, "byte") from error
        text = data.decode(errors="replace")  # cut within a character; it is too long anyway
    check_text(text, what="the prompt on standard input")
    return text.removesuffix("\n").removesuffix("\r")


def _not_utf8(what: str, place: int, unit: str) -> TinylmError:
    return TinylmError(
        f"{what} is not UTF-8 text: {unit} {place + 1} cannot be decoded",
        "write it in a UTF-8 terminal, or convert it with `iconv -t UTF-8`",
    )
