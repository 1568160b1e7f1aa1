"""Small bundles with random weights and real tokenizers, small texts and runs, made once a session."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import settings

from tinylm.base.errors import TinylmError
from tinylm.base.records import to_bytes
from tinylm.bundle import manifest as contract
from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import write_bundle
from tinylm.dataset.build import build_dataset, plan_dataset
from tinylm.dataset.dataset import Dataset
from tinylm.runtime.backends.contract import Backend
from tinylm.settings.model import ModelConfig
from tinylm.settings.plan import Facts, RunPlan, plan
from tinylm.settings.run import RunRequest, TokenizerConfig, TrainingConfig
from tinylm.tokenizer.tokenizer import BOS, EOS, NORMALISATION, PAD, UNK
from tinylm.virtual_pi.programs import BUILDING, RUNNING, find_program, install_line

# A shared machine is slow at times, and no test here is about time.
settings.register_profile("tinylm", deadline=None)
settings.load_profile("tinylm")

pytest_plugins = ["chat_server", "decoder_graphs", "programs", "sample_reports", "small_exports"]  # of tests/fixtures

MakeBundle = Callable[..., Bundle]


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
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup

# Bit for bit is what the CPU promises; a GPU adds in an order of its own. test_cuda.py gives it back to its processes.
_GPUS = os.environ.get("CUDA_VISIBLE_DEVICES")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

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
    from tinylm.export.graph.graph import build_graph
    from tinylm.model import weight_shapes

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
            contract.GOLDEN: to_bytes({"schema": "1.0", "prompts": [], "encodings": [], "held_out": []}),
            contract.CARD: b"# a test\n",
        }
        folder = tmp_path_factory.mktemp("bundles") / "bundle"
        made[key] = write_bundle(folder, _manifest(config, scheme, contents[contract.TOKENIZER]), contents)
        return made[key]

    return make


def _manifest(config: ModelConfig, scheme: str, tokenizer: bytes) -> contract.Manifest:
    from tinylm.export.graph.graph import input_names, output_names

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


@pytest.fixture(params=["native", "onnxruntime"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each way to run a bundle."""
    name: Backend = request.param
    return name


@pytest.fixture(scope="session")
def tiny_bundle(make_bundle: MakeBundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small int8 bundle that is whole: its golden.json holds what the runtime really answers on this machine."""
    from tinylm.runtime.engine import Engine
    from tinylm.runtime.generation import generate_ids
    from tinylm.runtime.sampling import Sampler, Sampling
    from tinylm.runtime.scoring import text_bits
    from tinylm.tokenizer.tokenizer import Tokenizer

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
    contents[contract.GOLDEN] = to_bytes(golden)
    return write_bundle(tmp_path_factory.mktemp("tiny") / "bundle", bare.manifest, contents)


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
def small_run(texts: Path) -> RunRequest:
    """A run of a few seconds on the texts: 24 steps in 3 epochs of 8."""
    return RunRequest(
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
            batch_size=24,
            epochs=3,
            learning_rate=3e-3,
            warmup_fraction=0.1,
            grad_clip=1.0,
            precision="fp32",
            compile="off",  # measuring takes longer than the run
        ),
    )


@pytest.fixture(scope="session")
def small_plan(small_run: RunRequest) -> RunPlan:
    """The plan of `small_run`, of no dataset."""
    return plan(small_run, Facts(dataset=None, validation_text=None, tokenizer=small_run.tokenizer))


@pytest.fixture(scope="session")
def dataset(small_run: RunRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The dataset of `small_run`."""
    record = plan_dataset(small_run.corpus, small_run.tokenizer)
    root = tmp_path_factory.mktemp("datasets")
    return build_dataset(record, small_run.corpus, root=root, progress=lambda line: None)


@pytest.fixture(scope="session")
def with_gpus() -> dict[str, str]:
    """The environment as it was before the GPUs were hidden from the tests."""
    own = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    return own if _GPUS is None else {**own, "CUDA_VISIBLE_DEVICES": _GPUS}
