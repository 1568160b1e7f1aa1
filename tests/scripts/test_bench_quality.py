"""`scripts/bench_quality` goes on from the rows that are there, and says what they come to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_quality"
FOUND = {"nanogpt-1e-3": (2.0, 2.1), "tiny": (1.5, 1.6), "kneser-ney": (1.8,)}


def row(name: str, seed: int, bits: float, *, minutes: float) -> dict[str, object]:
    parts = {"all": bits, "en": bits - 0.1, "es": bits + 0.1}
    facts = {} if name == "kneser-ney" else {"steps": 1000, "parameters": 123456}
    return {"contestant": name, "seed": seed, "minutes": minutes, **facts, "val": parts, "heldout": parts, "peak_mb": 9}


def test_the_table_of_rows_that_are_there(tmp_path: Path) -> None:
    rows = [row(name, seed, bits, minutes=10) for name, found in FOUND.items() for seed, bits in enumerate(found)]
    lines = [json.dumps(line) for line in [*rows, row("tiny", 0, 9.9, minutes=3), row("classic", 0, 9.9, minutes=10)]]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, SCRIPT, "corpus", "heldout", "--seeds", "0", "1", "--only", *FOUND, "--output", tmp_path],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    _, *table, document = done.stdout.splitlines()
    first, second, third = (line.split() for line in table)
    assert first == ["tiny", "2", "1.5500", "0.756", "1.5500", "0.756", "123,456", "1,000", "9"]
    assert second[:4] == ["kneser-ney", "1", "1.8000", "0.878"]
    assert third[:4] == ["nanogpt-1e-3", "2", "2.0500", "1.000"]
    assert json.loads(document) == {"schema": "1.0", "rows": rows}
