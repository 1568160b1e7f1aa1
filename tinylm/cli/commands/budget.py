"""`tinylm budget list / new / check / compare / simulate / report`: the limits themselves, and reports afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.help import Command, Group
from tinylm.cli.options.budget import BudgetArgument
from tinylm.cli.options.completion import budgets
from tinylm.cli.options.output import Certify, Html, Json, Junit, Markdown

budget_app = typer.Typer(
    name="budget",
    cls=Group,
    rich_markup_mode=None,
    help="Make, check and list budgets; compare and show reports.",
)


@budget_app.command(name="list", cls=Command, epilog="tinylm budget list")
def list_() -> None:
    """Name the shipped budgets, one a line."""
    from tinylm.budget.spec.budget import load_budget, shipped_budgets

    for name in shipped_budgets():
        print(f"{name:<12}  {load_budget(name).description}")


@budget_app.command(cls=Command, epilog="tinylm budget new my-board --from pi-zero-2w")
def new(
    name: Annotated[str, typer.Argument(help="What to call it, such as `my-board`.")],
    template: Annotated[
        str,
        typer.Option(
            "--from", metavar="NAME", help="The shipped budget that limits are taken from.", autocompletion=budgets
        ),
    ] = "pi-zero-2w",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it.", show_default="NAME.toml, here")
    ] = None,
) -> None:
    """Write a budget for this machine: the device is recognised, the limits are a shipped budget's.

    An existing file is never overwritten.
    """
    from tinylm.budget.spec.template import new_budget, write_new
    from tinylm.machine.device import device_facts

    text = new_budget(name, template=template, facts=device_facts())
    file = Path(f"{name}.toml") if output is None else output
    write_new(file, text)
    print(file)
    say(f"change the limits, then: tinylm budget check {file}")


@budget_app.command(cls=Command, epilog="tinylm budget check pi-zero-2w")
def check(
    budget: BudgetArgument,
) -> None:
    """Say whether a budget can be used, and what it means, in words; nothing is measured."""
    from tinylm.base.text_table import pairs
    from tinylm.budget.formats.explain import explain
    from tinylm.budget.spec.budget import load_budget
    from tinylm.cli.terminal import console
    from tinylm.machine.device import device_facts

    console().print(pairs(explain(load_budget(budget), device_facts())))


@budget_app.command(cls=Command, epilog="tinylm budget compare before.json after.json")
def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="The earlier report, made by `--json`.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="The later one; its budget says what is allowed.")],
    json: Json = False,
) -> None:
    """Compare two reports of one device; only regressions count here, not the limits.

    Exit code 0: nothing regressed. 1: something did. 2: a report cannot be used. 3: undecided, or not comparable.
    """
    from tinylm.base.records import to_json
    from tinylm.budget.compare.comparison import compare as compare_reports
    from tinylm.budget.report import load_report

    comparison = compare_reports(load_report(old), load_report(new))
    if json:
        print(to_json(comparison))
    else:
        from tinylm.budget.formats.table import print_comparison
        from tinylm.cli.terminal import console

        print_comparison(comparison, console())
    raise typer.Exit(comparison.exit_code)


@budget_app.command(cls=Command, epilog="tinylm budget simulate pi-zero-2w --devices 200")
def simulate(
    budget: BudgetArgument = "pi-zero-2w",
    devices: Annotated[int, typer.Option(min=1, max=100_000, help="Synthetic devices of every kind.")] = 1000,
    seed: Annotated[int, typer.Option(help="Another one gives other devices.")] = 0,
) -> None:
    """Try the budget's looks on synthetic devices whose true p95 is known: how often is the verdict wrong?"""
    from tinylm.budget.formats.table import print_simulation
    from tinylm.budget.judge.simulation import simulated
    from tinylm.budget.spec.budget import load_budget
    from tinylm.cli.terminal import console

    limits = load_budget(budget)
    rows = simulated(limits, devices=devices, seed=seed, announce=say)
    print_simulation(limits, rows, console())


@budget_app.command(cls=Command, epilog="tinylm budget report report.json --html budget.html")
def report(
    file: Annotated[
        Path, typer.Argument(metavar="REPORT.json", help="What `tinylm check-budgets --json` printed, in a file.")
    ],
    junit: Junit = None,
    markdown: Markdown = None,
    html: Html = None,
    certify: Certify = False,
) -> None:
    """Make JUnit, Markdown and HTML of a saved report; without any of them, print its table. Nothing is measured.

    The exit code is that of the check: 0 it fits, 1 a limit is exceeded, 2 the file cannot be used, 3 undecided.
    """
    from tinylm.budget.report import exit_code, load_report
    from tinylm.cli.options.output import Outputs

    outputs = Outputs(certify=certify, junit=junit, markdown=markdown, html=html)
    outputs.check(file)
    saved = load_report(file)
    if outputs.any:
        outputs.write(saved)
    else:
        from tinylm.budget.formats.table import print_report
        from tinylm.cli.terminal import console

        print_report(saved, console())
    raise typer.Exit(exit_code(saved, certify=certify))
