"""What `tinylm evaluate` is pointed at: a run's checkpoint or a bundle, opened to score text.

    with open_model(Path("runs/mine")) as model:          # its best checkpoint
        costs = model.measure(documents, say=print)

A report that was saved with `--json` stands for the model that it is about. Torch is only loaded for checkpoints: a
board evaluates bundles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MANIFEST
from tinylm.bundle.reading import open_bundle
from tinylm.bundle.store import CONFIG, find_run
from tinylm.evaluation.costs import DocumentCost, Scored, measure
from tinylm.evaluation.documents import TextDocument
from tinylm.evaluation.report import ModelDescription, read_saved
from tinylm.runtime.backends.contract import TokenEngine
from tinylm.runtime.scoring import score_ids
from tinylm.tokenizer.tokenizer import Tokenizer, normalise

_CHECKPOINT_RECORD = "checkpoint.json"
_BEST = "best"


class Measure(Protocol):
    """What documents cost a model; `say` is told how far it is."""

    def __call__(self, documents: Sequence[TextDocument], *, say: Callable[[str], None]) -> list[DocumentCost]: ...


@dataclass(frozen=True, kw_only=True)
class EvaluatedModel:
    """A model that is open, or what was saved of one."""

    description: ModelDescription
    dataset: str | None
    """Hash of the dataset that it was trained on, where that is known."""
    validation_text: Callable[[], str | None]
    """Hash of the text that was held out of that, where it is known."""
    measure: Measure
    own_text: Callable[[], tuple[str, list[TextDocument]]]
    """What it is evaluated on when no text is named, and that in words; TinylmError when there is none."""


@contextmanager
def open_model(path: Path | None) -> Iterator[EvaluatedModel]:
    """Open a run (its best checkpoint), a checkpoint's folder, a bundle or a report; the latest run for None.

    TinylmError when it is none of these, or damaged.
    """
    if path is not None and path.suffix == ".json" and path.is_file():
        yield _saved(path)
    elif path is not None and (path / MANIFEST).is_file():
        with _bundle(path) as model:
            yield model
    elif path is not None and (path / _CHECKPOINT_RECORD).is_file():
        yield _checkpoint(path.absolute().parents[1], path.name, shown=str(path))
    elif path is None or (path / CONFIG).is_file():
        run = find_run(path, checkpoint=_BEST)
        yield _checkpoint(run, _BEST, shown=f"{run}/checkpoints/{_BEST}")
    else:
        raise TinylmError(
            f"`{path}` is no run, checkpoint or bundle" if path.exists() else f"`{path}` does not exist",
            "name a folder such as `runs/NAME`, `runs/NAME/checkpoints/final` or `runs/NAME/bundle`, or a report",
        )


def is_held_out_of_both(first: EvaluatedModel, second: EvaluatedModel) -> bool:
    """The second model's validation text is the first one's, as far as is known; their tokenizers may differ."""
    if second.dataset in (None, first.dataset):
        return True
    text = second.validation_text()
    return text is not None and text == first.validation_text()


def _saved(path: Path) -> EvaluatedModel:
    saved = read_saved(path)

    def measure_again(documents: Sequence[TextDocument], *, say: Callable[[str], None]) -> list[DocumentCost]:
        return saved.costs(documents)

    def nothing() -> tuple[str, list[TextDocument]]:
        raise TinylmError(f"`{path}` holds figures and no text", "name the text that it was made of with --text")

    return EvaluatedModel(
        description=saved.model, dataset=None, validation_text=lambda: None, measure=measure_again, own_text=nothing
    )


@contextmanager
def _bundle(path: Path) -> Iterator[EvaluatedModel]:
    from tinylm.runtime.engine import Engine

    bundle = open_bundle(path)
    manifest = bundle.manifest

    def held_out() -> tuple[str, list[TextDocument]]:
        # the beginnings of documents: EOS does not follow them
        documents = [
            TextDocument(text=normalise(text.text), language=text.language, source="golden.json", ends=False)
            for text in bundle.golden().held_out
            if normalise(text.text)
        ]
        if not documents:
            raise TinylmError(f"the bundle `{path}` holds no held-out text", "name a text with --text")
        return f"the held-out text of {path}", documents

    with Engine(bundle) as engine:
        yield EvaluatedModel(
            description=ModelDescription(
                name=str(path),
                kind="bundle",
                description=f"bundle {manifest.name} {manifest.version}, {manifest.quantization.scheme}, runtime",
                vocab_size=engine.vocab_size,
                context_length=engine.context_length,
                precision=manifest.quantization.scheme,
            ),
            dataset=manifest.provenance.dataset_hash,
            validation_text=partial(_validation_text, manifest.provenance.dataset_hash),
            measure=partial(measure, tokenizer=Tokenizer(bundle.tokenizer), score=partial(score_by_runtime, engine)),
            own_text=held_out,
        )


def score_by_runtime(engine: TokenEngine, streams: Sequence[NDArray[np.int64]]) -> Iterator[Sequence[Scored]]:
    """Cross-entropy in nats of every token of each stream [T + 1] after the first, token by token as on the device."""
    width = engine.context_length
    for number, stream in enumerate(streams):
        for first in range(0, len(stream) - 1, width):
            window = stream[first : first + width + 1].tolist()
            yield [(number, first, np.array(score_ids(engine, window)))]


def _validation_text(dataset: str) -> str | None:
    from tinylm.dataset.dataset import open_dataset

    try:
        return open_dataset(dataset).validation_text
    except TinylmError:  # a bundle goes where its dataset does not
        return None


def _checkpoint(run: Path, name: str, *, shown: str) -> EvaluatedModel:
    from tinylm.corpus.corpus_files import read_pieces
    from tinylm.dataset.dataset import open_dataset
    from tinylm.evaluation.model_scoring import score
    from tinylm.model import from_weights
    from tinylm.training.device import pick_device
    from tinylm.training.run.checkpoint import Checkpoints, load_weights

    record = Checkpoints(run).read_record(name)
    if record.config.dataset is None:
        raise TinylmError(f"the checkpoint `{shown}` names no dataset", "train again with --force")
    config, weights = load_weights(run, name)
    dataset = open_dataset(record.config.dataset)
    tokenizer = dataset.tokenizer()
    if tokenizer.vocab_size != config.vocab_size:
        raise TinylmError(
            f"the model of `{shown}` has {config.vocab_size} pieces, its dataset's tokenizer {tokenizer.vocab_size}",
            "train again with --force",
        )
    model = from_weights(config, weights).to(pick_device())

    def validation() -> tuple[str, list[TextDocument]]:
        documents = [
            TextDocument(text=piece.text, language=piece.language, source=piece.source, ends=piece.end)
            for piece in read_pieces(dataset.path / "val.jsonl")
        ]
        return f"the validation text of {shown}", documents

    return EvaluatedModel(
        description=ModelDescription(
            name=shown,
            kind="checkpoint",
            description=f"checkpoint of step {record.progress.step:,}, fp32, torch",
            vocab_size=config.vocab_size,
            context_length=config.context_length,
            precision="fp32",
        ),
        dataset=dataset.hash,
        validation_text=partial(_validation_text, dataset.hash),
        measure=partial(
            measure, tokenizer=tokenizer, score=partial(score, model, context_length=config.context_length)
        ),
        own_text=validation,
    )
