"""Whether torch's compiler is worth its time in this run: decided by measuring, once, and recorded.

Compiled and eager training differ in the last bits, so a resumed run takes what was decided at its start
(`TrainingPlan.compiled`). Where compiling is impossible or fails, training is eager, with a note that says why.

    compiled = decide_compilation(setup, done=0)
"""

from __future__ import annotations

import math
import time
from typing import Literal

import torch

from tinylm.base.errors import say
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import timed_steps
from tinylm.training.tuning.compiler_cache import prepare_cache

_WARM_UP, _TIMED = 1, 5
_COMPILING_SECONDS = 30.0
"""What compiling takes on idle cores, about (measured)."""
_WORTH_TRYING = 1 / 5
"""Of the training's time that a try may take: compiled steps save about a quarter of the time (measured), so a longer
one is not won back."""
_FASTER = 0.97
"""The compiled step must take less than this share of the eager one: the difference must not be noise."""
_SAME_LOSS = 0.01
"""Largest relative difference between the losses of the first step, eager and compiled: bf16 has 8 bits."""


def decide_compilation(setup: Setup, *, done: int) -> bool:
    """Compile or not, as asked, recorded or measured; `done` steps of the run are behind it.

    The setup's model does as is decided. Weights and optimizer are as they were.
    """
    wanted = _wanted(setup)
    compiled = False
    if wanted != "off":
        problem = _impossible(setup.device)
        if problem:
            say(f"compile: {problem}: training runs without it, about a third slower")
        else:
            compiled = _measured(setup, done=done, force=wanted == "on")
    setup.model.compiled = compiled
    return compiled


def _wanted(setup: Setup) -> Literal["auto", "on", "off"]:
    """What is asked; a decision that the run recorded counts as asked."""
    training = setup.training
    if training.compile == "auto" and training.compiled is not None:
        return "on" if training.compiled else "off"
    return training.compile


def _impossible(device: torch.device) -> str | None:
    """Why nothing can be compiled here, or None."""
    if device.type == "cuda":
        from torch.utils._triton import has_triton

        return None if has_triton() else "the GPU's compiler (triton) is not installed"
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return "no C++ compiler is installed"
    return None


def _measured(setup: Setup, *, done: int, force: bool) -> bool:
    """Whether compiled steps work and, unless `force`, pay."""
    seconds = 0.0
    loss = math.nan
    if not force:
        minutes = setup.training.minutes
        if minutes is not None and minutes * 60 * _WORTH_TRYING < _COMPILING_SECONDS:
            return False
        seconds, loss = timed_steps(setup, warm_up=_WARM_UP, timed=_TIMED, at_most_s=_COMPILING_SECONDS)
        needed = _COMPILING_SECONDS + (_WARM_UP + _TIMED) * seconds
        if needed > seconds * _steps_left(setup, done=done, seconds=seconds) * _WORTH_TRYING:
            return False
    say("compile: compiling, which takes about half a minute the first time, longer on busy cores")
    prepare_cache()
    setup.model.compiled = True
    started = time.perf_counter()
    try:
        compiled_seconds, compiled_loss = timed_steps(setup, warm_up=_WARM_UP, timed=0 if force else _TIMED)
    except Exception as error:  # whatever the compiler and what it calls may raise: eager training still works
        say(f"compile: compiling failed ({type(error).__name__}): training runs without it")
        return False
    finally:
        setup.model.compiled = False
    if force:
        return True
    spent = time.perf_counter() - started
    if not math.isclose(loss, compiled_loss, rel_tol=_SAME_LOSS):
        say(f"compile: compiled, the first loss is {compiled_loss:.4f} instead of {loss:.4f}: training runs without it")
        return False
    pays = compiled_seconds < _FASTER * seconds
    say(
        f"compile: a step takes {compiled_seconds * 1000:.0f} ms compiled and {seconds * 1000:.0f} ms eager; "
        f"measured in {spent:.0f} s: {'compiled' if pays else 'eager'}"
    )
    return pays


def _steps_left(setup: Setup, *, done: int, seconds: float) -> float:
    """Steps that the run has still to do, at `seconds` each where minutes decide."""
    training = setup.training
    if training.total_steps is not None:
        return training.total_steps - done
    if training.minutes is not None:
        return training.minutes * 60 / seconds
    return training.epochs * setup.batches.steps_per_epoch - done
