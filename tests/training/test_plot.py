"""The picture of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

from tinylm.training.checkpoint import FINAL, Checkpoints
from tinylm.training.plot import plot_training

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_png_of_the_whole_run(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run", symlinks=True)
    history = Checkpoints(finished).read_record(FINAL).progress.epoch_history
    path = plot_training(tmp_path / "run", history)
    image = path.read_bytes()
    assert path.name == "training.png"
    assert image.startswith(PNG)
    assert image.endswith(b"IEND\xaeB`\x82")
    (tmp_path / "run" / "metrics.jsonl").unlink()  # removed by somebody: an empty picture, no traceback
    assert plot_training(tmp_path / "run", history).read_bytes().startswith(PNG)
    assert len(plot_training(tmp_path / "run", history).read_bytes()) < len(image)
