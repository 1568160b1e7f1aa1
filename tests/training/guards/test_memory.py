"""The estimate against the peak that the kernel measured, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tinylm.training.guards.memory import TOLERANCE

# Resets the kernel's mark of the highest memory once the estimate is made, trains three steps and reads it.
MEASURE = """
import dataclasses, json, sys
from pathlib import Path
import numpy as np, torch
from tinylm.settings.run import PRESETS
from tinylm.settings.plan import Facts, plan
from tinylm.model import build
from tinylm.dataset.batches import Batch
from tinylm.training.allocator import keep_freed_memory
from tinylm.training.guards.memory import estimate_memory
from tinylm.training.step.optimizer import build_optimizer
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import optimize
preset, rows, precision = sys.argv[1], int(sys.argv[2]), sys.argv[3]
request = PRESETS[preset]
training = dataclasses.replace(request.training, batch_size=rows, precision=precision)
facts = Facts(dataset=None, validation_text=None, tokenizer=request.tokenizer)
config = plan(dataclasses.replace(request, training=training), facts)
model = build(config.model)
dtype = torch.bfloat16 if precision == "bf16" else torch.float32
setup = Setup(plan=config, model=model, optimizer=build_optimizer(model, training), average=None, batches=None,
              validation=None, device=torch.device("cpu"), dtype=dtype)
keep_freed_memory()  # as the trainer does: what the allocator gives back meanwhile is chance
estimate = estimate_memory(setup, batch_size=rows)
Path("/proc/self/clear_refs").write_text("5")
ids = np.random.default_rng(0).integers(4, 8000, (rows, config.model.context_length))
documents = np.zeros_like(ids, np.int32)
if training.separate_documents:
    documents[:, ids.shape[1] // 3:] = 1
for _ in range(3):
    optimize(setup, Batch(ids, ids, documents), rate=1e-4)
peak = next(int(line.split()[1]) * 1024 / 1e6 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"estimate": estimate.total_mb, "now": estimate.now_mb, "peak": peak}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "rows", "precision"), [("tiny", 16, "bf16"), ("tiny", 8, "fp32"), ("classic", 64, "fp32")]
)
def test_the_estimate_is_near_the_peak(preset: str, rows: int, precision: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, preset, str(rows), precision],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    taken, foreseen = found["peak"] - found["now"], found["estimate"] - found["now"]
    print(preset, rows, precision, found, round(foreseen / taken, 3))
    assert foreseen == pytest.approx(taken, rel=TOLERANCE)
