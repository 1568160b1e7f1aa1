"""The average of weights against its recurrence, and that it can be applied and continued."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tinylm.training.step.averaging import WeightAverage


def test_the_recurrence_with_its_faster_start() -> None:
    layer = nn.Linear(2, 1, bias=False)
    average = WeightAverage(layer, decay=0.2)
    expected = layer.weight.detach().clone()
    for n in range(6):
        with torch.no_grad():
            layer.weight.fill_(float(n))
        average.update()
        decay = min(0.2, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * n
        torch.testing.assert_close(average.weights["weight"], expected)
    assert average.updates == 6


def test_the_first_update_forgets_nine_tenths() -> None:
    """What the weights were before training began is soon forgotten, however long the average is to be."""
    layer = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(10.0)
    average = WeightAverage(layer, decay=0.999)
    with torch.no_grad():
        layer.weight.fill_(0.0)
    average.update()
    assert float(average.weights["weight"]) == pytest.approx(1.0)


def test_applied_and_taken_back_even_after_an_error() -> None:
    layer = nn.Linear(2, 1)
    averaged = layer.weight.detach().clone()
    average = WeightAverage(layer, decay=0.9)
    with torch.no_grad():
        layer.weight.add_(1)
    own = layer.weight.detach().clone()
    with average.applied():
        assert torch.equal(layer.weight, averaged)
    assert torch.equal(layer.weight, own)

    def fail() -> None:
        with average.applied():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.equal(layer.weight, own)


def test_a_saved_average_goes_on_to_the_last_bit() -> None:
    layer = nn.Linear(3, 2)
    one = WeightAverage(layer, decay=0.95)
    one.update()
    other = WeightAverage(nn.Linear(3, 2), decay=0.95)
    other.load(one.weights, updates=one.updates)
    other._model = layer
    with torch.no_grad():
        layer.weight.mul_(2)
    for average in (one, other):
        average.update()
    assert torch.equal(one.weights["weight"], other.weights["weight"])
    with pytest.raises(KeyError, match="other names"):
        one.load({"nothing": torch.zeros(1)}, updates=0)
