"""From a run folder to its bundle: gathers what the export needs of the run."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

import tinylm
from tinylm.bundle import Provenance
from tinylm.errors import TinylmError
from tinylm.export.export import ExportResult, export_bundle
from tinylm.tokenizer_training import MODEL
from tinylm.training.checkpoint import WEIGHTS, CheckpointRecord, Checkpoints, load_weights
from tinylm.training.dataset import data_licence, open_dataset
from tinylm.training.evaluation import ALL

HELD_OUT_BYTES = 60_000
"""UTF-8 bytes of validation text per language that fp32 and int8 are compared on."""
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1 or SHA-256


def export_run(
    run: Path,
    *,
    checkpoint: str,
    scheme: Literal["fp32", "int8"],
    int8_cache: bool = False,
    folder: Path,
    progress: Callable[[str], None],
) -> ExportResult:
    """Export a run's checkpoint to a verified bundle in `folder`; TinylmError with exit code 1 when a gate fails."""
    record = Checkpoints(run).read_record(checkpoint)
    if record.config.dataset is None:
        raise TinylmError(f"the checkpoint `{checkpoint}` of `{run}` names no dataset", "train again with --force")
    model, weights = load_weights(run, checkpoint)
    dataset = open_dataset(record.config.dataset)
    return export_bundle(
        weights,
        model,
        tokenizer_model=dataset.path / MODEL,
        held_out=dataset.held_out(max_bytes=HELD_OUT_BYTES),
        provenance=Provenance(
            tinylm_version=tinylm.__version__,
            git_commit=checkout_commit(Path(tinylm.__file__).resolve().parents[1]),
            run_id=record.run_id,
            dataset_hash=dataset.hash,
            data_licence=data_licence(dataset.record.sources),
            seeds=(record.config.training.seed,),
            metrics=_metrics(record),
        ),
        name=run.resolve().name,
        version=_version(record),
        tokenizer_kind=dataset.record.tokenizer.kind,
        scheme=scheme,
        int8_cache=int8_cache,
        folder=folder,
        progress=progress,
    )


def what_decides(record: CheckpointRecord, *, scheme: Literal["fp32", "int8"]) -> dict[str, str]:
    """What a checkpoint's bundle depends on: with the same three, exporting again gives the same model."""
    return {"weights_sha256": record.files[WEIGHTS], "tinylm_version": tinylm.__version__, "scheme": scheme}


def checkout_commit(folder: Path) -> str | None:
    """The commit that the git checkout `folder` is at, from git's own files: a machine that trains may lack git.

    None when `folder` itself is no checkout, as for a tinylm that was installed from a wheel; folders above it are not
    asked, because a virtual environment may lie inside somebody else's checkout.
    """
    git = folder / ".git"
    try:
        if git.is_file():  # a linked worktree or submodule: it names the folder that holds its HEAD
            git = folder / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        common = git
        if (git / "commondir").is_file():  # branches of a linked worktree are those of its main checkout
            common = git / (git / "commondir").read_text(encoding="utf-8").strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref:"):
            head = _branch_commit(head.removeprefix("ref:").strip(), common)
    except (OSError, ValueError):
        return None
    return head if _COMMIT.fullmatch(head) else None


def _branch_commit(ref: str, common: Path) -> str:
    """The commit that a branch such as `refs/heads/main` is at; an empty string before its first commit."""
    loose = common / ref
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    packed = common / "packed-refs"
    for line in packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else ():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return ""


def _metrics(record: CheckpointRecord) -> dict[str, float]:
    """The checkpoint's own validation figures, in training's precision."""
    if not record.progress.epoch_history:
        return {}
    last = record.progress.epoch_history[-1]
    languages = {f"val_bpb_{language}": value for language, value in last.val_bpb.items() if language != ALL}
    return {"step": float(record.progress.step), "val_loss": last.val_loss, "val_bpb": last.val_bpb[ALL], **languages}


def _version(record: CheckpointRecord) -> str:
    """When training started and how far it went: later and longer sorts higher, and exporting again gives the same."""
    started = datetime.fromisoformat(record.progress.start_timestamp)
    return f"{started:%Y.%m.%d.%H%M}.{record.progress.step}"
