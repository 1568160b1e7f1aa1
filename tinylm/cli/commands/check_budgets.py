"""`tinylm check-budgets`: does a bundle fit a device; the answer on stdout and in the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.budget import WHAT, Against, budget_option, read_earlier
from tinylm.cli.options.bundle import Backend
from tinylm.cli.options.candidate import find_candidate
from tinylm.cli.options.output import Certify, Html, Json, Junit, Markdown, Outputs

_MOST_MINUTES = 24 * 60


def check_budgets(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            help="A bundle, a run that has one, a program made by `export --standalone`, or the `decoder.toml` of a"
            " model from elsewhere; the latest run's bundle when left out."
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
    serve: Annotated[
        bool,
        typer.Option(
            "--serve",
            rich_help_panel=WHAT,
            help="Measure the process of `tinylm serve`, over HTTP, in place of the runtime alone.",
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
    ssh: Annotated[
        str | None,
        typer.Option(
            "--ssh",
            metavar="MACHINE",
            rich_help_panel=WHAT,
            help="Copy the program to this machine and measure it there, such as `pi@raspberrypi`.",
        ),
    ] = None,
    junit: Junit = None,
    markdown: Markdown = None,
    html: Html = None,
) -> None:
    """Measure a bundle, or another model's graph, here against a device's budget: memory, latency, size, quality.

    Exit code 0: it fits. 1: a limit is exceeded, or something regressed. 2: bundle, budget or old report cannot be
    used. 3: undecided, or not comparable.
    """
    _check_options(soak=soak, enforce=enforce, serve=serve, virtual_pi=virtual_pi, ssh=ssh)
    outputs = Outputs(json=json, certify=certify, junit=junit, markdown=markdown, html=html)
    if virtual_pi:
        from tinylm.cli.commands.virtual_pi import Emulator, check_emulated

        check_emulated(bundle, budget=budget, backend=backend, against=against, emulator=Emulator(), outputs=outputs)

    from tinylm.base.errors import TinylmError
    from tinylm.budget.check import CheckOptions, check_candidate
    from tinylm.budget.check_program import check_program, check_program_over_ssh
    from tinylm.budget.spec.budget import load_budget

    outputs.check(against, Path(budget))
    old = read_earlier(against)
    limits = load_budget(budget)
    candidate = find_candidate(bundle, strict=certify)
    outputs.check(candidate.path)
    say(f"checking {candidate.path} against {limits.name} ({limits.description})")
    options = CheckOptions(backend=backend, soak_minutes=soak, enforce=enforce, serve=serve, against=old)
    if ssh is not None:
        if candidate.kind != "program":
            raise TinylmError(
                f"`--ssh` is for programs, and `{candidate.path}` is a {candidate.kind}",
                "make one: tinylm export --standalone; or deploy the bundle: tinylm deploy",
            )
        outputs.finish(check_program_over_ssh(candidate, limits, ssh, announce=say, options=options))
    check = check_program if candidate.kind == "program" else check_candidate
    outputs.finish(check(candidate, limits, announce=say, options=options))


def _check_options(*, soak: float | None, enforce: bool, serve: bool, virtual_pi: bool, ssh: str | None) -> None:
    """TinylmError for options that mean nothing, or nothing together."""
    from tinylm.base.errors import TinylmError

    if soak is not None and not 0 < soak <= _MOST_MINUTES:
        raise TinylmError(f"`--soak` is {soak:g} minutes; more than 0 and at most {_MOST_MINUTES} is needed")
    if virtual_pi and ssh is not None:
        raise TinylmError("`--virtual-pi` and `--ssh` are two machines", "leave one of them out")
    if serve and (virtual_pi or ssh is not None):
        raise TinylmError(
            "`--serve` measures a server on this machine: the emulated board has no HTTP library, and over ssh goes a"
            " program, which serves nothing",
            "leave `--serve` out, or run this check on the board itself",
        )
    if virtual_pi and (soak is not None or enforce):
        raise TinylmError(
            "an emulated board has no heat and no memory of its own: `--soak` and `--enforce` mean nothing there",
            "leave them out, or leave `--virtual-pi` out",
        )
