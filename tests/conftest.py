"""Small bundles with random weights and real tokenizers, small texts and runs, made once a session."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import signal
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np
import pytest
import sentencepiece
from hypothesis import settings

from tinylm import bundle as contract
from tinylm.bundle import Bundle, write_bundle
from tinylm.config import RunConfig, TokenizerConfig, TrainingConfig
from tinylm.errors import TinylmError
from tinylm.model_config import ModelConfig
from tinylm.tokenizer import BOS, EOS, NORMALISATION, PAD, UNK
from tinylm.virtual_pi.programs import BUILDING, RUNNING, find_program, install_line

# A shared machine is slow at times, and no test here is about time.
settings.register_profile("tinylm", deadline=None)
settings.load_profile("tinylm")

if TYPE_CHECKING:
    import onnx

    from tinylm.budget.report import Report

MakeBundle = Callable[..., Bundle]
MakeGraph = Callable[..., "onnx.ModelProto"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that boot an emulated board are skipped, visibly, where its programs are missing."""
    if item.get_closest_marker("virtual_pi") is None:
        return
    missing = []
    for name in (*RUNNING, *BUILDING, "qemu-img"):
        try:
            find_program(name)
        except TinylmError:
            missing.append(name)
    if missing:
        pytest.skip(f"no {', '.join(missing)}: {install_line()}")


# A shell gives what it starts in the background an ignored SIGINT, and children inherit it: tests of Ctrl-C would press
# it in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Models this small gain nothing from threads, and lose much when the cores are busy; child processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What tinylm learns of this machine while tests run is not the user's; child processes inherit it."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


def train_tokenizer(vocab_size: int, *, byte_fallback: bool = False) -> bytes:
    """A SentencePiece model of generated sentences, with the options that tinylm trains with."""
    rng = random.Random(0)
    syllables = ["ca", "sa", "ño", "lu", "mi", "té", "ro", "an", "del", "ing", "the", "wa", "ed", "¿qué?", "out", "st"]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 3))) for _ in range(300)]
    lines = (" ".join(rng.choices(words, k=rng.randint(2, 9))).capitalize() + ".\n" for _ in range(500))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_writer=model,
        model_type="unigram",
        vocab_size=vocab_size,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        byte_fallback=byte_fallback,
        user_defined_symbols=["\n"],
        bos_id=BOS,
        eos_id=EOS,
        pad_id=PAD,
        unk_id=UNK,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


@pytest.fixture(scope="session")
def make_bundle(tmp_path_factory: pytest.TempPathFactory) -> MakeBundle:
    """Build a bundle: `make_bundle(scheme="int8", byte_fallback=False, context_length=48, ...model sizes)`."""
    from tinylm.export.graph import build_graph, weight_shapes

    made: dict[object, Bundle] = {}

    def make(*, scheme: str = "fp32", byte_fallback: bool = False, **sizes: int) -> Bundle:
        key = (scheme, byte_fallback, tuple(sorted(sizes.items())))
        if key in made:
            return made[key]
        tokenizer_size = 400 if byte_fallback else 128
        defaults = {
            "vocab_size": tokenizer_size,
            "context_length": 48,
            "n_layer": 2,
            "n_head": 4,
            "n_kv_head": 2,
            "d_model": 64,
            "d_ff": 88,
        }
        config = ModelConfig(architecture="llama", **{**defaults, **sizes})
        rng = np.random.default_rng(0)
        weights = {
            name: np.asarray(
                1 + 0.1 * rng.standard_normal(shape)
                if len(shape) == 1
                else rng.standard_normal(shape) / shape[1] ** 0.5,
                np.float32,
            )
            for name, shape in weight_shapes(config).items()
        }
        # Logits of a few units, as a trained model's: the embedding is the head too.
        weights["norm.weight"] *= 3
        # EOS at a logit of 0 is never the likeliest: texts of a random model do not end by chance at temperature 0.
        weights["embedding.weight"][EOS] = 0
        contents = {
            contract.MODEL: build_graph(config, weights, scheme=scheme),  # type: ignore[arg-type]
            contract.TOKENIZER: train_tokenizer(tokenizer_size, byte_fallback=byte_fallback),
            contract.GOLDEN: contract.to_json({"schema": "1.0", "prompts": [], "encodings": [], "held_out": []}),
            contract.CARD: b"# a test\n",
        }
        folder = tmp_path_factory.mktemp("bundles") / "bundle"
        made[key] = write_bundle(folder, _manifest(config, scheme, contents[contract.TOKENIZER]), contents)
        return made[key]

    return make


