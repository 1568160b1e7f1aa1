"""What a checkpoint holds beside the record: weights, the optimizer's state, the random states."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tinylm.errors import TinylmError
from tinylm.training.checkpoint import Checkpoints
from tinylm.training.setup import Setup


def capture(setup: Setup) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """The weights, and everything else that the next step depends on."""
    state: dict[str, Any] = {"optimizer": setup.optimizer.state_dict(), "random": torch.get_rng_state()}
    weights = {
        name: value.detach().to("cpu", torch.float32).contiguous().numpy()
        for name, value in setup.model.state_dict().items()
    }
    return weights, state


def restore(setup: Setup, checkpoints: Checkpoints, name: str) -> None:
    weights = {key: torch.from_numpy(value) for key, value in checkpoints.read_weights(name).items()}
    state = checkpoints.read_state(name)
    try:
        setup.model.load_state_dict(weights)
        setup.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise TinylmError(
            f"the checkpoint `{checkpoints.folder / name}` does not fit this run: {error}", "start over with --force"
        ) from error
