"""From a run folder to its bundle: gathers what the export needs of the run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import tinylm
from tinylm.base.code_version import git_commit
from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import Provenance
from tinylm.dataset.dataset import data_licence, open_dataset
from tinylm.export.export import export_bundle
from tinylm.export.graph.model_graph import Scheme
from tinylm.export.report import ExportResult
from tinylm.export.request import ExportRequest
from tinylm.tokenizer.training import MODEL
from tinylm.training.run.checkpoint import WEIGHTS, CheckpointRecord, Checkpoints, load_weights
from tinylm.training.step.evaluation import ALL

HELD_OUT_BYTES = 60_000
"""UTF-8 bytes of validation text per language that fp32 and int8 are compared on."""


def export_run(
    run: Path,
    *,
    checkpoint: str,
    scheme: Scheme,
    int8_cache: bool = False,
    sensitivity: bool = False,
    folder: Path,
    progress: Callable[[str], None],
) -> ExportResult:
    """Export a run's checkpoint to a verified bundle in `folder`; TinylmError with exit code 1 when a gate fails."""
    record = Checkpoints(run).read_record(checkpoint)
    if record.config.dataset is None:
        raise TinylmError(f"the checkpoint `{checkpoint}` of `{run}` names no dataset", "train again with --force")
    model, weights = load_weights(run, checkpoint)
    dataset = open_dataset(record.config.dataset)
    request = ExportRequest(
        weights=weights,
        config=model,
        tokenizer_model=dataset.path / MODEL,
        held_out=dataset.held_out(max_bytes=HELD_OUT_BYTES),
        provenance=Provenance(
            tinylm_version=tinylm.__version__,
            git_commit=git_commit(),
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
        sensitivity=sensitivity,
    )
    return export_bundle(request, folder, progress=progress)


def export_key(record: CheckpointRecord, *, scheme: Scheme) -> dict[str, str]:
    """What decides a checkpoint's bundle: with the same key, exporting again gives the same model."""
    return {"weights_sha256": record.files[WEIGHTS], "tinylm_version": tinylm.__version__, "scheme": scheme}


def _metrics(record: CheckpointRecord) -> dict[str, float]:
    """The checkpoint's own newest validation figures, in training's precision."""
    evaluated = record.progress.evaluations or record.progress.epoch_history  # schema 1.0 had the epochs only
    if not evaluated:
        return {}
    last = evaluated[-1]
    languages = {f"val_bpb_{language}": value for language, value in last.val_bpb.items() if language != ALL}
    return {"step": float(record.progress.step), "val_loss": last.val_loss, "val_bpb": last.val_bpb[ALL], **languages}


def _version(record: CheckpointRecord) -> str:
    """When training started and how far it went: later and longer sorts higher, and exporting again gives the same."""
    started = datetime.fromisoformat(record.progress.start_timestamp)
    return f"{started:%Y.%m.%d.%H%M}.{record.progress.step}"