def _manifest(config: ModelConfig, scheme: str, tokenizer: bytes) -> contract.Manifest:
    from tinylm.export.graph import input_names, output_names

    return contract.Manifest(
        schema=contract.SCHEMA,
        requires=(),
        name="test",
        version="1.0.0",
        task="generate",
        languages=("en", "es"),
        model=config,
        special_ids=contract.SpecialIds(bos=BOS, eos=EOS, pad=PAD, unk=UNK),
        context_policy="drop-oldest",
        tokenizer=contract.TokenizerEntry(
            kind="unigram", normalisation=NORMALISATION, sha256=hashlib.sha256(tokenizer).hexdigest()
        ),
        chat_template=None,
        generation=contract.GenerationDefaults(),
        adapters=(),
        quantization=contract.Quantization(
            scheme=scheme,  # type: ignore[arg-type]
            activations="int8-dynamic" if scheme == "int8" else "fp32",
            parameters=1,
        ),
        graph=contract.GraphEntry(
            inputs=input_names(config), outputs=output_names(config), capabilities=(contract.SAMPLER,)
        ),
        files={},
        minimum_versions={},
        cpu_features=(),
        provenance=contract.Provenance(
            tinylm_version="0",
            git_commit=None,
            run_id="test",
            dataset_hash="0",
            data_licence="none",
            seeds=(0,),
            metrics={},
        ),
        quality={},
    )


