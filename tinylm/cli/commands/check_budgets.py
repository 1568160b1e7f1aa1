"""`tinylm check-budgets`: does a bundle fit a device; the answer on stdout and in the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.budget import WHAT, Against, budget_option, read_earlier
from tinylm.cli.options.bundle import Backend, opened_bundle
from tinylm.cli.options.output import Certify, Html, Json, Junit, Markdown, Outputs

_MOST_MINUTES = 24 * 60

if TYPE_CHECKING:
    from tinylm.budget.spec.candidate import Candidate


def check_budgets(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            help="A bundle, a run that has one, or the `decoder.toml` of a model from elsewhere;"
            " the latest run's bundle when left out."
        ),
    ] = None,
    budget: Annotated[str, budget_option()] = "pi-zero-2w",
    json: Json = False,
    certify: Certify = False,
    backend: Backend = "auto",
    soak: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            rich_help_panel=WHAT,
            help="Also measure sustained load, with temperature and clock over time.",
        ),
    ] = None,
    enforce: Annotated[
        bool,
        typer.Option(
            "--enforce", rich_help_panel=WHAT, help="Also run under the kernel's own limit of the budget's memory."
        ),
    ] = False,
    against: Against = None,
    virtual_pi: Annotated[
        bool,
        typer.Option(
            "--virtual-pi",
            rich_help_panel=WHAT,
            help="On an emulated board instead of here: ARM code, estimated times.",
        ),
    ] = False,
    junit: Junit = None,
    markdown: Markdown = None,
    html: Html = None,
) -> None:
    """Measure a bundle, or another model's graph, here against a device's budget: memory, latency, size, quality.

    Exit code 0: it fits. 1: a limit is exceeded, or something regressed. 2: bundle, budget or old report cannot be
    used. 3: undecided, or not comparable.
    """
    _check_options(soak=soak, enforce=enforce, virtual_pi=virtual_pi)
    outputs = Outputs(json=json, certify=certify, junit=junit, markdown=markdown, html=html)
    if virtual_pi:
        from tinylm.cli.commands.virtual_pi import Emulator, check_emulated

        check_emulated(bundle, budget=budget, backend=backend, against=against, emulator=Emulator(), outputs=outputs)

    from tinylm.budget.check import CheckOptions, check_candidate
    from tinylm.budget.spec.budget import load_budget

    outputs.check(against, Path(budget))
    old = read_earlier(against)
    limits = load_budget(budget)
    candidate = _candidate(bundle, strict=certify)
    outputs.check(candidate.path)
    say(f"checking {candidate.path} against {limits.name} ({limits.description})")
    options = CheckOptions(backend=backend, soak_minutes=soak, enforce=enforce, against=old)
    outputs.finish(check_candidate(candidate, limits, announce=say, options=options))


def _check_options(*, soak: float | None, enforce: bool, virtual_pi: bool) -> None:
    """TinylmError for options that mean nothing, or nothing together."""
    from tinylm.base.errors import TinylmError

    if soak is not None and not 0 < soak <= _MOST_MINUTES:
        raise TinylmError(f"`--soak` is {soak:g} minutes; more than 0 and at most {_MOST_MINUTES} is needed")
    if virtual_pi and (soak is not None or enforce):
        raise TinylmError(
            "an emulated board has no heat and no memory of its own: `--soak` and `--enforce` mean nothing there",
            "leave them out, or leave `--virtual-pi` out",
        )


def _candidate(named: Path | None, *, strict: bool) -> Candidate:
    """The bundle or decoder that is named; TinylmError when it is neither, and with `strict` as in `open_bundle`."""
    from tinylm.budget.spec.candidate import bundle_candidate, decoder_candidate
    from tinylm.external_decoder.description import find_decoder, open_decoder

    if description := find_decoder(named):
        return decoder_candidate(open_decoder(description))
    return bundle_candidate(opened_bundle(named, strict=strict))
