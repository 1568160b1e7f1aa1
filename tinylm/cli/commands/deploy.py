"""`tinylm deploy`: a bundle to a device over ssh, in use only if it passes there; and back, and away again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.budget import budget_option
from tinylm.cli.options.bundle import BundleArgument

_DEVICE, _INSTEAD = "Device", "Instead of deploying"


def deploy(
    target: Annotated[str, typer.Argument(metavar="USER@HOST", help="The device, as ssh knows it.")],
    bundle: BundleArgument = None,
    budget: Annotated[str, budget_option(panel=None)] = "pi-zero-2w",
    certify: Annotated[
        bool, typer.Option("--certify", help="Only what is measured on the budget's own board is a pass.")
    ] = False,
    allow_downgrade: Annotated[
        bool, typer.Option("--allow-downgrade", help="Also where a newer version of the model serves.")
    ] = False,
    keep: Annotated[
        int, typer.Option(min=2, max=100, help="Releases that stay there, the new and the previous one among them.")
    ] = 3,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, rich_help_panel=_DEVICE, help="Of ssh, where its configuration does not say it."
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            rich_help_panel=_DEVICE,
            help="The Python there that has tinylm; else `tinylm-venv/bin/python`, then `python3`.",
        ),
    ] = None,
    system: Annotated[
        bool,
        typer.Option("--system", rich_help_panel=_DEVICE, help="In `/opt/tinylm`, not in `~/.local/share/tinylm`."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", rich_help_panel=_INSTEAD, help="Print the steps; nothing is written there.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", rich_help_panel=_INSTEAD, help="Print what serves there, and what did.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", rich_help_panel=_INSTEAD, help="Make the release before serve again.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", rich_help_panel=_INSTEAD, help="Remove all releases there.")
    ] = False,
) -> None:
    """Copy a bundle to a device over ssh, check it there, and make it the one that serves if it passes.

    Exit code 0: it serves. 1: a limit is exceeded there, or golden tokens differ. 2: bundle, device or budget cannot be
    used. 3: undecided, or the connection was lost. Unless it is 0, what served before serves still.
    """
    from tinylm.base.errors import TinylmError
    from tinylm.deploy import deploy as deploying
    from tinylm.deploy.session import Session

    if dry_run + status + rollback + remove > 1:
        raise TinylmError("`--dry-run`, `--status`, `--rollback` and `--remove` are four things", "give one of them")
    if (status or rollback or remove) and bundle is not None:
        raise TinylmError(f"no bundle is deployed, and `{bundle}` is given", "leave it out")
    if status or rollback or remove:
        with Session(target, port=port, python=python, system=system) as there:
            if status:
                deploying.status(there, show=print)
            else:
                (deploying.rollback if rollback else deploying.remove)(there, say=say)
        return

    from tinylm.budget.spec.budget import load_budget, shipped_budgets, shipped_text
    from tinylm.cli.options.bundle import opened_bundle

    opened = opened_bundle(bundle, strict=True)
    load_budget(budget)  # what is wrong with it is said before anything is copied
    text = shipped_text(budget) if budget in shipped_budgets() else Path(budget).read_text(encoding="utf-8-sig")
    options = deploying.Options(certify=certify, allow_downgrade=allow_downgrade, keep=keep)
    say(f"deploying {opened.path} to {target}")
    with Session(target, port=port, python=python, system=system) as there:
        if dry_run:
            deploying.dry_run(there, opened, options, say=say, show=print)
        else:
            deploying.deploy(there, opened, text, options, say=say, show=print)
