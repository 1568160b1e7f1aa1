"""`tinylm check-budgets`: does a bundle fit a device; the answer on stdout and in the exit code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.budget import WHAT, Against, budget_option
from tinylm.cli.options.bundle import Backend, opened_bundle
from tinylm.cli.options.output import Certify, Html, Json, Junit, Markdown, Outputs

_MOST_MINUTES = 24 * 60

if TYPE_CHECKING:
    from tinylm.budget.report import BudgetReport
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
    if virtual_pi:
        from tinylm.cli.commands.virtual_pi import ENVIRONMENT_MIRROR, check

        mirror = os.environ.get(ENVIRONMENT_MIRROR) or None
        check(
            bundle,
            budget=budget,
            json=json,
            certify=certify,
            backend=backend,
            against=against,
            mirror=mirror,
            junit=junit,
            markdown=markdown,
            html=html,
        )
        return

    from tinylm.budget.check import CheckOptions, check_candidate
    from tinylm.budget.spec.budget import load_budget

    outputs = Outputs(junit=junit, markdown=markdown, html=html)
    outputs.check(against, Path(budget))
    old = read_old(against)
    limits = load_budget(budget)
    candidate = _candidate(bundle, strict=certify)
    outputs.check(candidate.path)
    say(f"checking {candidate.path} against {limits.name} ({limits.description})")
    options = CheckOptions(backend=backend, soak_minutes=soak, enforce=enforce, against=old)
    report = check_candidate(candidate, limits, announce=say, options=options)
    finish(report, json=json, certify=certify, outputs=outputs)


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


def read_old(against: Path | None) -> BudgetReport | None:
    """The report to compare with, read before anything is measured; TinylmError when it is none."""
    from tinylm.budget.report import load_report

    return None if against is None else load_report(against)


def finish(report: BudgetReport, *, json: bool, certify: bool, outputs: Outputs) -> None:
    """Print the report, write its other forms, end with its exit code."""
    from tinylm.budget.report import exit_code, to_json

    if json:
        print(to_json(report))
    else:
        from tinylm.budget.formats.table import print_report
        from tinylm.cli.terminal import console

        say("")
        screen = console()
        print_report(report, screen)
        if report.comparison is not None:
            from tinylm.budget.formats.table import print_comparison

            screen.print()
            print_comparison(report.comparison, screen)
    outputs.write(report, certify=certify)  # after the report is out: a full disk does not lose it
    if certify and report.basis != "measured":
        say("\nnot certified: the basis is not `measured`; run this on the budget's device")
    raise typer.Exit(exit_code(report, certify=certify))
