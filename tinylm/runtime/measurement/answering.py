"""What a measuring process says and how: orders on standard input, one JSON document on standard output.

    sys.exit(answer(run_probe, orders=ProbeOrders, major=2))

The other end is `tinylm.budget.measure.probe_process`.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tinylm.base.errors import TinylmError
from tinylm.base.records import check_schema, read
from tinylm.runtime.measurement.protocol import Refused

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Orders = TypeVar("Orders")


def answer(measure: Callable[[Path, Orders], DataclassInstance], *, orders: type[Orders], major: int) -> int:
    """Read orders, measure the bundle that the command line names, write the result; the exit code.

    A TinylmError is `{"refused": ...}` and exit code 2.
    """
    try:
        data = json.load(sys.stdin)
        check_schema(data, major=major, where="the orders")
        result = dataclasses.asdict(measure(Path(sys.argv[1]), read(orders, data, "the orders")))
    except TinylmError as error:
        refused = Refused(message=error.message, hint=error.hint, exit_code=error.exit_code)
        json.dump({"refused": dataclasses.asdict(refused)}, sys.stdout)
        return 2
    json.dump(result, sys.stdout)
    return 0
