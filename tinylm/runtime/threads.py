"""How many threads generate fastest here: measured once for a bundle on a device, and remembered.

More threads are not always faster: a tiny model's matrices are done before a second core has woken up.

    threads = calibrated_threads(bundle, backend="auto")

A child process decodes with each number of threads in turns, for less than a second in all, so that this process's peak
memory stays what serving needs. Fewer threads win unless more are at least 10 % faster. The answer is kept in the
device's own state file, $XDG_STATE_HOME/tinylm/threads.json or ~/.local/state/tinylm/threads.json, under the bundle's
hash, the processor and the engine's version. A file that is damaged or foreign is measured again and replaced; where
none can be written, the answer is used and not remembered.

    python -m tinylm.runtime.threads BUNDLE BACKEND 1 2 4        what the child does: milliseconds a token as JSON
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tinylm.base.cores import usable_cores
from tinylm.base.errors import TinylmError
from tinylm.base.package import child_environment
from tinylm.base.records import write_file
from tinylm.base.state_folder import state_folder
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.machine.kernel_files import read_cpuinfo
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.backends.opening import engine_version
from tinylm.runtime.engine import Engine
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS

_GAIN = 0.9
"""More threads are taken when a token takes at most this part of the time."""
_MEASURED_S = 0.6  # In the child, for all numbers of threads together, after loading.
_ROUND_TOKENS = 8
_CHILD_TIMEOUT_S = 60  # A board that is short of memory loads slowly.
_SCHEMA = "1.0"
_MOST_REMEMBERED = 100


def calibrated_threads(bundle: Bundle, *, backend: Backend) -> int:
    """The number of threads that decodes fastest on this device, from the state file or measured now.

    1 where there is one core, or the measurement does not work: what is wrong then shows when the model is opened.
    """
    cores = usable_cores()
    if cores == 1:
        return 1
    folder = state_folder()
    file = None if folder is None else folder / "threads.json"
    key = f"{bundle.manifest_sha256} {_processor()} x{cores} {engine_version(backend)}"
    remembered = {} if file is None else _remembered(file)
    if 1 <= remembered.get(key, 0) <= cores:
        return remembered[key]
    times_ms = _measure_in_child(bundle, backend, candidates(cores))
    if not times_ms:
        return 1
    threads = fastest(times_ms)
    if file is not None:
        newest = dict([*remembered.items(), (key, threads)][-_MOST_REMEMBERED:])
        with suppress(TinylmError, OSError):  # Not remembered: measured again next time.
            write_file(file, {"schema": _SCHEMA, "threads": newest})
    return threads


def candidates(cores: int) -> list[int]:
    """The numbers of threads to try: all up to four cores; 1, 2 and all of more."""
    return list(range(1, cores + 1)) if cores <= 4 else [1, 2, cores]


def fastest(times_ms: dict[int, float]) -> int:
    """The fewest threads that no larger number beats by 10 %, from milliseconds a token by number of threads."""
    best = min(times_ms)
    for threads in sorted(times_ms):
        if times_ms[threads] <= _GAIN * times_ms[best]:
            best = threads
    return best


def _remembered(file: Path) -> dict[str, int]:
    """What the state file says; nothing when it is missing, damaged or of another kind."""
    try:
        data = json.loads(file.read_bytes())
        entries = data["threads"].items() if data["schema"] == _SCHEMA else []
        return {key: threads for key, threads in entries if type(threads) is int}
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}


def _processor() -> str:
    """What Linux calls the board and the first core; elsewhere, the architecture."""
    found = read_cpuinfo().first
    names = ("model name", "CPU implementer", "CPU part", "Model")  # x86; ARM; a Raspberry Pi's board
    return " ".join([platform.machine(), *(found[name] for name in names if name in found)])


def _measure_in_child(bundle: Bundle, backend: Backend, counts: Sequence[int]) -> dict[int, float]:
    """Milliseconds a token by number of threads; nothing when the child fails."""
    import subprocess  # 1 MB of memory, needed only here

    command = [sys.executable, "-P", "-m", "tinylm.runtime.threads", str(bundle.path.resolve()), backend]
    try:
        done = subprocess.run(
            [*command, *map(str, counts)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CHILD_TIMEOUT_S,
            env=child_environment(),
            check=True,
        )
        return {int(threads): float(time_ms) for threads, time_ms in json.loads(done.stdout).items()}
    except (OSError, subprocess.SubprocessError, ValueError, AttributeError):
        return {}


def measure(bundle: Bundle, backend: Backend, counts: Sequence[int]) -> dict[int, float]:
    """Milliseconds a token by number of threads: the best of several short rounds, which take turns."""
    with ExitStack() as stack:
        engines = {threads: stack.enter_context(Engine(bundle, threads=threads, backend=backend)) for threads in counts}
        times_ms: dict[int, float] = {}
        for engine in engines.values():
            _round_ms(engine)  # Not counted: first runs touch memory for the first time.
        end = time.perf_counter() + _MEASURED_S
        while not times_ms or time.perf_counter() < end:
            for threads, engine in engines.items():
                took_ms = _round_ms(engine)
                times_ms[threads] = min(took_ms, times_ms.get(threads, took_ms))
    return times_ms


def _round_ms(engine: Engine) -> float:
    """Milliseconds a token, for a few tokens from an empty cache."""
    sampler, tokens = Sampler(Sampling(seed=0)), min(_ROUND_TOKENS, engine.context_length)
    engine.truncate(0)
    token, start = BOS, time.perf_counter()
    for _ in range(tokens):
        token, _ = engine.step(token, sampler)
    return (time.perf_counter() - start) * 1e3 / tokens


if __name__ == "__main__":
    folder, backend_name, *numbers = sys.argv[1:]
    print(json.dumps(measure(open_bundle(Path(folder)), backend_name, [int(text) for text in numbers])))  # type: ignore[arg-type]
