"""`tinylm runs`: what runs and bundles there are."""

from __future__ import annotations

from tinylm.base.errors import say
from tinylm.cli.options.output import Json


def runs(
    json: Json = False,
) -> None:
    """List the runs and bundles in `runs/`: size, date, bits per byte, and the verdict of the last budget check.

    The check is that of `train-pipeline`; `tinylm budget report RUN/budget.json` shows it whole.
    """
    from tinylm.bundle.store import RUNS, how_to_make
    from tinylm.housekeeping.inventory import inventory, to_json

    found = inventory()
    if json:
        print(to_json(found))
    elif found:
        from tinylm.cli.terminal import console
        from tinylm.housekeeping.table import print_inventory

        print_inventory(found, console())
    else:
        say(f"nothing yet in `{RUNS.absolute()}`: {how_to_make()}")
