"""What a report says to people, in words that every format shares: labels, numbers, sentences.

Formats differ in how they look, never in what they say. Reports may come from anywhere, so text out of them goes
through `tinylm.base.printable` before it is escaped for its format.
"""

from __future__ import annotations

from tinylm.base.numerals import counted, number, signed
from tinylm.budget.estimate.estimate import Estimate
from tinylm.budget.judge.validity import Cause
from tinylm.budget.judge.verdict import LimitResult, Verdict
from tinylm.budget.measure.memory_ledger import PER_REQUESTS, Ledger
from tinylm.budget.report import BudgetReport, ColdStart, Comparison, LimitChange, Outcome
from tinylm.budget.spec.budget import Budget
from tinylm.machine.device import DeviceFacts

_LABELS = {
    "bundle_mb": "bundle size",
    "peak_rss_mb": "peak memory",
    "resident_mb": "resident memory",
    "growth_mb": "memory growth",
    "latency_p95_ms": "latency, p95",
    "ttft_p95_ms": "first token, p95",
    "itl_p95_ms": "per token, p95",
    "cold_start_ms": "cold start",
    "bpb_increase": "quality lost",
    "golden_tokens": "wrong tokens",
    "enforced_mb": "enforced memory",
    "sustained_p95_ms": "sustained, p95",
}
VERDICTS: dict[Verdict, str] = {
    "pass": "pass",
    "fail": "fail",
    "undecided": "undecided",
    "not_measured": "not measured",
}
MARKS: dict[Verdict, str] = {"pass": "✓", "fail": "✗", "undecided": "?", "not_measured": "?"}
OUTCOMES: dict[Outcome, tuple[str, Verdict]] = {
    "better": ("better", "pass"),
    "same": ("same", "pass"),
    "worse": ("worse, allowed", "pass"),
    "regressed": ("regressed", "fail"),
    "undecided": ("undecided", "undecided"),
}
"""Each in words, and the verdict that it counts as."""


def verdict_of(exit_code: int) -> Verdict:
    """The verdict that an exit code of a check or a comparison stands for."""
    return "pass" if exit_code == 0 else "fail" if exit_code == 1 else "undecided"


def label(name: str) -> str:
    """A limit's name for people; the name itself when it is new."""
    return _LABELS.get(name, name)


def compared_label(row: LimitChange) -> str:
    """What a row of a comparison is about: of times usually what is typical of a process, not the p95."""
    return label(row.name).removesuffix(", p95") if row.method == "typical request" else label(row.name)


def amount(value: float | None, unit: str) -> str:
    """A number with its unit; mismatches are counted without one."""
    if value is None:
        return "-"
    return number(value) if unit == "mismatches" else f"{number(value)} {unit}"


def figure(result: LimitResult) -> str:
    """What a limit was held against: the number, of an estimate with its error bar."""
    if result.measured is None:
        return "-"
    if result.low is None or result.high is None:
        return number(result.measured)
    return f"{number(result.measured)} ({between(result.low, result.high)})"


def between(low: float | None, high: float | None) -> str:
    """An interval; `?` is an end that is not known."""
    low_text, high_text = ("?" if end is None else number(end) for end in (low, high))
    return f"{low_text} to {high_text}"


def used(result: LimitResult) -> float | None:
    """Share of what is allowed that is used; below zero (quality gained) it is 0, and None without a number."""
    return None if result.margin is None else max(1 - result.margin, 0.0)


def percent(share: float | None) -> str:
    """A share as people read it; empty for None."""
    return "" if share is None else f"{100 * share:.0f} %"


def headline(report: BudgetReport) -> str:
    """The verdict as one sentence."""
    name, budget = report.bundle.name, report.budget.name
    where = "" if report.basis == "measured" else f", {_FAR_AWAY[report.basis]}"
    if report.verdict == "pass":
        return f"{name} fits the budget {budget}{where}"
    if report.verdict == "fail":
        return f"{name} does not fit the budget {budget}{where}: {_named(report, 'fail')}"
    return f"Undecided whether {name} fits the budget {budget}: {_named(report, 'undecided', 'not_measured')}"


_FAR_AWAY = {
    "indicative": "as far as another machine can tell",
    "estimated": "as far as an estimate can tell",
    "claimed": "as its bundle claims",
}


def _named(report: BudgetReport, *verdicts: Verdict) -> str:
    return "; ".join(label(result.name) for result in report.limits if result.verdict in verdicts)


def compared(comparison: Comparison) -> str:
    """What became of it since the earlier report, as one sentence."""
    if not comparison.comparable:
        return "Not comparable: nothing is said about regressions"
    outcomes: tuple[tuple[Outcome, str], ...] = (
        ("regressed", "Regressed"),
        ("undecided", "Undecided whether it regressed"),
    )
    for outcome, words in outcomes:
        if names := [compared_label(row) for row in comparison.rows if row.verdict == outcome]:
            return f"{words}: {'; '.join(names)}"
    return "Nothing regressed"


def change(row: LimitChange) -> tuple[str, str]:
    """How much a limit's figure changed, and how much it may."""
    if row.change is None:
        return "-", "-"
    if row.change_unit == "%":
        return f"{row.change:+.1f} %", f"{row.threshold:+g} %"
    return f"{signed(row.change)} {row.unit}", f"{signed(row.threshold)} {row.unit}"


