"""Each gate on engines with one defect: what it measures, to the number, and where its limit is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from table_engine import Logits, TableEngine, smooth
from torch import Tensor

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import LanguageQuality, QualityIntervals
from tinylm.export.kernels import CoreKernels
from tinylm.export.quality.quality import divergence
from tinylm.export.verification import (
    SAMPLINGS,
    Gate,
    cache_gate,
    chunk_gate,
    cut_prompts,
    integer_gate,
    quality_gate,
    refuse_failures,
    sampler_gate,
    size_gate,
    torch_gates,
)
from tinylm.runtime.backends.contract import CHUNK_TOKENS
from tinylm.runtime.logits import sample
from tinylm.runtime.sampling import Sampler
from tinylm.settings.model import ModelConfig

PROMPTS = [[1, *range(4, 9)], [1, 7, 7, 4]]
LLAMA = ModelConfig(
    architecture="llama", vocab_size=100, context_length=32, n_layer=3, n_head=4, n_kv_head=2, d_model=64, d_ff=40
)
CLASSIC = dataclasses.replace(LLAMA, architecture="classic", n_kv_head=4)


def engine(*arguments: Any, **named: Any) -> Any:
    return TableEngine(*arguments, **named)


def trained(windows: Sequence[Sequence[int]]) -> list[Tensor]:
    """The module that every engine here should agree with."""
    return [torch.from_numpy(np.array([smooth(ids[: n + 1]) for n in range(len(ids))])) for ids in windows]


def test_the_torch_gates_read_every_logit_and_count_the_choices_from_the_prompts_end_on() -> None:
    logits, greedy = torch_gates(trained, engine(), PROMPTS)
    assert (logits.name, logits.measured, logits.limit) == ("torch_logits", 0, 1e-4)
    assert (greedy.name, greedy.measured, greedy.limit) == ("torch_greedy", 0, 0)

    def off_at(length: int, by: float) -> Any:
        """A logit of the text with this length is off."""

        def answer(ids: list[int], prefilled: int) -> Logits:
            row = smooth(ids)
            row[3] += by * (len(ids) == length)
            return row

        return engine(answer)

    expected = trained([PROMPTS[1]])[0]
    logits, greedy = torch_gates(trained, off_at(2, 0.5), [PROMPTS[1]])
    assert 0 < logits.measured <= 0.5 / float(expected.abs().max())
    assert greedy.measured == 0  # inside the prompt nothing is chosen
    for length, wrong in ((3, 0), (4, 1), (28, 1), (29, 0)):  # 4 tokens of the prompt and 24 more are read
        logits, greedy = torch_gates(trained, off_at(length, 100), [PROMPTS[1]])
        assert (greedy.measured, logits.passed) == (wrong, length == 29), length
    # The larger of two prompts' errors, and each prompt's wrong choices.
    far = off_at(6, 100)
    logits, greedy = torch_gates(trained, far, PROMPTS)
    assert greedy.measured == 2
    assert logits.measured == max(torch_gates(trained, far, [prompt])[0].measured for prompt in PROMPTS)


def test_the_error_is_a_share_of_the_largest_expected_logit() -> None:
    def expected(windows: Sequence[Sequence[int]]) -> list[Tensor]:
        return [torch.tensor([[-4.0, 2.0, 1.0]]).repeat(len(ids), 1) for ids in windows]

    found = engine(lambda ids, prefilled: np.array([-4.0, 2.0, 0.0], np.float32))
    assert torch_gates(expected, found, [[1, 0]])[0].measured == pytest.approx(1 / 4)


@pytest.mark.parametrize(("context_length", "count"), [(48, 28), (6, 6)])
def test_the_module_reads_the_prompt_and_its_greedy_continuation(context_length: int, count: int) -> None:
    read: list[Sequence[int]] = []

    def reading(windows: Sequence[Sequence[int]]) -> list[Tensor]:
        read.extend(windows)
        return trained(windows)

    torch_gates(reading, engine(context_length=context_length), [PROMPTS[1]])
    expected = [*PROMPTS[1]]
    while len(expected) < count:
        expected.append(int(smooth(expected).argmax()))
    assert read == [expected]


def test_a_not_a_number_is_never_lost() -> None:
    def broken(ids: list[int], prefilled: int) -> Logits:
        return np.full(12, np.nan, np.float32) if ids == PROMPTS[0] else smooth(ids)

    assert not torch_gates(trained, engine(broken), PROMPTS)[0].passed
    assert not cache_gate(engine(broken), [PROMPTS[0], [1, 4]]).passed


def test_the_cache_gate_reads_every_fifth_beginning_again() -> None:
    fine = engine()
    assert cache_gate(fine, [[1, *range(4, 11), *range(4, 8)]]).measured == 0
    assert [len(ids) for ids in fine.prefills] == [0, 5, 10]

    def forgets(ids: list[int], prefilled: int) -> Logits:
        return smooth(ids) * (1 + 0.25 * (prefilled == 5))

    gate = cache_gate(engine(forgets), PROMPTS)
    assert (gate.name, gate.limit) == ("cached_decode", 1e-4)
    assert gate.measured == pytest.approx(0.25)
    assert cache_gate(engine(forgets), PROMPTS[1:]).measured == 0  # no beginning of it has six tokens


def test_the_chunk_gate_is_a_mean_over_prefixes_longer_than_a_chunk() -> None:
    prompt = [1, *([4, 5, 6] * 8)][: CHUNK_TOKENS + 3]

    def noisy(ids: list[int], prefilled: int) -> Logits:
        row = smooth(ids)
        row[5] += 0.3 * (prefilled >= CHUNK_TOKENS)
        return row

    lengths = range(CHUNK_TOKENS + 1, len(prompt) + 1)
    pairs = [(smooth(prompt[:n]), noisy(prompt[:n], n - 1)) for n in lengths]
    expected = [divergence(*(torch.from_numpy(row[None]) for row in pair)) for pair in pairs]
    gate = chunk_gate(engine(noisy), [prompt, prompt, PROMPTS[0]])
    assert (gate.name, gate.limit, gate.unit) == ("int8_chunks", 0.01, "nats")
    assert gate.measured == pytest.approx(np.mean(expected))
    assert chunk_gate(engine(noisy), PROMPTS).measured == 0  # none is longer than a chunk


def test_the_sampler_gate_counts_every_other_choice() -> None:
    gate = sampler_gate(engine(), PROMPTS)
    assert (gate.name, gate.measured, gate.limit) == ("sampler", 0, 0)

    def worst(sampler: Sampler, logits: Logits) -> int:
        """The least likely token that may be chosen; temperature 0 stays right."""
        return sample(logits, sampler)[0] if not sampler.sampling.temperature else int(logits[4:].argmin()) + 4

    def forbidden(sampler: Sampler, logits: Logits) -> int:
        return 0

    tokens = sum(map(len, PROMPTS))
    drawn = sum(sampling.temperature > 0 for sampling in SAMPLINGS)
    assert 0 < sampler_gate(engine(choose=worst), PROMPTS).measured <= tokens * drawn
    assert sampler_gate(engine(choose=forbidden), PROMPTS).measured == tokens * len(SAMPLINGS)

    def deaf(sampler: Sampler, logits: Logits) -> int:
        """Counts no token as seen: only the penalty shows it."""
        return sample(logits, Sampler(dataclasses.replace(sampler.sampling, repetition_penalty=1.0)))[0]

    assert sampler_gate(engine(choose=deaf), [[1, *[token for token in range(4, 12) for _ in range(3)]]]).measured > 0


def test_every_way_to_choose_is_tried() -> None:
    ways = {(s.temperature > 0, s.top_k > 0, s.top_p < 1, s.repetition_penalty != 1) for s in SAMPLINGS}
    assert len(ways) == len(SAMPLINGS)
    assert ways >= {
        (False, False, False, False),
        (False, False, False, True),
        (True, False, False, False),
        (True, True, False, False),
        (True, False, True, False),
        (True, True, True, True),
    }
    assert all(s.seed is not None for s in SAMPLINGS if s.temperature)


@pytest.mark.parametrize(
    ("config", "embedding", "integer", "measured", "words"),
    [
        (LLAMA, "int8", (9, 9), 0, "core"),
        (LLAMA, "int8", (9, 7), 2, "core"),
        (LLAMA, "fp32", (9, 8), 0, "core, beside the head, which is the fp32 embedding"),
        (LLAMA, "fp32", (9, 7), 1, "core, beside the head, which is the fp32 embedding"),
        (CLASSIC, "fp32", (9, 8), 1, "core"),
    ],
)
def test_products_that_are_not_integer_on_the_worst_core(
    config: ModelConfig, embedding: Any, integer: tuple[int, int], measured: int, words: str
) -> None:
    cores = [
        CoreKernels(core=name, products=products, integer=count, kernels=("some",))
        for name, (products, count) in {"good": (9, 9), "this": integer, "also good": (9, 9)}.items()
    ]
    gate = integer_gate(config, cores, embedding)
    assert (gate.name, gate.measured, gate.limit, gate.unit) == ("int8_products", measured, 0, "products")
    assert gate.meaning.endswith(words)


def test_the_size_that_is_allowed_is_that_of_every_weight_once() -> None:
    structure = 4096 * (3 + 4)
    norms, angles = 4 * (3 * 2 + 1) * 64, 4 * 32 * 16
    matrices = {"qkv": (128, 64), "output": (64, 64), "gate_up": (80, 64), "down": (64, 40)}
    int8 = 3 * sum(rows * (columns + 4) for rows, columns in matrices.values())
    fp32 = 3 * sum(4 * rows * columns for rows, columns in matrices.values())
    for scheme, embedding, limit in (
        ("int8", "int8", int8 + 100 * 68),
        ("int8", "fp32", int8 + 4 * 100 * 64),
        ("fp32", "fp32", fp32 + 4 * 100 * 64),
    ):
        gate = size_gate(LLAMA, b"0" * 77, scheme, embedding)  # type: ignore[arg-type]
        assert (gate.name, gate.measured, gate.unit) == ("graph_bytes", 77, "bytes")
        assert gate.limit == structure + norms + angles + limit
    # No angles; positions, biases of the norms and a head of its own.
    classic = 3 * sum(rows * (columns + 4) for rows, columns in ((192, 64), (64, 64), (40, 64), (64, 40)))
    tables = (100 + 32 + 100) * 68
    assert size_gate(CLASSIC, b"", "int8", "int8").limit == structure + 4 * 3 * 4 * 64 + classic + tables


def quality(increase: float, interval: tuple[float, float] | None) -> LanguageQuality:
    two = (0.0, 0.0)
    intervals = None
    if interval:
        intervals = QualityIntervals(
            bpb_increase=interval, perplexity=two, perplexity_fp32=two, kl=two, top1_agreement=two
        )
    return LanguageQuality(
        tokens=1,
        bytes=1,
        bpb_fp32=2.0,
        bpb=2.0 + increase,
        perplexity=1,
        kl=0,
        top1_agreement=1,
        intervals=intervals,
    )


def test_the_loss_is_judged_by_the_upper_end_of_its_interval() -> None:
    gate = quality_gate("en", quality(0.25, (0.125, 0.5)), 0.375)
    assert (gate.name, gate.measured, gate.limit, gate.passed) == ("bpb_increase.en", 0.5, 0.375, False)
    assert gate.meaning.startswith("upper 95 % end of the loss of quality")
    assert gate.meaning.endswith("the goal is 0.001")
    gate = quality_gate("en", quality(0.25, None), 0.375)
    assert (gate.measured, gate.passed) == (0.25, True)
    assert gate.meaning.startswith("loss of quality")


def test_prompts_are_the_beginning_middle_and_end() -> None:
    ids = list(range(101))
    assert cut_prompts(ids, 48) == [ids[:24], ids[38:62], ids[77:]]
    assert cut_prompts(ids, 10) == [ids[:10], ids[45:55], ids[91:]]
    assert cut_prompts(ids[:3], 48) == [[0, 1, 2]] * 3


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["bpb_increase.en"], "`--fp32` exports without quantization"),
        (["int8_chunks", "int8_products", "bpb_increase.es"], "`--fp32` exports without quantization"),
        (["torch_logits"], "this is a defect of tinylm or of the checkpoint"),
        (["bpb_increase.en", "sampler"], "this is a defect of tinylm or of the checkpoint"),
    ],
)
def test_the_hint_is_about_what_failed(names: list[str], hint: str) -> None:
    gates = [Gate(name=name, measured=2, limit=1, unit="u", meaning="m") for name in names]
    passed = Gate(name="cached_decode", measured=0, limit=1, unit="u", meaning="m")
    with pytest.raises(TinylmError, match="the export failed its gates: ") as caught:
        refuse_failures([passed, *gates])
    assert caught.value.exit_code == 1
    assert caught.value.hint == f"nothing was written; {hint}"
    assert caught.value.message.count("over the limit") == len(names)


def test_a_value_that_is_no_number_has_failed() -> None:
    with pytest.raises(TinylmError, match="torch_logits"):
        refuse_failures([Gate(name="torch_logits", measured=math.nan, limit=1, unit="u", meaning="m")])
