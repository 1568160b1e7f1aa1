"""What a request does, read off real graphs: against the shapes' own arithmetic, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinylm.budget.estimate.work import MOST_TOP_K, Unmodelled, Work, request_work
from tinylm.bundle.manifest import MODEL
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.writing import write_bundle
from tinylm.runtime.backends.contract import CHUNK_TOKENS

MakeBundle = Callable[..., Bundle]


def changed(bundle: Bundle, folder: Path, *, graph_bytes: bytes | None = None, **manifest: object) -> Bundle:
    """A copy with another graph, or another manifest."""
    contents = {name: (bundle.path / name).read_bytes() for name in bundle.manifest.files}
    contents |= {} if graph_bytes is None else {MODEL: graph_bytes}
    return write_bundle(folder / "changed", dataclasses.replace(bundle.manifest, **manifest), contents)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["int8", "fp32"])
@pytest.mark.parametrize("sizes", [{}, {"n_layer": 3, "n_kv_head": 4, "d_ff": 40}, {"d_model": 128, "n_kv_head": 1}])
def test_the_weights_of_a_token_are_all_matrices(make_bundle: MakeBundle, scheme: str, sizes: dict[str, int]) -> None:
    bundle = make_bundle(scheme=scheme, **sizes)
    model = bundle.manifest.model
    d, heads = model.d_model, (model.n_head + 2 * model.n_kv_head) * model.head_dim
    layer = d * heads + d * d + 3 * d * model.d_ff
    itl = request_work(bundle, prompt_tokens=16, new_tokens=20).itl
    rows, none = (itl.int8_rows, itl.float_rows) if scheme == "int8" else (itl.float_rows, itl.int8_rows)
    assert (rows, none) == (model.n_layer * layer + model.vocab_size * d, 0)
    assert (itl.int8_chunks, itl.float_chunks) == (0, 0)
    assert itl.heads == model.n_layer * model.n_head
    assert itl.top_k_logits == model.vocab_size
    assert (itl.choosing_runs, itl.reading_runs, itl.requests) == (1, 0, 0)


def test_a_prompt_is_read_in_chunks_and_its_head_works_on_one_position(make_bundle: MakeBundle) -> None:
    bundle = make_bundle(scheme="int8", context_length=64)
    model = bundle.manifest.model
    one = request_work(bundle, prompt_tokens=2, new_tokens=2)
    head = model.vocab_size * model.d_model
    blocks = one.itl.int8_rows - head
    ttft = request_work(bundle, prompt_tokens=36, new_tokens=2).ttft  # 16, 16 and 3 are read, then one is answered
    assert ttft.reading_runs == 3
    assert ttft.int8_chunks == 36 * blocks  # four rows at a time, the last ones filled up
    assert ttft.int8_rows == blocks + 4 * head
    assert ttft.nodes == 4 * one.itl.nodes


@settings(max_examples=30)
@given(prompt=st.integers(2, 40), new=st.integers(2, 24))
def test_a_request_is_the_sum_of_its_runs(tiny_bundle: Bundle, prompt: int, new: int) -> None:
    work = request_work(tiny_bundle, prompt_tokens=prompt, new_tokens=new)
    model = tiny_bundle.manifest.model
    # By another road: every run for itself.
    seen, read = 0, 0
    while read < prompt - 1:
        step = min(CHUNK_TOKENS, prompt - 1 - read)
        seen += step * (read + step)
        read += step
    seen += sum(prompt + place for place in range(new))
    assert work.latency.head_positions == pytest.approx(seen * model.n_layer * model.n_head)
    alone = sum(prompt + place for place in range(new)) + (prompt - 1 if prompt % CHUNK_TOKENS == 2 else 0)
    assert work.latency.row_positions == pytest.approx(alone * model.n_layer * model.d_model)
    assert work.latency.choosing_runs == new
    together = work.ttft.plus(work.itl, new - 1)
    assert work.latency == pytest.approx(together)
    assert all(value >= 0 for value in work.latency)


def test_the_likeliest_token_is_another_choice(tiny_bundle: Bundle, tmp_path: Path) -> None:
    greedy = dataclasses.replace(tiny_bundle.manifest.generation, temperature=0.0)
    itl = request_work(changed(tiny_bundle, tmp_path, generation=greedy), prompt_tokens=16, new_tokens=20).itl
    assert (itl.choosing_runs, itl.top_k_logits) == (0, 0)
    assert (itl.greedy_runs, itl.greedy_logits) == (1, tiny_bundle.manifest.model.vocab_size)


@pytest.mark.parametrize(
    ("generation", "why"),
    [
        ({"top_k": 0}, "`top_k` is off"),
        ({"top_k": MOST_TOP_K + 1}, "`top_k` is 101"),
        ({"repetition_penalty": 1.1}, "`repetition_penalty` is 1.1"),
    ],
)
def test_a_choice_that_was_never_counted(
    tiny_bundle: Bundle, tmp_path: Path, generation: dict[str, float], why: str
) -> None:
    asked = dataclasses.replace(tiny_bundle.manifest.generation, **generation)  # type: ignore[arg-type]
    with pytest.raises(Unmodelled, match=why):
        request_work(changed(tiny_bundle, tmp_path, generation=asked), prompt_tokens=16, new_tokens=20)


def test_other_forms_of_a_graph_are_not_guessed(tiny_bundle: Bundle, tmp_path: Path) -> None:
    manifest = tiny_bundle.manifest
    bare = dataclasses.replace(manifest.graph, capabilities=())
    with pytest.raises(Unmodelled, match="does not choose the token itself"):
        request_work(changed(tiny_bundle, tmp_path, graph=bare), prompt_tokens=16, new_tokens=20)
    cache = dataclasses.replace(manifest.quantization, kv_cache="int8")
    with pytest.raises(Unmodelled, match="its cache is int8"):
        request_work(changed(tiny_bundle, tmp_path, quantization=cache), prompt_tokens=16, new_tokens=20)
    window = dataclasses.replace(manifest.model, sliding_window=16)
    with pytest.raises(Unmodelled, match="a sliding window"):
        request_work(changed(tiny_bundle, tmp_path, model=window), prompt_tokens=16, new_tokens=20)


@pytest.mark.parametrize(
    ("op", "why"), [("Tanh", "a node `Tanh`"), ("MatMul", "multiplies no constant float32 matrix")]
)
def test_a_node_that_was_never_counted(tiny_bundle: Bundle, tmp_path: Path, op: str, why: str) -> None:
    model = onnx.load(tiny_bundle.model)
    model.graph.node.append(onnx.helper.make_node(op, ["logits", "logits"][: 1 + (op == "MatMul")], ["more"]))
    bundle = changed(tiny_bundle, tmp_path, graph_bytes=model.SerializeToString())
    with pytest.raises(Unmodelled, match=why):
        request_work(open_bundle(bundle.path), prompt_tokens=16, new_tokens=20)


def test_work_is_added_up() -> None:
    assert Work(nodes=2, heads=1).plus(Work(nodes=3), 2) == Work(nodes=8, heads=1)
