"""Opening what a training starts from: a dataset or tokenizer that is there already, a run or bundle with weights."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.bundle.manifest import MANIFEST
from tinylm.bundle.manifest import MODEL as GRAPH
from tinylm.bundle.reading import open_bundle
from tinylm.bundle.store import CONFIG
from tinylm.corpus import gutenberg
from tinylm.dataset.build import Reuse, ready_tokenizer, taken_over
from tinylm.dataset.dataset import latest_dataset, open_dataset
from tinylm.dataset.selection import parse_weights
from tinylm.export.graph.weights import weights_of
from tinylm.settings.plan import read_plan
from tinylm.settings.run import RunRequest
from tinylm.training.guards.forgetting import OLD_TEXT_BYTES, Initial
from tinylm.training.run.checkpoint import BEST, WEIGHTS, Checkpoints, load_weights

LATEST = "latest"
"""The dataset that was completed last."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What a training starts from; `request` names the text that is taken over."""

    request: RunRequest
    reuse: Reuse | None
    initial: Initial | None


@contextlib.contextmanager
def open_sources(
    request: RunRequest,
    *,
    dataset: str | None = None,
    corpus: bool = True,
    tokenizer: bool = True,
    tokenizer_file: Path | None = None,
    weights: Sequence[str] = (),
    progress: Callable[[str], None],
) -> Iterator[Sources]:
    """Open what a new run starts from.

    Of `dataset`, a hash or `LATEST`, the `corpus` and the `tokenizer` are taken over; or the `tokenizer_file`.
    `weights` (`SOURCE=NUMBER`) are those of the text's sources.
    """
    with contextlib.ExitStack() as stack:
        reuse = initial = None
        if dataset is not None:
            found = latest_dataset() if dataset == LATEST else open_dataset(dataset)
            reuse = Reuse(dataset=found, corpus=corpus, tokenizer=tokenizer)
        elif tokenizer_file is not None:
            reuse = stack.enter_context(taken_over(tokenizer_file))
        if reuse is not None and reuse.corpus:
            record = reuse.dataset.record
            names = tuple(source.name for source in record.sources)
            request = replace(request, corpus=names, near_duplicates=record.near_duplicates)
        if weights:
            source_weights = parse_weights(weights, request.corpus)
            request = replace(request, training=replace(request.training, source_weights=source_weights))
        if request.init_from is not None:
            initial, brought = stack.enter_context(open_initial(Path(request.init_from)))
            reuse = _with_tokenizer(reuse, brought)
        classic = initial is not None and initial.model.architecture == "classic"
        if request.training.source_weights and (classic or not request.training.separate_documents):
            raise TinylmError(
                "--weight needs documents that are kept apart, and the model `classic` reads across them",
                "leave out --weight, or take another preset",
            )
        if "gutenberg" in request.corpus and not (reuse and reuse.corpus):
            # The dataset's name is the hash of the texts: planning it would download them without a word.
            gutenberg.fingerprint(progress=progress)
        yield Sources(request=request, reuse=reuse, initial=initial)


def recorded_sources(request: RunRequest, run: Path) -> Sources:
    """What a run is continued with: its own dataset, and the weights of its checkpoints."""
    dataset = read_plan(run / CONFIG).dataset
    reuse = None if dataset is None else Reuse(dataset=open_dataset(dataset), corpus=True, tokenizer=True)
    return Sources(request=request, reuse=reuse, initial=None)


def _with_tokenizer(reuse: Reuse | None, brought: Reuse) -> Reuse:
    """The text of `reuse` cannot be taken over with another dataset's tokenizer: one of the two is made anew."""
    if reuse is not None and reuse.dataset.path.resolve() != brought.dataset.path.resolve():
        raise TinylmError(
            "--init-from brings its tokenizer, and a dataset that was made with another is asked for",
            "name the text with --corpus",
        )
    return reuse or brought


@contextlib.contextmanager
def open_initial(source: Path) -> Iterator[tuple[Initial, Reuse]]:
    """Weights and old text of the run or bundle `source`, and its tokenizer for the new dataset, inside the context."""
    if (source / MANIFEST).is_file():
        with tempfile.TemporaryDirectory(prefix="tinylm-") as folder:
            yield _bundle(source, Path(folder))
    elif (source / CONFIG).is_file():
        yield _run(source)
    else:
        raise TinylmError(
            f"--init-from `{source}` is neither a run nor a bundle: it has no {CONFIG} and no {MANIFEST}",
            "name a folder such as `runs/NAME` or `runs/NAME/bundle`",
        )


def _run(run: Path) -> tuple[Initial, Reuse]:
    record = Checkpoints(run).read_record(BEST)
    model, weights = load_weights(run, BEST)
    if record.config.dataset is None:
        raise TinylmError(f"the best checkpoint of `{run}` names no dataset", "name its bundle instead")
    dataset = open_dataset(record.config.dataset)
    old_text = dataset.held_out(max_bytes=OLD_TEXT_BYTES)
    initial = Initial(str(run), model, weights, record.files[WEIGHTS], old_text)
    return initial, Reuse(dataset=dataset, corpus=False, tokenizer=True)


def _bundle(path: Path, folder: Path) -> tuple[Initial, Reuse]:
    bundle = open_bundle(path)
    old_text: dict[str, list[str]] = {}
    for held_out in bundle.golden().held_out:
        old_text.setdefault(held_out.language, []).append(held_out.text)
    model = bundle.manifest.model
    initial = Initial(str(path), model, weights_of(bundle), sha256(bundle.path / GRAPH), old_text)
    dataset = ready_tokenizer(bundle.tokenizer, folder)
    return initial, Reuse(dataset=dataset, corpus=False, tokenizer=True, tokenizer_from=path)
