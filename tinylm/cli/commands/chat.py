"""`tinylm chat`: a conversation in the terminal, with a bundle or with a server."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.cli.options.bundle import Backend, Threads
from tinylm.cli.options.content_filter import Filter, Redact
from tinylm.cli.options.sampling import TEXT, MaxTokens, RepetitionPenalty, Seed, Stop, Temperature, TopK, TopP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinylm.chat.contract import ChatBackend
    from tinylm.chat.screen import Screen
    from tinylm.chat.session import Session

_ADDRESS = re.compile(r"[\w.-]+:\d{1,5}(/.*)?")


def chat(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="BUNDLE|URL",
            help="A bundle, a run that has one, or the address of a server; the latest run's bundle when left out.",
        ),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|@FILE", rich_help_panel=TEXT, help="What the model is told first.", show_default="nothing"
        ),
    ] = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    repetition_penalty: RepetitionPenalty = None,
    seed: Seed = None,
    stop: Stop = None,
    filter: Filter = None,
    redact: Redact = False,
    threads: Threads = "auto",
    backend: Backend = "auto",
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel="Server",
            help="A file with the token that the server at URL wants.",
            show_default="TINYLM_TOKEN",
        ),
    ] = None,
) -> None:
    """Talk with a model, here or on a server; `/help` shows what can be done meanwhile.

    Lines from a pipe are answered one by one, on standard output.
    """
    from tinylm.base.errors import TinylmError, as_typed
    from tinylm.chat.commands import read_system
    from tinylm.chat.session import Session
    from tinylm.chat.settings import NAMES, Settings
    from tinylm.chat.talk import introduction, talk
    from tinylm.runtime.print_text import check_option

    for text in stop or ():
        check_option("--stop", text)
    try:
        settings = Settings(
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            repetition_penalty=repetition_penalty,
            max_tokens=max_tokens,
            seed=seed,
            stop=tuple(stop or ()),
        )
    except TinylmError as error:
        flags = {name: "--" + name.replace("_", "-") for name in NAMES}
        raise TinylmError(as_typed(error.message, flags), error.hint) from error
    told = None if system is None else read_system(system)
    interactive = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    answering: ChatBackend
    if model is not None and "://" in model:
        served = {
            "--filter": filter,
            "--redact": redact,
            "--threads": threads != "auto",
            "--backend": backend != "auto",
        }
        given = [option for option, given in served.items() if given]
        answering = _server(model, token_file, given, tell=lambda line: screen.note(line))
    else:
        from tinylm.chat.local import LocalBackend
        from tinylm.runtime.content_filter import load_filter

        answering = LocalBackend(
            _path(model), threads=threads, backend=backend, content_filter=load_filter(filter), redact=redact
        )
    try:
        session = Session(answering, settings=settings, system=told)
        screen = _screen(session, interactive=interactive)
        if interactive:
            screen.show("\n".join(introduction(session)))
        talk(session, screen)
    finally:
        answering.close()


def _server(url: str, token_file: Path | None, given: list[str], *, tell: Callable[[str], None]) -> ChatBackend:
    """What answers at `url`; TinylmError for `given` options, which are not the client's to choose."""
    from tinylm.base.errors import TinylmError
    from tinylm.chat.remote import RemoteBackend

    if given:
        raise TinylmError(f"{given[0]} is for the server to choose", f"leave it out, or give it to what serves {url}")
    if token_file is None:
        token = os.environ.get("TINYLM_TOKEN")
    else:
        from tinylm.serve.token_file import read_token

        token = read_token(token_file)
    return RemoteBackend(url, token=token or None, tell=tell)


def _path(named: str | None) -> Path | None:
    """The bundle or run that is named; TinylmError for what can only be an address."""
    from tinylm.base.errors import TinylmError

    if named is not None and not os.path.lexists(named) and _ADDRESS.fullmatch(named):
        raise TinylmError(f"`{named}` is no bundle here", f"did you mean http://{named}?")
    return None if named is None else Path(named)


def _screen(session: Session, *, interactive: bool) -> Screen:
    """A terminal where there is one, else lines."""
    from tinylm.base.errors import TinylmError
    from tinylm.chat.screen import PlainScreen

    if not interactive or os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return PlainScreen(interactive=interactive)
    try:
        from tinylm.chat.terminal import Terminal  # a third of the memory, for a terminal only
    except ModuleNotFoundError as error:
        if error.name != "prompt_toolkit":
            raise
        raise TinylmError(
            "a conversation in a terminal needs prompt_toolkit, which is not installed",
            'install what chatting needs: pip install "tinylm[serve]"; or set TERM=dumb for plain lines',
        ) from None
    return Terminal(session)
