"""What `tinylm generate` and `python -m tinylm.runtime` do: a prompt from the command line or a pipe, text to stdout.

    tinylm generate --prompt "Once upon"
    echo "Once upon" | tinylm generate          # the same
    tinylm generate --prompt - < letter.txt     # `-` waits for standard input, however long it takes

Without `--prompt` only a file or a pipe is read, and a pipe that says nothing is left alone after a second: a program
or a connection that started this one may hold it open and never write.
"""

from __future__ import annotations

import io
import os
import select
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError, as_typed, say
from tinylm.bundle.reading import open_bundle
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.completion import generate
from tinylm.runtime.content_filter import FilterGate, load_filter, text_gates
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import MAX_TEXT_CHARACTERS, check_text, fit_prompt
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import BOS, Tokenizer

_PATIENCE_S = 1.0
_MOST_BYTES = 4 * MAX_TEXT_CHARACTERS + 1  # no character of UTF-8 has more than 4 bytes


def print_text(
    path: Path,
    *,
    prompt: str | None,
    max_tokens: int | None = None,
    sampling: Mapping[str, Any],
    stop: Sequence[str] = (),
    threads: str = "auto",
    backend: Backend = "auto",
    filter: str | None = None,
    redact: bool = False,
) -> None:
    """Write to stdout what the bundle's model says after `prompt`, as it comes; warnings go to stderr.

    No `prompt`, or `-`, is standard input. `sampling` holds fields of `Sampling`; None, and `max_tokens` of None, take
    the bundle's own default. `threads` is a number, or `auto` for what is fastest here (`tinylm.runtime.threads`).
    `filter` is what `load_filter` takes; with `redact`, e-mail addresses and telephone numbers are not written. A
    closed pipe ends the text quietly. TinylmError as in `open_bundle`, `Engine` and `generate`, for a prompt that the
    filter refuses, for text that is not UTF-8, and for more threads than this machine has cores.
    """
    prompt = read_prompt(prompt)
    for text in stop:
        check_option("--stop", text)
    content_filter = load_filter(filter)
    if content_filter is not None:
        content_filter.check(prompt)
    number = parse_threads(threads)
    bundle = open_bundle(path)
    if bundle.warning:
        say(bundle.warning)
    defaults = bundle.manifest.generation
    given = {name: value for name, value in sampling.items() if value is not None}
    try:
        chosen = replace(Sampling.of(defaults), **given)
    except TinylmError as error:
        flags = {field.name: "--" + field.name.replace("_", "-") for field in fields(Sampling)}
        raise TinylmError(as_typed(error.message, flags), error.hint) from error
    limit = defaults.max_tokens if max_tokens is None else max_tokens
    if limit < 1:
        raise TinylmError(f"--max-tokens is {limit}; at least 1 is needed", "leave it out for the bundle's own")
    tokenizer = Tokenizer(bundle.tokenizer)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows `?` instead of ending the text
    if number is None:
        from tinylm.runtime.threads import calibrated_threads  # not loaded when a number is given

        number = calibrated_threads(bundle, backend=backend)
    with Engine(bundle, threads=number, backend=backend) as engine:
        _warn(tokenizer, prompt, context_length=engine.context_length, max_tokens=limit)
        gates = text_gates(content_filter, prompt=prompt, redact=redact)
        try:
            for piece in generate(engine, tokenizer, prompt, sampling=chosen, max_tokens=limit, stop=stop, gates=gates):
                print(piece, end="", flush=True)
            print(flush=True)
        except BrokenPipeError:
            # The reader has closed the pipe. Python would complain once more when it flushes stdout at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for gate in gates:
        if isinstance(gate, FilterGate) and gate.blocked:
            say(f"note: {gate.told}")


def parse_threads(threads: str) -> int | None:
    """The number, or None for `auto`; refuses more than this machine has cores: they would wait for one another."""
    if threads == "auto":
        return None
    cores = os.cpu_count() or 1
    number = int(threads) if threads.isascii() and threads.isdigit() and len(threads) < 10 else 0
    if not 1 <= number <= cores:
        raise TinylmError(
            f"--threads is {threads[:40]}; this machine has {cores} core{'' if cores == 1 else 's'}",
            "use 1 or `auto`" if cores == 1 else f"use 1 to {cores}, or `auto` for what is fastest here",
        )
    return number


def _warn(tokenizer: Tokenizer, prompt: str, *, context_length: int, max_tokens: int) -> None:
    if hidden := tokenizer.unknown_bytes(prompt):
        say(f"warning: the model does not know some characters of the prompt ({hidden} bytes)")
    ids = [BOS, *tokenizer.encode(prompt)]
    cut = len(ids) - len(fit_prompt(ids, context_length=context_length, max_new_tokens=max_tokens))
    if cut:
        say(f"warning: the prompt is too long; its first {cut} of {len(ids) - 1} tokens are cut")


def read_prompt(given: str | None) -> str:
    """The prompt; "" where there is none. TinylmError for what is too long, or not UTF-8."""
    if given == "-" or (given is None and _has_text()):
        return _read_stdin()
    return check_option("--prompt", given or "")


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
