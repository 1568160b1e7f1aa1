"""The parts of the page that say what the report is about: the machine, the budget, the bundle and its quality."""

from __future__ import annotations

from collections.abc import Iterator

from tinylm.budget.formats.explain import describe
from tinylm.budget.report import BudgetReport
from tinylm.budget.spec.budget import Budget
from tinylm.html.elements import columns, facts, section, subtitle, table


def quality(report: BudgetReport) -> str:
    """What the bundle's own evidence gave on this machine; nothing where it was not checked."""
    verified = next((process.verification for process in report.samples if process.verification), None)
    if verified is None:
        return ""
    texts = [held for held in verified.held_out if held.text_bytes > 0]
    rows = [
        (
            held.language,
            f"{held.bits / held.text_bytes:.4f}",
            f"{held.bits_fp32 / held.text_bytes:.4f}",
            f"{(held.bits - held.bits_fp32) / held.text_bytes:+.4f}",
        )
        for held in texts
    ]
    count = len(verified.mismatches)
    same = "all as exported" if not count else f"{count} not as exported, the first: {verified.mismatches[0]}"
    compared = f"{verified.tokens} golden tokens after {verified.prompts} prompts, {verified.encodings} encoded texts"
    return section(
        "Quality", table(("bits per byte, held-out text", "here", "fp32", "lost"), rows), lead=f"{compared}: {same}."
    )


def machine_and_budget(report: BudgetReport) -> str:
    """What it was measured on, and what it was measured against."""
    machine = subtitle("Machine") + facts(list(_machine(report)))
    budget = subtitle(f"Budget {report.budget.name}") + facts(list(_budget(report.budget)))
    return section("What was measured, and against what", columns(machine, budget))


def _machine(report: BudgetReport) -> Iterator[tuple[str, str]]:
    found = report.device.facts
    yield "model", found.model
    yield "architecture", found.arch
    yield "instruction sets", ", ".join(found.isa) or "none of those that matter"
    yield "cores", str(found.cores)
    yield "memory", "unknown" if found.memory_mb is None else f"{found.memory_mb:.0f} MB"
    yield "governor", found.governor or "not visible here"
    yield "system", found.system
    yield "Python", found.python
    yield "onnxruntime", found.onnxruntime or "missing"
    yield "differs in", "; ".join(report.device.differences) or "nothing: it is the budget's device"
    yield report.bundle.kind, report.bundle.name
    hashed = {"bundle": "its manifest", "decoder": "its files", "program": "the file"}[report.bundle.kind]
    yield f"SHA-256 of {hashed}", report.bundle.sha256


def _budget(budget: Budget) -> Iterator[tuple[str, str]]:
    yield from describe(budget)
    confidence = budget.confidence
    looks = ", ".join(map(str, confidence.looks))
    yield "confidence", f"{100 * confidence.level:.4g} %, looks after {looks} requests"
    yield "processes", f"{confidence.processes} fresh ones, {confidence.warmup} requests of each not counted"