def caution(report: BudgetReport) -> str:
    """What makes the report worth less than a measurement on the budget's device; empty when nothing does."""
    facts, apart = report.device.facts, "; ".join(report.device.differences)
    if report.estimate is not None and report.estimate.source == "counted":
        return (
            f"Estimated only: run on a {facts.model}. Times are instruction counts put into milliseconds; a verdict"
            f" for the board comes from the board. {_sentence(apart)}"
        ).rstrip()
    if not report.device.differences:
        return ""
    times = "The device's times are not known" if report.estimate is None else "Times are estimates for that device"
    return (
        f"Not measured on the budget's device: this is {facts.model} ({facts.arch}). {times}; memory, tokens and"
        f" quality are indicative. {_sentence(apart)}"
    )


def own_times_words(report: BudgetReport) -> str:
    """Whose times they are that no limit is about."""
    return f"This machine's own times ({report.device.facts.model}), which say nothing of the budget's device"


def ledger_words(ledger: Ledger) -> str:
    """What the parts of memory add up to, and what the kernel says."""
    return (
        f"The parts add up to {number(ledger.total_mb)} MB; the kernel says {number(ledger.resident_mb)} MB are"
        f" resident at the same moment, and {number(ledger.peak_mb)} MB were at the peak."
    )


def growth_words(ledger: Ledger) -> str:
    """Whether memory grows with requests."""
    if ledger.growth_mb is None:
        return "Too few readings to tell growth from warming up."
    grown = number(ledger.growth_mb)
    return f"Once warm, {PER_REQUESTS} requests add {grown} MB (the smaller rate of the last two quarters)."


def starts(cold: ColdStart) -> str:
    """The first start of a process, and those that found their files in the cache; empty where it was not timed."""
    if cold.first_ms is None:
        return ""
    first = f"{number(cold.first_ms)} ms the first, with {number(cold.storage_read_mb)} MB read from storage"
    if not cold.warm_ms:
        return first
    return f"{first}; then {number(min(cold.warm_ms))} to {number(max(cold.warm_ms))} ms"


def where_instructions_come_from(estimate: Estimate) -> str:
    """Counted or modelled, and how sure that is."""
    if estimate.source == "counted":
        return f"counted by an emulator, the same for {estimate.requests} prompts within {100 * estimate.spread:.1f} %"
    return f"modelled from the graph, within {100 * estimate.instructions_error:.0f} % of what an emulated board counts"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def kinds_of_memory(report: BudgetReport) -> str:
    """Every way in which the kernel counts the probe with the highest peak, in MB; empty where it tells none."""
    told = [process.memory for process in report.samples if process.memory is not None]
    if not told:
        return ""
    memory = max(told, key=lambda each: each.peak_rss_bytes)
    parts = (
        ("peak (VmHWM)", memory.peak_rss_bytes),
        ("resident (VmRSS)", memory.rss_bytes),
        ("its own (RssAnon)", memory.anonymous_bytes),
        ("mapped files (RssFile)", memory.file_bytes),
        ("shared pages divided (PSS)", memory.pss_bytes),
        ("unshared (USS)", memory.uss_bytes),
        ("in swap", memory.swap_bytes),
    )
    return ", ".join(f"{name} {size / 1e6:.1f}" for name, size in parts if size is not None)


def machine(facts: DeviceFacts) -> str:
    """The machine in a few words."""
    memory = "" if facts.memory_mb is None else f", {facts.memory_mb:.0f} MB"
    return f"{facts.model} ({facts.arch}), {counted(facts.cores, 'core')}{memory}"


def machine_and_software(facts: DeviceFacts) -> str:
    """The machine, its governor, and what runs on it, in one line."""
    governor = "" if facts.governor is None else f", governor {facts.governor}"
    python = "" if facts.python == "none" else f", Python {facts.python}, onnxruntime {facts.onnxruntime or 'missing'}"
    software = f"{facts.system}{python}"
    return f"{machine(facts)}{governor}; {software}"


def request(budget: Budget) -> str:
    """What one request is."""
    asked = budget.request
    return f"{asked.prompt_tokens} tokens in, {asked.new_tokens} out, {counted(asked.threads, 'thread')}"


def served(report: BudgetReport) -> str:
    """What was measured, where that is a server; empty for the runtime alone."""
    if report.process == "probe":
        return ""
    words, serving = "the serving process (`tinylm serve`), over HTTP", report.serving
    if serving is None:
        return words
    texts = f"at most {counted(serving.parallel, 'text')} at a time"
    if serving.filter_name is None:
        return f"{words}; {texts}, content filter off"
    return f"{words}; {texts}, content filter {serving.filter_name} (sha256 {(serving.filter_sha256 or '')[:12]})"


def requests(report: BudgetReport) -> str:
    """How many requests were done, by how many processes, and by which engine where that is known."""
    done = sum(len(process.latency_ms) for process in report.samples)
    processes = counted(len(report.samples), "fresh process", "fresh processes")
    return f"{counted(done, 'request')} in {processes}{f' by {report.engine}' if report.engine else ''}"


def when(created: str) -> str:
    """When a report was made, as people write it."""
    return created.replace("T", " ").replace("+00:00", " UTC")


def disturbed(cause: Cause, report: BudgetReport) -> str:
    """What was seen, and which verdicts that takes away."""
    return f"{cause.what}; {_voids(cause, report)}"


def _voids(cause: Cause, report: BudgetReport) -> str:
    if cause.kind == "times" and report.device.differences:
        return "no limit is about this machine's own times; a comparison of them is not sure"
    if cause.name == "drift":
        return "a time stands only if the slowest request, slower by the drift once more, is within its limit"
    kind = "every limit but sizes" if cause.kind == "all" else cause.kind
    return {
        "everything": f"no verdict on {kind} stands",
        "fails": f"a pass of {kind} stands, a fail does not",
        "passes": f"a fail of {kind} stands, a pass does not",
    }[cause.voids]
