"""Work by several processes: order, a bounded window, errors, and a process that is ended from outside."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.corpus.building.parallel import FEW_TASKS, Workers


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other processes import this module by its name."""
    monkeypatch.syspath_prepend(Path(__file__).parents[3])


def work(number: int) -> tuple[int, int]:
    time.sleep(0.02 * (number % 3 == 0))
    return number, os.getpid()


def refuse(number: int) -> int:
    if number == 5:
        raise TinylmError("five is too many", "give four", exit_code=3)
    return number


def end(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_order_from_other_processes_and_tasks_are_drawn_as_needed() -> None:
    drawn = 0

    def tasks() -> Iterator[tuple[int]]:
        nonlocal drawn
        for number in range(40):
            drawn += 1
            yield (number,)

    with Workers(cores=2) as workers:
        results = workers.map(work, tasks())
        first = next(results)
        assert drawn <= 6
        rest = list(results)
    assert [number for number, _ in [first, *rest]] == list(range(40))
    assert os.getpid() not in {process for _, process in rest}


def test_a_few_tasks_are_done_here() -> None:
    with Workers() as workers:
        assert [process for _, process in workers.map(work, [(n,) for n in range(FEW_TASKS)])] == [os.getpid()] * 2
        assert list(workers.map(work, [])) == []
    with Workers(cores=1) as workers:
        assert {process for _, process in workers.map(work, [(n,) for n in range(9)])} == {os.getpid()}


def test_errors_travel_whole_and_a_killed_process_is_told() -> None:
    with Workers(cores=2) as workers:
        with pytest.raises(TinylmError, match="five is too many") as caught:
            list(workers.map(refuse, [(n,) for n in range(9)]))
        assert (caught.value.hint, caught.value.exit_code) == ("give four", 3)
        with pytest.raises(TinylmError, match="ended from outside"):
            list(workers.map(end, [(n,) for n in range(9)]))
