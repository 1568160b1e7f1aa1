"""The chunked loss against torch's cross-entropy in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tinylm.training.step.loss import CHUNK, linear_cross_entropy


def inputs(n: int, *, ignored: float = 0.2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n)
    hidden = torch.randn(n, 16, generator=generator, dtype=torch.float64)
    weight = torch.randn(37, 16, generator=generator, dtype=torch.float64)
    targets = torch.randint(37, (n,), generator=generator)
    targets[torch.rand(n, generator=generator) < ignored] = -100
    return hidden.requires_grad_(), weight.requires_grad_(), targets


@pytest.mark.parametrize("n", [1, 5, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_value_and_gradients(n: int) -> None:
    hidden, weight, targets = inputs(n)
    expected = F.cross_entropy(hidden @ weight.T, targets, reduction="sum", ignore_index=-100)
    expected_gradients = torch.autograd.grad(3 * expected, (hidden, weight))
    total = linear_cross_entropy(hidden, weight, targets, dtype=torch.float64)
    gradients = torch.autograd.grad(3 * total, (hidden, weight))
    # The softmax and the sum are fp32 by design: 24 bits of mantissa.
    torch.testing.assert_close(total.double(), expected.detach(), rtol=1e-6, atol=1e-6)
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        assert found.dtype == torch.float64
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_target_that_is_not_predicted_costs_and_teaches_nothing() -> None:
    hidden, weight, targets = inputs(40, ignored=0)
    targets[10:] = -100
    total = linear_cross_entropy(hidden, weight, targets, dtype=torch.float32)
    alone = linear_cross_entropy(hidden[:10], weight, targets[:10], dtype=torch.float32)
    assert total.item() == pytest.approx(alone.item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(total, hidden)
    assert not gradient[10:].any()
    assert gradient[:10].any()
    nothing = linear_cross_entropy(hidden, weight, torch.full_like(targets, -100), dtype=torch.float32)
    assert nothing.item() == 0


def test_one_input_alone_may_want_a_gradient() -> None:
    hidden, weight, targets = inputs(12)
    both = torch.autograd.grad(linear_cross_entropy(hidden, weight, targets, dtype=torch.float32), (hidden, weight))
    for fixed, other in ((0, 1), (1, 0)):
        arguments = [hidden, weight]
        arguments[fixed] = arguments[fixed].detach()
        total = linear_cross_entropy(arguments[0], arguments[1], targets, dtype=torch.float32)
        assert torch.equal(torch.autograd.grad(total, arguments[other])[0], both[other])


def test_without_gradients_the_value_is_the_same() -> None:
    hidden, weight, targets = inputs(CHUNK + 7)
    with torch.no_grad():
        value = linear_cross_entropy(hidden, weight, targets, dtype=torch.float32)
    assert not value.requires_grad
    assert value == linear_cross_entropy(hidden, weight, targets, dtype=torch.float32)


def test_bf16_is_close_and_logits_far_apart_stay_finite() -> None:
    hidden, weight, targets = inputs(300)
    exact = linear_cross_entropy(hidden, weight, targets, dtype=torch.float64)
    rounded = linear_cross_entropy(hidden, weight, targets, dtype=torch.bfloat16)
    assert rounded.item() == pytest.approx(exact.item(), rel=0.01)  # 8 bits of mantissa, averaged over 300
    huge = linear_cross_entropy(hidden * 1e4, weight, targets, dtype=torch.float32)
    reference = F.cross_entropy(hidden * 1e4 @ weight.T, targets, reduction="sum", ignore_index=-100)
    assert huge.item() == pytest.approx(reference.item(), rel=1e-5)
