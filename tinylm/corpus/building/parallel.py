"""Work on a stream by all cores: results in order, memory bounded by a window, nothing left running.

    with Workers() as workers:
        for result in workers.map(function, ((argument, other) for ...)): ...

Processes are started only when there is more than a little to do: a small corpus is done before they would be there.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import Any, TypeVar

from tinylm.base.cores import usable_cores
from tinylm.base.errors import TinylmError

R = TypeVar("R")

FEW_TASKS = 2
"""So many are done here, without other processes."""


class Workers:
    """Processes that work through streams of tasks; `with` ends them."""

    def __init__(self, cores: int | None = None) -> None:
        """`cores` processes, or one for each core this process may use; with one the work is done here.

        RuntimeError in a script that lacks its `if __name__ == "__main__":` and would run itself again here.
        """
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise RuntimeError("a script that builds a corpus needs `if __name__ == '__main__':` around its calls")
        self._cores = usable_cores() if cores is None else cores
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def map(self, function: Callable[..., R], tasks: Iterable[tuple[Any, ...]]) -> Iterator[R]:
        """`function(*task)` of each task, in their order; `function` must stand at the top of a module.

        Tasks are drawn as results are taken, at most two for each core ahead. What a task raises is raised here;
        TinylmError when a process was ended from outside.
        """
        remaining = iter(tasks)
        head = list(islice(remaining, FEW_TASKS + 1))
        if len(head) <= FEW_TASKS or self._cores == 1:
            for task in chain(head, remaining):
                yield function(*task)
            return
        executor = self._started()
        pending: deque[Future[R]] = deque()
        try:
            for task in chain(head, remaining):
                pending.append(executor.submit(function, *task))
                if len(pending) > 2 * self._cores:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise TinylmError(
                "a process that was working on the text was ended from outside",
                "is there enough memory? The same command continues; a script needs `if __name__ == '__main__':`",
            ) from error

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            # `spawn`: a copy of this process would drag torch's memory and threads along
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._cores, mp_context=context, initializer=_prepare)
        return self._executor


def _prepare() -> None:
    """Ctrl-C is for the process that asked; when that one is killed, this one ends too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
