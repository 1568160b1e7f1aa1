"""`python -m tinylm.runtime BUNDLE --prompt "..."`: generate on a device with nothing but the runtime.

The command `tinylm generate` does the same through `print_text`, and finds the bundle by itself.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

from tinylm.base.errors import INTERRUPTED, TinylmError, as_typed, say, show_error
from tinylm.bundle.manifest import open_bundle
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation.generation import fit_prompt, generate
from tinylm.runtime.generation.prompt import check_option, read_prompt
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import BOS, Tokenizer


def print_text(
    path: Path,
    *,
    prompt: str | None,
    max_tokens: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float | None = None,
    seed: int | None = None,
    stop: Sequence[str] = (),
    threads: str = "auto",
    backend: Backend = "auto",
) -> None:
    """Write to stdout what the bundle's model says after `prompt`, as it comes; warnings go to stderr.

    No `prompt`, or `-`, is standard input (`tinylm.runtime.generation.prompt`). `threads` is a number, or `auto` for
    what is fastest here (`tinylm.runtime.threads`). None takes the bundle's own default. A closed pipe ends the text
    quietly. TinylmError as in `open_bundle`, `Engine` and `generate`, for text that is not UTF-8, and for more threads
    than this machine has cores.
    """
    prompt = read_prompt(prompt)
    for text in stop:
        check_option("--stop", text)
    number = _parse_threads(threads)
    bundle = open_bundle(path)
    if bundle.warning:
        say(bundle.warning)
    defaults = bundle.manifest.generation
    try:
        sampling = Sampling(
            temperature=defaults.temperature if temperature is None else temperature,
            top_k=defaults.top_k if top_k is None else top_k,
            top_p=defaults.top_p if top_p is None else top_p,
            repetition_penalty=defaults.repetition_penalty if repetition_penalty is None else repetition_penalty,
            seed=seed,
        )
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
        try:
            for piece in generate(engine, tokenizer, prompt, sampling=sampling, max_tokens=limit, stop=stop):
                print(piece, end="", flush=True)
            print(flush=True)
        except BrokenPipeError:
            # Whoever read us has had enough. Python would complain once more when it flushes stdout at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse_threads(threads: str) -> int | None:
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


class _Parser(argparse.ArgumentParser):
    """Its errors look like all others."""

    def error(self, message: str) -> NoReturn:
        raise TinylmError(message, f"`{self.prog} --help` explains the options")


def main() -> int:
    """Run the command line; returns the exit code: 0, 2 for unusable input, 130 after Ctrl-C."""
    parser = _Parser(prog="python -m tinylm.runtime", description="Generate text from a bundle")
    parser.add_argument("bundle", type=Path, help="the bundle's folder")
    parser.add_argument("--prompt", help="the beginning of the text; `-` reads it from standard input, as a pipe does")
    for name, kind, text in (
        ("max-tokens", int, "the most tokens to write"),
        ("temperature", float, "0 takes the likeliest token; higher is more varied"),
        ("top-k", int, "draw from the k likeliest tokens only; 0 is off"),
        ("top-p", float, "draw from the likeliest tokens with this probability in all; 1 is off"),
        ("repetition-penalty", float, "above 1 avoids tokens that were seen; 1 is off"),
        ("seed", int, "the same seed gives the same text"),
    ):
        parser.add_argument(f"--{name}", type=kind, help=text)
    parser.add_argument("--stop", action="append", default=[], help="end before this text; may be given again")
    parser.add_argument("--threads", default="auto", help="processor threads; auto: what is fastest here (default)")
    backends = ("auto", "lean", "reference")
    parser.add_argument("--backend", choices=backends, default="auto", help="what runs the model (default auto)")
    try:
        options = vars(parser.parse_args())
        print_text(options.pop("bundle"), **options)
    except KeyboardInterrupt:
        return _failed(TinylmError("interrupted", exit_code=INTERRUPTED))
    except TinylmError as error:
        return _failed(error)
    return 0


def _failed(error: TinylmError) -> int:
    show_error(error)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
