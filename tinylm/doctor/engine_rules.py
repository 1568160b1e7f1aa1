"""The finding about what runs models here, and with which instructions. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator

from tinylm.doctor.finding import Finding, note, ok, problem, warning
from tinylm.doctor.software_rules import onnxruntime_works
from tinylm.machine.facts import Facts, NativeTrial

_CHECK = "engine"
_SLOWER = "ONNX Runtime runs models instead, several times as slowly and in more memory"
_AGAIN = "install tinylm again; in a checkout: python -m tinylm.native.build"


def engine_findings(facts: Facts) -> Iterator[Finding]:
    trial = facts.software.native
    if trial is None or trial.outcome == "not_tried":
        yield note(_CHECK, "the native engine was not tried")
    elif trial.outcome == "ok":
        yield ok(_CHECK, _native(trial))
    else:
        what, hint = _failure(trial)
        if not onnxruntime_works(facts.software):
            yield problem(
                _CHECK, what, why="nothing else here runs models: ONNX Runtime does not work", what_to_do=hint
            )
        elif trial.outcome == "unavailable":
            yield note(_CHECK, what, why=_SLOWER, what_to_do=hint)
        else:
            yield warning(_CHECK, what, why=_SLOWER, what_to_do=hint)


def _native(trial: NativeTrial) -> str:
    """Which instructions run, and why these."""
    first, *others = trial.instruction_sets
    why = (
        f"the fastest of {', '.join(trial.instruction_sets)}" if others else "it has no faster ones for this processor"
    )
    time = "" if trial.ms is None else f"; loaded in {trial.ms:.0f} ms"
    memory = "" if trial.rss_mb is None else f", {trial.rss_mb:.1f} MB"
    return f"native, with {first}: {why}{time}{memory}"


def _failure(trial: NativeTrial) -> tuple[str, str]:
    """What is wrong, and what to do."""
    if trial.outcome == "killed" and trial.detail == "SIGILL":
        what = "the native engine dies of SIGILL: it was built for a newer processor"
        return what, "install the wheel for this board (scripts/build_wheels)"
    if trial.outcome == "killed":
        return f"the native engine dies of {trial.detail}", _AGAIN
    return f"not native: {trial.detail}", trial.hint or _AGAIN
