"""docs/figures.toml: figures that stand in more than one page, and their way into the pages.

A page marks a figure, and the value between the marks is written by `scripts/docs`:

    <!--=demo.latency-->166 ms (114 to 231)<!--/-->

What else is generated inside a page is marked in the same way.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

HEAD = """\
# Figures that stand in more than one page. `scripts/docs` writes each between its marks, and a test fails where a page
# says something else. `value` is as people read it, unit included; `command` makes it; `date` is when it did. Those of
# `demo` are taken from a run of it by `scripts/docs --record RUN`.
"""
_MARK = re.compile(r"<!--=(?P<name>[\w.-]+)-->.*?<!--/-->", re.DOTALL)


@dataclass(frozen=True)
class Figure:
    value: str
    command: str
    date: date


def read(file: Path) -> dict[str, Figure]:
    """Figures by their names, such as `demo.latency`."""
    groups = tomllib.loads(file.read_text(encoding="utf-8"))
    return {f"{group}.{name}": Figure(**row) for group, rows in groups.items() for name, row in rows.items()}


def written(figures: dict[str, Figure]) -> str:
    """The text of the file."""
    text = HEAD
    for name, figure in figures.items():
        value, command = (json.dumps(word, ensure_ascii=False) for word in (figure.value, figure.command))
        text += f"\n[{name}]\nvalue = {value}\ncommand = {command}\ndate = {figure.date}\n"
    return text


def filled(page: str, values: dict[str, str]) -> str:
    """The page's text with what stands between its marks. KeyError: it marks something that is not there."""
    return _MARK.sub(lambda mark: f"<!--={mark['name']}-->{values[mark['name']]}<!--/-->", page)


def marked(page: str) -> set[str]:
    """The names that a page marks."""
    return {mark["name"] for mark in _MARK.finditer(page)}


def of_a_run(run: Path, command: str) -> dict[str, Figure]:
    """What a run of `tinylm train-pipeline` found, from the files that it left. OSError: it is not finished."""

    def read_json(name: str) -> Any:
        return json.loads((run / name).read_text(encoding="utf-8"))

    metrics, manifest = read_json("training_metrics.json"), read_json("bundle/manifest.json")
    limits = {limit["name"]: limit for limit in read_json("budget.json")["limits"]}
    latency = limits["latency_p95_ms"]
    quality = read_json("evaluation.json")["quality"]
    lost = max(row["bpb"] - row["bpb_fp32"] for name, row in manifest["quality"].items() if name != "all")
    values = {
        "training": f"{metrics['final_metrics']['total_steps']:,} steps in"
        f" {metrics['final_metrics']['training_seconds']:.0f} s",
        "bits-per-byte": " / ".join(f"{row['bits_per_byte']:.3f}" for name, row in quality.items() if name != "all"),
        "lost-by-int8": f"at most {max(lost, 0.0001):.4f}, either language",
        "bundle": f"{limits['bundle_mb']['measured']:.2f} MB",
        "peak-memory": f"{limits['peak_rss_mb']['measured']:.1f} MB",
        "latency": f"{latency['measured']:.0f} ms ({latency['low']:.0f} to {latency['high']:.0f})",
    }
    day = datetime.fromisoformat(metrics["start_timestamp"]).date()
    return {f"demo.{name}": Figure(value, command, day) for name, value in values.items()}
