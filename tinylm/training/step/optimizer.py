"""Optimizers: AdamW for everything, or Muon for the matrices inside the blocks and AdamW for the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import nn

from tinylm.model.attention import StackedLinear
from tinylm.settings.run import TrainingConfig

_SHARE = "learning_rate_share"
"""A group's rate as a share of the schedule's, kept in the group itself."""


class MuonAndAdamW(torch.optim.Optimizer):
    """Muon (https://kellerjordan.github.io/posts/muon/) and AdamW as one optimizer: one state, one list of groups.

    All work on this object's groups and state, so that saving, restoring and clearing them is what it always is. There
    is a Muon for each matrix: on a CPU they are shared out among threads. Matrices of this size are too small to be
    shared themselves: two threads on one product wait for each other longer than they work.
    `sections` are parameters that Muon has in parts: each part is some of the rows, in the same memory.
    """

    def __init__(
        self,
        muons: Sequence[torch.optim.Muon],
        adamw: torch.optim.AdamW,
        sections: Mapping[nn.Parameter, Sequence[nn.Parameter]],
    ) -> None:
        self._muons, self._adamw, self._sections = muons, adamw, sections
        self._threads: ThreadPoolExecutor | None = None
        super().__init__([group for part in (*muons, adamw) for group in part.param_groups], {})
        self._share_out()

    def _share_out(self) -> None:
        left = self.param_groups
        for part in (*self._muons, self._adamw):
            part.param_groups, left = left[: len(part.param_groups)], left[len(part.param_groups) :]
            part.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share_out()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of both; a closure is not supported."""
        for whole, sections in self._sections.items():
            if whole.grad is not None:
                rows = torch.split(whole.grad, [len(section) for section in sections])
                for section, grad in zip(sections, rows, strict=True):
                    section.grad = grad
        self._adamw.step()
        threads = torch.get_num_threads()
        if threads == 1 or any(group["params"][0].is_cuda for group in self.param_groups):
            for muon in self._muons:
                muon.step()  # type: ignore[no-untyped-call]
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(threads)
        deque(self._threads.map(_step_alone, self._muons), maxlen=0)
        torch.set_num_threads(threads)  # a thread's setting is that of threads to come

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, of parameters in parts too."""
        super().zero_grad(set_to_none)
        for whole in self._sections:
            whole.grad = None


def _step_alone(muon: torch.optim.Muon) -> None:
    torch.set_num_threads(1)
    muon.step()  # type: ignore[no-untyped-call]


def build_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer that `config` names. Norms do not decay unless `config.decay_all`; embeddings at their own rate.

    `muon` has Muon train every matrix but embeddings and the output layer; it is AdamW
    (https://arxiv.org/abs/1711.05101) that trains those, norms and biases, at `embedding_learning_rate`. Layers that
    are stacked for speed are matrices of their own to Muon.
    """
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    outside = embeddings | {id(p) for name, p in model.named_parameters() if name == "head.weight"}
    stacked = {id(m.weight): m.sections for m in model.modules() if isinstance(m, StackedLinear)}
    orthogonal: list[nn.Parameter] = []
    sections: dict[nn.Parameter, list[nn.Parameter]] = {}
    decayed: list[nn.Parameter] = []
    decayed_embeddings: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in model.parameters():
        if config.optimizer == "muon" and parameter.dim() == 2 and id(parameter) not in outside:
            if id(parameter) in stacked:
                rows = torch.split(parameter.data, list(stacked[id(parameter)]))
                sections[parameter] = [nn.Parameter(section) for section in rows]
            orthogonal.extend(sections.get(parameter, [parameter]))
        elif config.decay_all or (parameter.dim() >= 2 and id(parameter) not in embeddings):
            decayed.append(parameter)
        elif id(parameter) in embeddings and config.embedding_weight_decay:
            decayed_embeddings.append(parameter)
        else:
            others.append(parameter)
    rate = config.learning_rate
    if config.optimizer == "muon" and config.embedding_learning_rate is not None:
        rate = config.embedding_learning_rate
    share = rate / config.learning_rate
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay, _SHARE: share},
        {"params": decayed_embeddings, "weight_decay": config.embedding_weight_decay, _SHARE: share},
        {"params": others, "weight_decay": 0.0, _SHARE: share},
    ]
    adamw = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=rate,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        fused=True,
    )
    if config.optimizer == "adamw":
        return adamw
    muons = [
        torch.optim.Muon(
            [{"params": [matrix], _SHARE: 1.0}],
            lr=config.learning_rate,
            momentum=config.muon_momentum,
            weight_decay=config.weight_decay,
        )
        for matrix in sorted(
            orthogonal, key=torch.numel, reverse=True
        )  # large ones first, so that threads end together
    ]
    return MuonAndAdamW(muons, adamw, sections)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group the schedule's `rate`, times the group's own share."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[_SHARE]
