"""Rows that hold several documents."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tinylm.model import build
from tinylm.settings.run import PRESETS
from tinylm.tokenizer.tokenizer import BOS
from tinylm.training.step.step import document_mask

CPU = torch.device("cpu")


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
    mask = document_mask((ids == BOS).cumsum(1, dtype=torch.int32).numpy(), CPU)
    with torch.set_grad_enabled(grad):
        hidden = model.hidden(ids, mask)
        changed = model.hidden(other, mask)
        unmasked = model.hidden(ids)
        if name == "tiny":
            for row, start, end in ((0, 0, 15), (0, 15, 16), (0, 16, 40), (1, 0, 7), (1, 7, 40)):
                alone = model.hidden(ids[row : row + 1, start:end])
                torch.testing.assert_close(hidden[row : row + 1, start:end], alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(hidden[0, 15:], changed[0, 15:], rtol=0, atol=1e-6)
    assert (hidden[0, 17:] - unmasked[0, 17:]).abs().max() > 1e-3


def test_the_mask_says_past_and_same_document() -> None:
    documents = np.array([[0, 0, 1, 1, 2, -1, -1], [0, 0, 0, 0, 0, 0, 0]], np.int32)
    mask = document_mask(documents, CPU)
    assert mask is not None
    assert (mask.dtype, mask.shape) == (torch.bool, (2, 1, 7, 7))
    for row, numbers in enumerate(documents.tolist()):
        for query in range(7):
            for key in range(7):
                sees = key <= query and numbers[key] == numbers[query]
                assert bool(mask[row, 0, query, key]) == sees
    assert mask.any(dim=3).all()  # padding too: attention to nothing is not a number


@pytest.mark.parametrize(
    ("documents", "needed"),
    [
        ([[0, 0, 0], [0, 0, 0]], False),
        ([[0, 0, -1], [0, -1, -1]], False),  # padding comes last: nothing sees it
        ([[1, 1, 1], [0, 0, 0]], False),  # of a stream, begun with BOS and inside a document
        ([[0, 0, 0], [0, 0, 1]], True),
        ([[0, 1, -1], [0, 0, 0]], True),
    ],
)
def test_single_documents_need_no_mask(documents: list[list[int]], needed: bool) -> None:
    assert (document_mask(np.array(documents, np.int32), CPU) is not None) == needed
