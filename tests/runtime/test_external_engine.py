"""Decoders from elsewhere through ONNX Runtime: both documented forms of one model give the same tokens."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import sentencepiece

from tinylm.base.errors import TinylmError
from tinylm.external_decoder.description import Decoder, open_decoder
from tinylm.runtime.external_engine import ExternalEngine
from tinylm.runtime.generation import TextDecoder, generate_ids
from tinylm.runtime.logits import sample
from tinylm.runtime.measurement.external_candidate import ExternalTokenizer, random_prompt
from tinylm.runtime.sampling import Sampler, Sampling

MakeGraph = Callable[..., Any]
PROMPT = [5, 9, 60, 2, 2, 31, 7]


def decoder(folder: Path, model: Any, *, context_length: int = 64) -> Decoder:
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    text = f'schema = "1.0"\nname = "test"\ncontext_length = {context_length}\n'
    (folder / "decoder.toml").write_text(text, encoding="utf-8")
    return open_decoder(folder / "decoder.toml")


def greedy(engine: ExternalEngine, *, prompt: list[int] = PROMPT, count: int = 20) -> list[int]:
    sampler = Sampler(Sampling(temperature=0), vocab_size=engine.vocab_size, forbidden=())
    return list(generate_ids(engine, prompt, sampler, max_new_tokens=count, stop_at_eos=False))


@pytest.fixture(scope="session")
def expected(make_decoder_graph: MakeGraph) -> list[int]:
    """The greedy tokens by the reference evaluator of `onnx`, which shares no code with ONNX Runtime."""
    from onnx.reference import ReferenceEvaluator

    evaluator, ids = ReferenceEvaluator(make_decoder_graph(cached=False)), list(PROMPT)
    for _ in range(20):
        (logits,) = evaluator.run(["logits"], {"input_ids": np.array([ids], np.int64)})
        ids.append(int(logits[0, -1].argmax()))
    assert len(set(ids[7:])) > 5  # a model that repeats one token would prove little
    return ids[7:]


FORMS: dict[str, dict[str, Any]] = {
    "no cache": {"cached": False},
    "no cache, int32, every input": {"cached": False, "ids": "int32", "extra": ("attention_mask", "position_ids")},
    "no cache, last logits": {"cached": False, "last": True},
    "no cache, rank 2": {"cached": False, "logits": 2},
    "cache": {"cached": True},
    "cache, every input": {
        "cached": True,
        "extra": ("attention_mask", "position_ids", "num_logits_to_keep"),
        "last": True,
    },
    "cache, int32, rank 2": {"cached": True, "ids": "int32", "extra": ("position_ids",), "logits": 2},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_documented_form_gives_the_same_tokens(
    form: dict[str, Any], expected: list[int], make_decoder_graph: MakeGraph, tmp_path: Path
) -> None:
    with ExternalEngine(decoder(tmp_path, make_decoder_graph(**form))) as engine:
        assert (engine.vocab_size, engine.context_length) == (64, 64)
        assert greedy(engine) == expected
        assert greedy(engine) == expected  # nothing of the first text is left
        assert engine.length == len(PROMPT) + 19


def test_a_scored_step_says_how_likely_all_tokens_are(make_decoder_graph: MakeGraph, tmp_path: Path) -> None:
    """Of the whole vocabulary: nothing is forbidden in a foreign one."""
    sampler = Sampler(Sampling(temperature=0), vocab_size=64, forbidden=())
    with ExternalEngine(decoder(tmp_path, make_decoder_graph(cached=True))) as engine:
        engine.prefill(PROMPT[:-1])
        logits = np.array(engine.logits(PROMPT[-1]), np.float64)
        engine.truncate(len(PROMPT) - 1)
        token, logprob, likeliest = engine.step_scored(PROMPT[-1], sampler, alternatives=64)
    expected = logits - np.log(np.exp(logits).sum())
    assert [i for i, _ in likeliest] == np.argsort(-logits, kind="stable").tolist()
    assert [value for _, value in likeliest] == pytest.approx(np.sort(expected)[::-1].tolist(), abs=1e-6)
    assert (token, logprob) == likeliest[0]


def test_a_float16_cache_rounds_and_no_more(make_decoder_graph: MakeGraph, tmp_path: Path) -> None:
    with (
        ExternalEngine(decoder(tmp_path / "half", make_decoder_graph(cached=True, cache="float16"))) as half,
        ExternalEngine(decoder(tmp_path / "full", make_decoder_graph(cached=False))) as full,
    ):
        for token in PROMPT:
            # Keys and values of about 1 have 11 bits, and logits here are 4 times a sum of 16 of them.
            assert np.allclose(half.logits(token), full.logits(token), atol=0.05)


def test_float16_logits_are_read_as_they_are(make_decoder_graph: MakeGraph, tmp_path: Path) -> None:
    model = make_decoder_graph(cached=False)
    model.graph.node[-1].output[0] = "exact"
    model.graph.node.append(onnx.helper.make_node("Cast", ["exact"], ["logits"], to=onnx.TensorProto.FLOAT16))
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    with (
        ExternalEngine(decoder(tmp_path / "half", model)) as half,
        ExternalEngine(decoder(tmp_path / "full", make_decoder_graph(cached=False))) as full,
    ):
        for token in PROMPT:
            expected = np.asarray(full.logits(token)).astype(np.float16).astype(np.float32)
            assert np.array_equal(half.logits(token), expected)


@pytest.mark.parametrize("cached", [False, True])
def test_truncating_forgets_exactly_the_end(cached: bool, make_decoder_graph: MakeGraph, tmp_path: Path) -> None:
    with ExternalEngine(decoder(tmp_path, make_decoder_graph(cached=cached))) as engine:
        engine.prefill(PROMPT[:-1])
        first = list(engine.logits(PROMPT[-1]))
        engine.prefill([1, 2, 3])
        engine.logits(4)
        for kept in (len(PROMPT) - 1, 3, 0):
            engine.truncate(kept)
            engine.prefill(PROMPT[kept:-1])
            # The same numbers in another order of runs: float32 sums of tens of terms.
            assert np.allclose(engine.logits(PROMPT[-1]), first, atol=1e-4)
        with pytest.raises(TinylmError, match="cannot truncate to 8 tokens; the sequence has 7"):
            engine.truncate(8)


@pytest.mark.parametrize("cached", [False, True])
def test_bad_tokens_leave_the_sequence_as_it_was(cached: bool, make_decoder_graph: MakeGraph, tmp_path: Path) -> None:
    with ExternalEngine(decoder(tmp_path, make_decoder_graph(cached=cached), context_length=8)) as engine:
        engine.prefill(PROMPT[:5])
        for call in (
            lambda: engine.prefill([1, 64]),
            lambda: engine.logits(-1),
            lambda: engine.score([1, 64]),
            lambda: engine.score([1, -1]),
        ):
            with pytest.raises(TinylmError, match="not in the vocabulary of 64"):
                call()
        with pytest.raises(TinylmError, match="5 tokens and 4 more are too many; the context holds 8"):
            engine.prefill([1, 1, 1, 1])
        assert engine.length == 5
    engine.close()
    with pytest.raises(TinylmError, match="closed"):
        engine.logits(1)


def test_a_context_longer_than_the_positions_fails_with_a_reason(make_decoder_graph: MakeGraph, tmp_path: Path) -> None:
    opened = decoder(tmp_path, make_decoder_graph(cached=True, positions=8))
    with ExternalEngine(opened) as engine, pytest.raises(TinylmError, match="failed while running") as caught:
        greedy(engine)
    assert "onnxruntime alone" in caught.value.hint


def test_a_cache_that_does_not_grow_is_refused(make_decoder_graph: MakeGraph, tmp_path: Path) -> None:
    """Some graphs give the new keys and values alone: measured as if they were all, attention would see nothing."""
    model = make_decoder_graph(cached=True)
    for node in list(model.graph.node):
        if node.output[0].startswith("present."):
            new, present = node.input[1], node.output[0]
            node.output[0] = present + ".all"
            for other in model.graph.node:
                other.input[:] = [present + ".all" if name == present else name for name in other.input]
            model.graph.node.append(onnx.helper.make_node("Identity", [new], [present]))
    with ExternalEngine(decoder(tmp_path, model)) as engine:
        engine.prefill(PROMPT[:-1])
        engine.logits(PROMPT[-1])  # with an empty cache, the new ones are all
        match = r"`present.0.key` is \[1, 2, 1, 8\] after 7 cached tokens and 1 new ones; \[1, 2, 8, 8\] is documented"
        with pytest.raises(TinylmError, match=match):
            engine.logits(1)


def test_a_foreign_vocabulary_beyond_65536_is_sampled(make_decoder_graph: MakeGraph, tmp_path: Path) -> None:
    """All ids can be chosen, also those that tinylm's own models reserve."""
    with ExternalEngine(decoder(tmp_path, make_decoder_graph(cached=True, vocab_size=70_000))) as engine:
        sampling = Sampling(temperature=100, repetition_penalty=1.1, seed=1)
        sampler = Sampler(sampling, vocab_size=engine.vocab_size, forbidden=())
        sampler.observe([69_999])
        ids = list(generate_ids(engine, [69_999], sampler, max_new_tokens=30, stop_at_eos=False))
    assert max(ids) > 65_536
    logits = np.zeros(64, np.float32)
    logits[3] = 9
    assert sample(logits, Sampler(Sampling(temperature=0), vocab_size=64, forbidden=()))[0] == 3


