"""What training works on: model, optimizer, data, device."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from tinylm.base.errors import TinylmError
from tinylm.dataset.batches import Batches
from tinylm.dataset.dataset import Dataset
from tinylm.dataset.shards import TRAIN, open_documents, open_shard, read_index
from tinylm.model import TinyTransformer, build
from tinylm.settings.plan import RunPlan, TrainingPlan
from tinylm.training.device import pick_device, pick_dtype
from tinylm.training.step.averaging import WeightAverage
from tinylm.training.step.evaluation import Validation
from tinylm.training.step.optimizer import build_optimizer


@dataclass(frozen=True)
class Setup:
    """What training works on."""

    plan: RunPlan
    model: TinyTransformer
    optimizer: torch.optim.Optimizer
    average: WeightAverage | None
    batches: Batches
    validation: Validation
    device: torch.device
    dtype: torch.dtype

    @property
    def training(self) -> TrainingPlan:
        return self.plan.training

    def averaged(self) -> AbstractContextManager[None]:
        """The model has its averaged weights inside, where the run averages them: what is evaluated and exported."""
        return nullcontext() if self.average is None else self.average.applied()


def set_up(plan: RunPlan, dataset: Dataset) -> Setup:
    """Build everything that `plan` describes; the seed decides the weights."""
    training, context = plan.training, plan.model.context_length
    index = read_index(dataset.tokens)
    if index.vocab_size != plan.model.vocab_size:
        raise TinylmError(
            f"the model has {plan.model.vocab_size} pieces, the dataset's tokenizer {index.vocab_size}",
            "start over with --force",
        )
    torch.manual_seed(training.seed)
    device = pick_device()
    model = build(plan.model).to(device)
    model.checkpointing = training.activation_checkpointing
    return Setup(
        plan=plan,
        model=model,
        optimizer=build_optimizer(model, training),
        average=None if training.ema_decay is None else WeightAverage(model, decay=training.ema_decay),
        batches=Batches(
            open_shard(dataset.tokens, index, TRAIN),
            open_documents(dataset.tokens, index, TRAIN) if training.separate_documents else None,
            context_length=context,
            batch_size=training.batch_size,
            seed=training.seed,
            weights=training.source_weights,
        ),
        validation=Validation(dataset.tokens, index, context_length=context),
        device=device,
        dtype=pick_dtype(training.precision, device),
    )
