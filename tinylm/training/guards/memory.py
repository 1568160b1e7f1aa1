"""How much memory and disk a training needs, before it takes them.

    memory = now + 1.1 x (gradients + optimizer state + kept for the backward pass + the widest moment)

    now                what the process holds with the model built and a row tried: libraries above all
    gradients          4 bytes a parameter
    optimizer state    8 bytes a parameter (two moments in fp32; taken as two for Muon, which has one)
    kept               what autograd keeps: measured on one and two rows, straight from there on
    widest moment      the output layer's chunk of logits (fp32 twice, and in the products' type) with its weight and
                       gradient, and twice a layer's share of what is kept, for the gradients on the way through it

The tenth on top is what the allocator holds unused (measured: peaks were -11 to +9 % from the sum with it). `kept` is
measured on the run's own model, so that it holds for any architecture, mask and precision.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import Tensor

from tinylm.dataset.batches import Batch
from tinylm.machine.memory import read_memory
from tinylm.training.step.loss import CHUNK
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import loss_sum

TOLERANCE = 0.25
"""How far the estimate may be from a measured peak, as a share of what is beyond `now`."""
_ALLOCATOR = 1.1
_STATE_BYTES = 8
"""AdamW's two moments a parameter, in fp32."""


@dataclass(frozen=True, kw_only=True)
class MemoryEstimate:
    """In megabytes of 10^6 bytes."""

    now_mb: float
    gradients_mb: float
    optimizer_mb: float
    kept_mb: float
    widest_mb: float

    @property
    def total_mb(self) -> float:
        return self.now_mb + _ALLOCATOR * (self.gradients_mb + self.optimizer_mb + self.kept_mb + self.widest_mb)


def estimate_memory(setup: Setup, *, batch_size: int) -> MemoryEstimate:
    """Of training with `batch_size` sequences a step, accumulation taken into account."""
    rows = batch_size // setup.training.accumulation_steps
    one, two = _kept_bytes(setup, 1), _kept_bytes(setup, 2)
    a_row = max(two - one, 0)
    kept = one + (rows - 1) * a_row
    parameters = sum(parameter.numel() for parameter in setup.model.parameters())
    vocab_size, width = setup.model.output_weight.shape
    positions = min(rows * setup.plan.model.context_length, CHUNK)
    item = setup.dtype.itemsize
    output_layer = positions * vocab_size * (4 + 4 + item) + vocab_size * width * (4 + item)
    layer = 2 * rows * a_row // setup.plan.model.n_layer
    on_gpu = setup.device.type == "cuda"
    now = torch.cuda.memory_allocated(setup.device) if on_gpu else psutil.Process().memory_info().rss
    has_state = bool(setup.optimizer.state)
    return MemoryEstimate(
        now_mb=now / 1e6,
        gradients_mb=4 * parameters / 1e6,
        optimizer_mb=0.0 if has_state else _STATE_BYTES * parameters / 1e6,
        kept_mb=kept / 1e6,
        widest_mb=(output_layer + layer) / 1e6,
    )


def available_memory_mb(setup: Setup) -> float:
    """What this process may hold in all, what it holds already included."""
    if setup.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(setup.device)
        return (free + torch.cuda.memory_allocated(setup.device)) / 1e6
    own = psutil.Process().memory_info().rss / 1e6
    room = psutil.virtual_memory().available / 1e6 + own
    limit = read_memory(Path("/")).cgroup_limit_mb
    return room if limit is None else min(room, limit)


def _kept_bytes(setup: Setup, rows: int) -> int:
    """What autograd keeps of a forward pass over `rows` full sequences, weights left out; each storage once."""
    context = setup.plan.model.context_length
    ids = np.tile(np.arange(context) % setup.plan.model.vocab_size, (rows, 1))
    half = np.arange(context) >= context // 2  # two documents a row need a mask, as most rows do
    documents = half if setup.training.separate_documents else np.zeros_like(half)
    batch = Batch(ids, ids, np.broadcast_to(documents, ids.shape).astype(np.int32))
    weights = {parameter.untyped_storage().data_ptr() for parameter in setup.model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = loss_sum(setup, batch)
    total = sum(kept.values())
    del loss
    return total


def checkpoint_mb(setup: Setup) -> float:
    """About what one checkpoint takes: weights, twice where they are averaged, and the optimizer's state."""
    weights = 4 if setup.average is None else 8
    return sum(parameter.numel() for parameter in setup.model.parameters()) * (weights + _STATE_BYTES) / 1e6


def checkpoints_mb(setup: Setup, *, epochs: int) -> float:
    """What all checkpoints of a run of `epochs` take at most: kept ones, `best`, `final`, and one being written."""
    training = setup.training
    count = training.keep_checkpoints + epochs // training.checkpoint_every_epochs + 3
    return count * checkpoint_mb(setup)


def free_disk_mb(folder: Path) -> float:
    """What is free where `folder` lies."""
    return shutil.disk_usage(folder).free / 1e6
