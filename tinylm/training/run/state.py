"""What the next step depends on beside the data: weights, optimizer, random states; to and from a checkpoint.

Data needs no state: a batch is a function of the seed and the step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import tinylm
from tinylm.base.code_version import git_commit
from tinylm.base.errors import TinylmError
from tinylm.training.run.checkpoint import Checkpoints
from tinylm.training.step.setup import Setup


def capture(setup: Setup) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """The weights in fp32, averaged where the run averages them, and everything else that the next step depends on."""
    own = setup.model.state_dict()
    weights = {
        name: value.detach().to("cpu", torch.float32).contiguous().numpy()
        for name, value in (own if setup.average is None else setup.average.weights).items()
    }
    # An average is what evaluation and export want of a checkpoint; training goes on from the weights themselves.
    beside = {} if setup.average is None else {"weights": own, "average_updates": setup.average.updates}
    return weights, beside | {
        "optimizer": setup.optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all(),  # an empty list without a GPU
    }


def restore(setup: Setup, checkpoints: Checkpoints, name: str) -> None:
    """Make `setup` what it was when the checkpoint `name` was saved."""
    weights = {key: torch.from_numpy(value) for key, value in checkpoints.read_weights(name).items()}
    state = checkpoints.read_state(name)
    try:
        if setup.average is not None:
            setup.average.load(weights, updates=state["average_updates"])
            weights = state["weights"]
        setup.model.load_state_dict(weights)
        setup.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if len(state["random_cuda"]) == torch.cuda.device_count():  # else the run goes on on another machine
            torch.cuda.set_rng_state_all(state["random_cuda"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise TinylmError(
            f"the checkpoint `{checkpoints.folder / name}` does not fit this run: {error}", "start over with --force"
        ) from error


def environment(setup: Setup) -> dict[str, str]:
    """What decides the last bit of a sum beside the settings: with the same of all, a resumed run is bit-identical."""
    device = (
        torch.cuda.get_device_name(setup.device)
        if setup.device.type == "cuda"
        else torch.backends.cpu.get_cpu_capability()
    )
    return {
        "tinylm": tinylm.__version__,
        "commit": git_commit() or "unknown",
        "torch": torch.__version__,
        "device": device,
        "precision": str(setup.dtype).removeprefix("torch."),
        "threads": str(torch.get_num_threads()),
        "compiled": str(setup.model.compiled),
    }
