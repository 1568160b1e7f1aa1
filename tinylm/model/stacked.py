"""Several linear layers on the same input, computed as one product."""

from __future__ import annotations

from torch import nn


class StackedLinear(nn.Linear):
    """Linear layers without bias whose outputs lie side by side; `sections` is the width of each.

    The weight is theirs one below the other. What works on whole matrices (Muon) must take it apart again.
    """

    def __init__(self, in_features: int, *sections: int) -> None:
        super().__init__(in_features, sum(sections), bias=False)
        self.sections = sections
