"""Rows that hold several documents."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from tinylm.config import PRESETS
from tinylm.model import build
from tinylm.tokenizer import BOS
from tinylm.training.documents import document_mask


@pytest.mark.parametrize("name", ["tiny", "classic"])
@pytest.mark.parametrize("grad", [True, False], ids=["training", "evaluation"])
def test_a_document_in_a_row_of_several_reads_as_if_alone(name: str, grad: bool) -> None:
    """`tiny` alone gives equal logits: rotary positions are relative, `classic` counts from the start of the row."""
    config = dataclasses.replace(PRESETS[name].model, vocab_size=50)
    torch.manual_seed(0)
    model = build(config)
    ids = torch.randint(1, 50, (2, 40))
    ids[0, 0] = ids[0, 15] = ids[0, 16] = ids[1, 7] = BOS
    other = ids.clone()
    other[0, :15] += (other[0, :15] > 0) * (1 - 2 * (other[0, :15] > 25).long())  # another first document
    with torch.set_grad_enabled(grad):
        hidden = model.hidden(ids, document_mask(ids))
        changed = model.hidden(other, document_mask(other))
        unmasked = model.hidden(ids)
        if name == "tiny":
            for row, start, end in ((0, 0, 15), (0, 15, 16), (0, 16, 40), (1, 0, 7), (1, 7, 40)):
                alone = model.hidden(ids[row : row + 1, start:end])
                torch.testing.assert_close(hidden[row : row + 1, start:end], alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(hidden[0, 15:], changed[0, 15:], rtol=0, atol=1e-6)
    assert (hidden[0, 17:] - unmasked[0, 17:]).abs().max() > 1e-3
