"""Two reports of one device: is the new one worse than the old one by more than the new budget allows?

    compare(old, new)                # rows, or why nothing can be said
    compare_in_looks(old, new, rounds=...)    # the same while the device is at hand: more processes where they decide

Only what was measured under the same conditions is compared: another machine, request or basis is a refusal with its
reasons, never a number. `rows.py` makes the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, pairwise

from tinylm.base.printable import printable
from tinylm.budget.compare.rows import row_for
from tinylm.budget.report import BudgetReport, Comparison
from tinylm.runtime.measurement.protocol import ProbeResult

_SAME_MEMORY = 0.02
"""Share by which MemTotal may differ on one machine: kernels reserve different amounts."""
LOOKS = (0, 1, 3)
"""Rounds of fresh processes beyond the check's own, after which a comparison is tried: declared beforehand, because who
goes on until the answer pleases is wrong more often than it seems. All looks share the error."""
_SHOWN = 100
"""Characters of another report's text that are repeated."""


def compare(old: BudgetReport, new: BudgetReport, *, more: Sequence[ProbeResult] = (), looks: int = 1) -> Comparison:
    """Compare two reports; thresholds and confidence are those of the new report's budget, for all `looks` together.
    `more` are further processes of what the new report is about."""
    why_not = list(_why_not(old, new))
    before = replace(old, samples=(*old.samples, *old.more))
    now = replace(new, samples=(*new.samples, *new.more, *more))
    found = [] if why_not else [row_for(result.name, before, now, looks=looks) for result in new.limits]
    rows = tuple(row for row in found if row is not None)
    if not why_not and not rows:
        why_not.append("no limit was measured in both reports")
    return Comparison(
        old_bundle=f"{_clean(old.bundle.name)} ({_clean(old.bundle.sha256[:12])})",
        old_created=_clean(old.created),
        comparable=not why_not,
        why_not=tuple(why_not),
        notes=tuple(_notes(old, new)),
        rows=rows,
        more=tuple(more),
    )


def compare_in_looks(old: BudgetReport, new: BudgetReport, *, rounds: Iterator[Sequence[ProbeResult]]) -> Comparison:
    """Compare, and where only more processes can tell, have further `rounds` of them measured, as often as LOOKS says.

    Where the rounds end early, what was found before stands.
    """
    more: list[ProbeResult] = []
    found = compare(old, new, looks=len(LOOKS))
    for done, until in pairwise(LOOKS):
        if not any(row.verdict == "undecided" and row.method == "typical request" for row in found.rows):
            break
        measured = list(islice(rounds, until - done))
        if len(measured) < until - done:
            break
        more += chain.from_iterable(measured)
        found = compare(old, new, more=more, looks=len(LOOKS))
    return found


def _why_not(old: BudgetReport, new: BudgetReport) -> Iterator[str]:
    """What makes two reports incomparable, in words."""
    if old.schema.partition(".")[0] != new.schema.partition(".")[0]:
        yield f"the old report has schema {_clean(old.schema)}, the new one {_clean(new.schema)}"
    before, after = old.device.facts, new.device.facts
    for what, was, is_now in (
        ("model", before.model, after.model),
        ("architecture", before.arch, after.arch),
        ("instruction set", " ".join(before.isa), " ".join(after.isa)),
        ("number of cores", before.cores, after.cores),
        ("governor", before.governor or "unknown", after.governor or "unknown"),
    ):
        if was != is_now:
            yield f"another machine: its {what} was `{_clean(str(was))}` and is `{_clean(str(is_now))}`"
    was_mb, is_mb = before.memory_mb, after.memory_mb
    if (was_mb is None) != (is_mb is None):
        yield "another machine, perhaps: the memory of one of them is unknown"
    elif was_mb is not None and is_mb is not None and abs(was_mb - is_mb) > _SAME_MEMORY * max(was_mb, is_mb):
        yield f"another machine: it had {was_mb:.0f} MB of memory and has {is_mb:.0f} MB"
    asked, asks = old.budget.request, new.budget.request
    for name in ("prompt_tokens", "new_tokens", "threads"):
        if getattr(asked, name) != getattr(asks, name):
            yield f"another request: `{name}` was {getattr(asked, name)} and is {getattr(asks, name)}"
    if old.process != new.process:
        words = {"probe": "the runtime alone", "server": "the serving process (`--serve`)"}
        yield f"{words[old.process]} was measured in the old report, and {words[new.process]} in the new one"
    if old.counts_instructions != new.counts_instructions:
        yield "times were measured in one of the reports and estimated in the other"


def _notes(old: BudgetReport, new: BudgetReport) -> Iterator[str]:
    before, after = old.device.facts, new.device.facts
    for what, was, is_now in (
        ("tinylm", old.tinylm, new.tinylm),
        ("the engine", old.engine or "unknown", new.engine or "unknown"),
        ("the content filter", _filter(old), _filter(new)),
        ("onnxruntime", before.onnxruntime or "missing", after.onnxruntime or "missing"),
        ("Python", before.python, after.python),
        ("the system", before.system, after.system),
    ):
        if was != is_now:
            yield f"{what} was {_clean(was)} and is {_clean(is_now)}"
    if new.own_times is not None:
        yield "times are this machine's own: they tell whether the bundle became slower, not how fast the board is"
    if old.bundle.sha256 == new.bundle.sha256:
        yield "it is the same bundle in both, so what changed is noise, or the machine's software"


def _filter(report: BudgetReport) -> str:
    serving = report.serving
    if serving is None or serving.filter_name is None:
        return "off"
    return f"{serving.filter_name} ({(serving.filter_sha256 or '')[:12]})"


def _clean(text: str) -> str:
    return printable(text)[:_SHOWN]
