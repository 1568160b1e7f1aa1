"""An average of the weights over the last steps, which predicts better than the last weights alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a model's weights (https://arxiv.org/abs/1412.6980, section 7.2).

    In the first steps it forgets faster, min(decay, (1 + n) / (10 + n)) after n updates, so that it soon leaves the
    weights that the model began with.
    """

    def __init__(self, model: nn.Module, *, decay: float) -> None:
        self._model, self._decay = model, decay
        self.reset()

    def reset(self) -> None:
        """Begin again with the model's present weights."""
        self.updates = 0
        """Updates since the average began."""
        self.weights = _copy(self._model)

    @torch.no_grad()
    def update(self) -> None:
        """Take the model's present weights in, once after every optimizer step."""
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        torch._foreach_lerp_(list(self.weights.values()), list(self._model.state_dict().values()), 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights inside, to evaluate or export it, and its own again afterwards."""
        own = _copy(self._model)
        self._model.load_state_dict(self.weights)
        try:
            yield
        finally:
            self._model.load_state_dict(own)

    def load(self, weights: Mapping[str, Tensor], *, updates: int) -> None:
        """Continue from a saved average and its number of updates; KeyError when it has other names."""
        if weights.keys() != self.weights.keys():
            raise KeyError(f"the average has other names: {sorted(weights.keys() ^ self.weights.keys())[:3]}")
        self.updates = updates
        for name, value in self.weights.items():
            value.copy_(weights[name])


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
