"""What a request does, by the shapes' own arithmetic and by another road, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_bundles import RECORD

from tinylm.budget.estimate.work import MOST_TOP_K, Unmodelled, Work, request_work
from tinylm.bundle.manifest import GenerationDefaults, Manifest
from tinylm.runtime.backends.contract import CHUNK_TOKENS
from tinylm.settings.model import ModelConfig

SMALL = ModelConfig(
    architecture="llama", vocab_size=512, context_length=64, n_layer=2, n_head=4, n_kv_head=2, d_model=64, d_ff=96
)


def manifest(*, scheme: str = "int8", **changed: object) -> Manifest:
    """The manifest of a small model; what is changed belongs to its shape, quantization or generation."""
    parts: dict[str, object] = {
        "model": SMALL,
        "quantization": dataclasses.replace(RECORD.quantization, scheme=scheme, embedding=None, kv_cache="fp32"),
        "generation": GenerationDefaults(temperature=0.8, top_k=40, top_p=0.9),
    }
    for name, part in parts.items():
        fields = {field.name for field in dataclasses.fields(part)}  # type: ignore[arg-type]
        parts[name] = dataclasses.replace(part, **{key: changed[key] for key in changed if key in fields})  # type: ignore[type-var]
    return dataclasses.replace(RECORD, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["int8", "fp32"])
@pytest.mark.parametrize("sizes", [{}, {"n_layer": 3, "n_kv_head": 4, "d_ff": 48}, {"d_model": 128, "n_kv_head": 1}])
def test_the_weights_of_a_token_are_all_matrices(scheme: str, sizes: dict[str, int]) -> None:
    found = manifest(scheme=scheme, **sizes)
    model = found.model
    d, heads = model.d_model, (model.n_head + 2 * model.n_kv_head) * model.head_dim
    layer = d * heads + d * d + 3 * d * model.d_ff
    itl = request_work(found, prompt_tokens=16, new_tokens=20).itl
    rows, none = (itl.int8_rows, itl.float_rows) if scheme == "int8" else (itl.float_rows, itl.int8_rows)
    assert (rows, none) == (model.n_layer * layer + model.vocab_size * d, 0)
    assert (itl.int8_fours, itl.float_fours) == (0, 0)
    assert itl.heads == model.n_layer * model.n_head
    assert itl.logits == itl.top_k_logits == model.vocab_size
    assert (itl.tokens, itl.runs, itl.requests, itl.prompt_tokens) == (1, 1, 0, 0)


def test_sizes_are_padded_as_the_engine_pads_them() -> None:
    odd = request_work(manifest(d_ff=90, vocab_size=500), prompt_tokens=16, new_tokens=20).itl
    even = request_work(manifest(d_ff=96, vocab_size=512), prompt_tokens=16, new_tokens=20).itl
    assert odd.int8_rows == even.int8_rows
    assert odd.gates < even.gates


def test_an_embedding_of_its_own_precision_makes_the_logits() -> None:
    itl = request_work(manifest(embedding="fp32"), prompt_tokens=16, new_tokens=20).itl
    assert itl.float_rows == SMALL.vocab_size * SMALL.d_model
    # In `classic` the head is a matrix of its own, and int8 with the others.
    classic = manifest(embedding="fp32", architecture="classic", n_kv_head=4)
    assert request_work(classic, prompt_tokens=16, new_tokens=20).itl.float_rows == 0


def test_a_prompt_is_read_in_chunks_four_rows_at_a_time() -> None:
    head = SMALL.vocab_size * SMALL.d_model
    one = request_work(manifest(), prompt_tokens=2, new_tokens=2)
    blocks = one.itl.int8_rows - head
    ttft = request_work(manifest(), prompt_tokens=36, new_tokens=2).ttft  # 16, 16 and 3 are read, then one is answered
    assert ttft.runs == 4
    assert ttft.int8_fours == 8 * blocks
    assert ttft.int8_rows == 3 * blocks + blocks + head
    assert (ttft.requests, ttft.prompt_tokens, ttft.tokens) == (1, 36, 1)


@settings(max_examples=30)
@given(prompt=st.integers(2, 40), new=st.integers(2, 24), window=st.sampled_from([None, 7, 33]))
def test_a_request_is_the_sum_of_its_tokens(prompt: int, new: int, window: int | None) -> None:
    work = request_work(manifest(sliding_window=window), prompt_tokens=prompt, new_tokens=new)
    # By another road: every position for itself.
    seen = [min(position + 1, window or 64) for position in range(prompt + new - 1)]
    heads = SMALL.n_layer * SMALL.n_head
    assert work.latency.masses == heads * sum((count + 15) // 16 * 16 for count in seen)
    pairs = sum((count + 15) // 16 * 16 + count for count in seen) / 2
    assert work.latency.pairs == heads * pairs * SMALL.head_dim
    assert work.latency.layer_rows == SMALL.n_layer * len(seen)
    assert work.latency.runs == -(-(prompt - 1) // CHUNK_TOKENS) + new
    assert work.latency.tokens == new
    assert work.latency == pytest.approx(work.ttft.plus(work.itl, new - 1))
    assert all(value >= 0 for value in work.latency)


def test_how_a_token_is_chosen() -> None:
    greedy = request_work(manifest(temperature=0.0), prompt_tokens=16, new_tokens=20).itl
    assert (greedy.logits, greedy.top_k_logits, greedy.candidates) == (512, 0, 0)
    drawn = request_work(manifest(repetition_penalty=1.2), prompt_tokens=16, new_tokens=20).itl
    assert (drawn.logits, drawn.top_k_logits, drawn.penalised_logits, drawn.candidates) == (512, 512, 512, 40)


def test_what_an_int8_cache_changes() -> None:
    plain = request_work(manifest(), prompt_tokens=16, new_tokens=20).itl
    int8 = request_work(manifest(kv_cache="int8"), prompt_tokens=16, new_tokens=20).itl
    assert (int8.pairs, int8.int8_pairs) == (0, plain.pairs)
    assert (int8.remembered, int8.int8_remembered) == (0, plain.remembered)


def test_the_parts_of_classic() -> None:
    itl = request_work(manifest(architecture="classic", n_kv_head=4), prompt_tokens=16, new_tokens=20).itl
    assert itl.gelus == SMALL.n_layer * SMALL.d_ff
    assert itl.layer_norms == SMALL.n_layer * 2 * SMALL.d_model
    assert (itl.gates, itl.rms_norms, itl.rotated) == (0, 0, 0)


@pytest.mark.parametrize(("top_k", "what"), [(0, "off"), (MOST_TOP_K + 1, str(MOST_TOP_K + 1))])
def test_sorting_that_nobody_counted_is_refused(top_k: int, what: str) -> None:
    with pytest.raises(Unmodelled, match=f"its `top_k` is {what}"):
        request_work(manifest(top_k=top_k), prompt_tokens=16, new_tokens=20)


def test_sums() -> None:
    assert Work(requests=1, tokens=2).plus(Work(tokens=3), 2) == Work(requests=1, tokens=8)
