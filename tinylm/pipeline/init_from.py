"""Opening what `--init-from` names: a run's best checkpoint or a bundle, with its tokenizer and its held-out text."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.bundle.manifest import MANIFEST
from tinylm.bundle.manifest import MODEL as GRAPH
from tinylm.bundle.reading import open_bundle
from tinylm.bundle.store import CONFIG
from tinylm.dataset.build import Reuse, open_dataset
from tinylm.dataset.reused_tokenizer import ready_tokenizer
from tinylm.export.graph.weights import weights_of
from tinylm.training.guards.forgetting import OLD_TEXT_BYTES, Initial
from tinylm.training.run.checkpoint import BEST, WEIGHTS, Checkpoints, load_weights


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