def foreign_tokenizer(file: Path, *, vocab_size: int, bos_id: int) -> Path:
    """A SentencePiece model with other special ids than tinylm's, and its own normalisation."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat", "a dog ate the cat", "El gato comió pan"] * 50),
        model_writer=model,
        vocab_size=vocab_size,
        hard_vocab_limit=False,
        unk_id=0,
        bos_id=bos_id,
        eos_id=2,
        byte_fallback=False,
        num_threads=1,
        minloglevel=2,
    )
    file.write_bytes(model.getvalue())
    return file


def test_a_foreign_tokenizer_is_used_as_it_is(tmp_path: Path) -> None:
    path = foreign_tokenizer(tmp_path / "tokenizer.model", vocab_size=40, bos_id=1)
    tokenizer = ExternalTokenizer(path, vocab_size=64)
    assert tokenizer.bos_id == 1
    ids = tokenizer.encode("the  cat")
    assert tokenizer.decode(ids) == "the cat"  # its own normalisation: one space
    stream = TextDecoder(tokenizer, after=1)
    # Ids that pad a vocabulary say nothing.
    assert "".join(map(stream.push, [ids[0], 63, *ids[1:]])) + stream.flush() == "the cat"
    with pytest.raises(TinylmError, match=r"has \d+ pieces; the graph has logits for 8"):
        ExternalTokenizer(path, vocab_size=8)
    assert ExternalTokenizer(foreign_tokenizer(path, vocab_size=40, bos_id=-1), vocab_size=64).bos_id is None
    path.write_bytes(b"garbage")
    with pytest.raises(TinylmError, match="is not a SentencePiece model"):
        ExternalTokenizer(path, vocab_size=64)


def test_prompts_without_a_tokenizer_are_the_same_everywhere() -> None:
    assert random_prompt(0, tokens=6, vocab_size=64) == [49, 53, 5, 33, 62, 51]  # CPython's Mersenne Twister
    assert random_prompt(1, tokens=6, vocab_size=64) != random_prompt(0, tokens=6, vocab_size=64)
