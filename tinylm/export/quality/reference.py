"""The module that was trained, as what an export is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tinylm.settings.model import ModelConfig

if TYPE_CHECKING:
    from tinylm.model import TinyTransformer


def trained_module(config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> TinyTransformer:
    """The torch module with `weights`, in float32 and evaluation mode."""
    import torch

    from tinylm.model import build

    module = build(config)
    module.load_state_dict({name: torch.tensor(np.asarray(value, np.float32)) for name, value in weights.items()})
    return module.eval()