@pytest.fixture(scope="session")
def tiny_bundle(make_bundle: MakeBundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small int8 bundle that is whole: its golden.json holds what the runtime really answers on this machine."""
    from tinylm.runtime.engine import Engine
    from tinylm.runtime.generation import generate_ids
    from tinylm.runtime.sampling import Sampler, Sampling
    from tinylm.runtime.scoring import text_bits
    from tinylm.tokenizer import Tokenizer

    bare = make_bundle(scheme="int8", byte_fallback=True, context_length=64)
    tokenizer = Tokenizer(bare.tokenizer)
    with Engine(bare) as engine:
        prompts = []
        for prompt in ("Sañolu mité.", "The can", ""):
            ids = [BOS, *tokenizer.encode(prompt)]
            answer = list(
                generate_ids(engine, ids, Sampler(Sampling(temperature=0)), max_new_tokens=8, stop_at_eos=False)
            )
            prompts.append({"prompt": prompt, "prompt_ids": ids, "ids": answer})
        held_out = []
        for language, text in (("en", "The can is out.\n" * 3), ("es", "¿Qué ñoca mité?\n" * 3)):
            bits = text_bits(engine, tokenizer, text)[0]
            held_out.append({"language": language, "text": text, "bits_fp32": bits - 0.25, "bits": bits})
    texts = ("casa ñolu\n\n  del", "¿qué? out", "")
    encodings = [{"text": text, "ids": tokenizer.encode(text)} for text in texts]
    golden = {"schema": contract.SCHEMA, "prompts": prompts, "encodings": encodings, "held_out": held_out}
    contents = {name: (bare.path / name).read_bytes() for name in contract.REQUIRED}
    contents[contract.GOLDEN] = contract.to_json(golden)
    return write_bundle(tmp_path_factory.mktemp("tiny") / "bundle", bare.manifest, contents)


@pytest.fixture(scope="session")
def make_decoder_graph() -> MakeGraph:
    """A decoder as exporters elsewhere write it, with random weights; the same model with and without cache.

    `make_decoder_graph(cached=True, ids="int64", cache="float32", extra=("attention_mask",), logits=3)`: 2 layers, 2
    heads of 8, `vocab_size` 64. `extra` inputs may be `attention_mask`, `position_ids`, `num_logits_to_keep`; `logits`
    is their rank, and with `last` they are the last token's alone.
    """
    import onnx
    from onnx import helper, numpy_helper

    types = {name: helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in ("int64", "int32", "float32", "float16")}

    def make(
        *,
        cached: bool,
        ids: str = "int64",
        cache: str = "float32",
        extra: tuple[str, ...] = (),
        logits: int = 3,
        last: bool = False,
        vocab_size: int = 64,
        positions: int = 128,
    ) -> onnx.ModelProto:
        rng, layers, heads, size = np.random.default_rng(3), 2, 2, 8
        width = heads * size
        nodes: list[onnx.NodeProto] = []
        weights: dict[str, np.ndarray] = {}

        def node(kind: str, *inputs: str | np.ndarray, out: str = "", **attributes: object) -> str:
            names = []
            for value in inputs:
                name = value if isinstance(value, str) else f"constant_{len(weights)}"
                if not isinstance(value, str):
                    weights[name] = value
                names.append(name)
            name = out or f"{kind}_{len(nodes)}"
            nodes.append(helper.make_node(kind, names, [name], **attributes))
            return name

        def weight(*shape: int) -> np.ndarray:
            return np.asarray(rng.standard_normal(shape) / shape[0] ** 0.5, np.float32)

        def whole(*values: int) -> np.ndarray:
            return np.array(values, np.int64)

        def tensor(name: str, kind: str, shape: list[object]) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, types[kind], shape)

        inputs, outputs = [tensor("input_ids", ids, ["batch", "sequence"])], []
        tokens = node("Gather", node("Shape", "input_ids"), whole(1))
        past = node("Gather", node("Shape", "past_key_values.0.key"), whole(2)) if cached else "none"
        weights["none"] = whole(0)
        total = node("Add", past, tokens)
        scalar = [node("Squeeze", name) for name in (past, total)]
        asked = node("Range", *scalar, np.array(1, np.int64))
        keys = node("Range", np.array(0, np.int64), scalar[1], np.array(1, np.int64))
        place = asked
        for name in extra:
            shape = (
                [] if name == "num_logits_to_keep" else ["batch", "total" if name == "attention_mask" else "sequence"]
            )
            inputs.append(tensor(name, "int64" if name == "num_logits_to_keep" else ids, shape))
        if "position_ids" in extra:
            place = node("Cast", node("Squeeze", "position_ids", whole(0)), to=types["int64"])
        x = node(
            "Add",
            node("Gather", weight(vocab_size, width), "input_ids"),
            node("Gather", weight(positions, width), place),
        )
        seen = node("LessOrEqual", node("Unsqueeze", keys, whole(0)), node("Unsqueeze", asked, whole(1)))
        if "attention_mask" in extra:  # 1 where a token is
            there = node("Cast", node("Squeeze", "attention_mask", whole(0)), to=onnx.TensorProto.BOOL)
            seen = node("And", seen, node("Unsqueeze", there, whole(0)))
        for layer in range(layers):
            parts = {}
            for part in ("query", "key", "value"):
                split = node("Reshape", node("MatMul", x, weight(width, width)), whole(0, 0, heads, size))
                parts[part] = node("Transpose", split, perm=[0, 2, 1, 3])
            for part in ("key", "value") if cached else ():
                names = f"past_key_values.{layer}.{part}", f"present.{layer}.{part}"
                shape = ["batch", heads, "past", size], ["batch", heads, "total", size]
                inputs.append(tensor(names[0], cache, shape[0]))
                outputs.append(tensor(names[1], cache, shape[1]))
                stored = node("Cast", parts[part], to=types[cache])
                parts[part] = node("Cast", node("Concat", names[0], stored, out=names[1], axis=2), to=types["float32"])
            scores = node("MatMul", parts["query"], node("Transpose", parts["key"], perm=[0, 1, 3, 2]))
            share = node("Softmax", node("Where", seen, scores, np.float32(-1e9).reshape(1)), axis=-1)
            joined = node("Transpose", node("MatMul", share, parts["value"]), perm=[0, 2, 1, 3])
            x = node("Add", x, node("MatMul", node("Reshape", joined, whole(0, 0, width)), weight(width, width)))
        if last or logits == 2:
            kept = (
                node("Neg", node("Reshape", "num_logits_to_keep", whole(1)))
                if "num_logits_to_keep" in extra
                else whole(-1)
            )
            x = node("Slice", x, kept, whole(np.iinfo(np.int64).max), whole(1))
        if logits == 2:
            x = node("Squeeze", x, whole(1))
        node("MatMul", x, weight(width, vocab_size) * 4, out="logits")
        outputs.insert(
            0, tensor("logits", "float32", ["batch", "rows", vocab_size] if logits == 3 else ["batch", vocab_size])
        )
        stored = [numpy_helper.from_array(value, name) for name, value in weights.items()]
        graph = helper.make_graph(nodes, "decoder", inputs, outputs, stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.checker.check_model(model)
        return model

    return make


_WORDS = {
    "en": "the a king queen said to little girl opened door and went into house of night when sun was shining once"
    " upon",
    "es": "el la rey reina dijo a una niña abrió puerta y entró en casa de noche cuando sol brillaba había vez qué"
    " vivía",
}


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `en.txt` and `es.txt`, about 9 KB of paragraphs of random words each."""
    folder = tmp_path_factory.mktemp("texts")
    rng = random.Random(0)
    for language, words in _WORDS.items():
        paragraphs = (
            " ".join(" ".join(rng.choices(words.split(), k=rng.randint(5, 14))).capitalize() + "." for _ in range(4))
            for _ in range(50)
        )
        (folder / f"{language}.txt").write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def small_run(texts: Path) -> RunConfig:
    """A run of a few seconds on the texts: 24 steps in 3 epochs of 8."""
    return RunConfig(
        preset="tiny",
        corpus=(f"en:{texts / 'en.txt'}", f"es:{texts / 'es.txt'}"),
        model=ModelConfig(
            architecture="llama",
            vocab_size=100,
            context_length=32,
            n_layer=2,
            n_head=2,
            n_kv_head=1,
            d_model=32,
            d_ff=48,
        ),
        tokenizer=TokenizerConfig(vocab_size=100),
        training=TrainingConfig(
            batch_size=24, epochs=3, learning_rate=3e-3, warmup_fraction=0.1, grad_clip=1.0, precision="fp32"
        ),
    )


@pytest.fixture(scope="session")
def full_report(tiny_bundle: Bundle) -> Report:
    """A report with everything that one can hold: a real check of a small bundle, and on top of it a limit of every
    verdict, causes, advice, and a board that says how hot it is."""
    from tinylm.budget.advice import Advice
    from tinylm.budget.check import Options, check_bundle
    from tinylm.budget.comparison import compare
    from tinylm.budget.spec import Confidence, load_budget
    from tinylm.budget.validity import Cause

    host = load_budget("host")
    far = replace(host.limits, latency_p95_ms=9_000, ttft_p95_ms=9_000, itl_p95_ms=400, cold_start_ms=60_000)
    budget = replace(host, confidence=Confidence(looks=(59,), processes=2, warmup=1, memory_requests=200), limits=far)
    report = check_bundle(tiny_bundle, budget, announce=len, options=Options(soak_minutes=0.01))
    assert report.validity is not None
    assert report.soak is not None
    changes: dict[str, dict[str, Any]] = {
        "bundle_mb": {"verdict": "fail"},
        "peak_rss_mb": {"verdict": "not_measured", "measured": None, "margin": None},
        "latency_p95_ms": {"verdict": "undecided", "void": "throttling", "evidence": "void: it was hot"},
    }
    causes = (
        Cause(name="throttling", kind="times", voids="everything", what="it was hot", hint="cool it: `--soak` waits"),
        Cause(name="swap", kind="memory", voids="passes", what="3.0 MB were in swap", hint="sudo swapoff -a"),
    )
    advice = (
        Advice(
            limit="bundle_mb",
            change="the preset `tiny`",
            predicted=1.7,
            unit="MB",
            passes=True,
            basis="estimated",
            how="scaled by its parameters",
        ),
    )
    old = replace(report, bundle=replace(report.bundle, sha256="0" * 64), limits=report.limits)
    compared = replace(compare(old, report), notes=("Python was 3.11.2 and is 3.13.5",))
    warm = [replace(end, temperature_c=61.5, clock_mhz=1000.0) for end in report.soak.intervals]
    return replace(
        report,
        limits=tuple(replace(limit, **changes.get(limit.name, {})) for limit in report.limits),
        verdict="fail",
        validity=replace(report.validity, causes=causes),
        advice=advice,
        notes=("the whole text is run again for every token",),
        comparison=compared,
        moments=tuple(replace(moment, temperature_c=55.5, clock_mhz=1000.0) for moment in report.moments),
        soak=replace(report.soak, intervals=tuple(warm)),
    )


@pytest.fixture(scope="session")
def with_text() -> Callable[[Any, str], Any]:
    """Puts a text in the place of every free text of a report, as somebody hostile could; what refuses it stays."""

    def put(value: Any, text: str) -> Any:
        if isinstance(value, tuple):
            texts = all(isinstance(item, str) for item in value)
            return tuple(text if texts else put(item, text) for item in value)
        if not is_dataclass(value) or isinstance(value, type):
            return value
        hints = get_type_hints(type(value))
        for field in fields(value):
            old = getattr(value, field.name)
            free = isinstance(old, str) and hints[field.name] in (str, str | None)
            with contextlib.suppress(ValueError):
                value = replace(value, **{field.name: text if free else put(old, text)})
        return value

    return put
