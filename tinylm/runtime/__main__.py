"""`python -m tinylm.runtime BUNDLE --prompt "..."`: generate on a device with nothing but the runtime.

The command `tinylm generate` does the same through `print_text`, and finds the bundle by itself.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tinylm.bundle import open_bundle
from tinylm.errors import TinylmError
from tinylm.runtime.contract import Backend
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import fit_prompt, generate
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer import BOS, Tokenizer


def print_text(
    path: Path,
    *,
    prompt: str,
    max_tokens: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float | None = None,
    seed: int | None = None,
    stop: Sequence[str] = (),
    threads: int = 1,
    backend: Backend = "auto",
) -> None:
    """Write to stdout what the bundle's model says after `prompt`, as it comes; warnings go to stderr.

    None takes the bundle's own default. A closed pipe ends the text quietly. TinylmError as in `open_bundle`, `Engine`
    and `generate`, for text that is not UTF-8, and for more threads than this machine has cores.
    """
    _check_text("--prompt", prompt)
    for text in stop:
        _check_text("--stop", text)
    _check_threads(threads)
    bundle = open_bundle(path)
    defaults = bundle.manifest.generation
    sampling = Sampling(
        temperature=defaults.temperature if temperature is None else temperature,
        top_k=defaults.top_k if top_k is None else top_k,
        top_p=defaults.top_p if top_p is None else top_p,
        repetition_penalty=defaults.repetition_penalty if repetition_penalty is None else repetition_penalty,
        seed=seed,
    )
    limit = defaults.max_tokens if max_tokens is None else max_tokens
    tokenizer = Tokenizer(bundle.tokenizer)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows `?` instead of ending the text
    with Engine(bundle, threads=threads, backend=backend) as engine:
        _warn(tokenizer, prompt, context_length=engine.context_length, max_tokens=limit)
        try:
            for piece in generate(engine, tokenizer, prompt, sampling=sampling, max_tokens=limit, stop=stop):
                print(piece, end="", flush=True)
            print(flush=True)
        except BrokenPipeError:
            # Whoever read us has had enough. Python would complain once more when it flushes stdout at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_text(option: str, text: str) -> None:
    """Refuse what did not arrive as UTF-8: Python keeps such bytes as surrogates, and normalisation drops those."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TinylmError(
            f"{option} is not UTF-8 text: character {error.start + 1} cannot be decoded",
            "write it in a UTF-8 terminal, or convert it with `iconv -t UTF-8`",
        ) from error


def _check_threads(threads: int) -> None:
    """Refuse more threads than this machine has cores: they would only wait for one another."""
    cores = os.cpu_count() or 1
    if threads > cores:
        raise TinylmError(
            f"--threads is {threads}; this machine has {cores} core{'' if cores == 1 else 's'}",
            "use 1" if cores == 1 else f"use 1 to {cores}",
        )


def _warn(tokenizer: Tokenizer, prompt: str, *, context_length: int, max_tokens: int) -> None:
    if hidden := tokenizer.unknown_bytes(prompt):
        print(f"warning: the model does not know some characters of the prompt ({hidden} bytes)", file=sys.stderr)
    ids = [BOS, *tokenizer.encode(prompt)]
    cut = len(ids) - len(fit_prompt(ids, context_length=context_length, max_new_tokens=max_tokens))
    if cut:
        print(f"warning: the prompt is too long; its first {cut} of {len(ids) - 1} tokens are cut", file=sys.stderr)


def main() -> int:
    """Run the command line; returns the exit code: 0, 2 for unusable input, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tinylm.runtime", description="Generate text from a bundle")
    parser.add_argument("bundle", type=Path, help="the bundle's folder")
    parser.add_argument("--prompt", default="", help="the beginning of the text")
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
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    backends = ("auto", "lean", "reference")
    parser.add_argument("--backend", choices=backends, default="auto", help="what runs the model (default auto)")
    options = vars(parser.parse_args())
    try:
        print_text(options.pop("bundle"), **options)
    except TinylmError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nerror: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
