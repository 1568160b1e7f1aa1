"""What `/stats` shows: the last answer's speed, how full the context is, and memory against its limit."""

from __future__ import annotations

from tinylm.base.numerals import counted
from tinylm.chat.contract import Memory
from tinylm.chat.session import Session, TurnReport

_ENDS = {
    "stop": "ended by itself",
    "length": "ended at max_tokens",
    "content_filter": "ended by the filter",
    "cancelled": "stopped",
    "cut": "cut off",
}


def statistics(session: Session) -> str:
    """A line for each: answer, context, memory, model."""
    rows = [("model", _model(session))]
    if session.last is not None:
        rows += [("answer", _answer(session.last)), ("context", _context(session, session.last))]
    if memory := session.backend.memory():
        rows.append(("memory", _memory(memory)))
    return "\n".join(f"{label:<9}{words}" for label, words in rows)


def pace(report: TurnReport) -> str:
    """`1,930 tokens/s, first after 1.4 ms`; empty where nothing is known."""
    words = [] if report.tokens_per_second is None else [f"{report.tokens_per_second:,.0f} tokens/s"]
    words += (
        [] if report.ttft_ms is None else [f"first after {report.ttft_ms:,.{0 if report.ttft_ms >= 100 else 1}f} ms"]
    )
    return ", ".join(words)


def fill(session: Session, report: TurnReport) -> str:
    """`214 of 256 tokens`: what the context held when the answer had ended; empty where it is not known."""
    used = report.usage
    if used.prompt_tokens is None or used.completion_tokens is None:
        return ""
    size = session.backend.model.context_length
    held = used.prompt_tokens + used.completion_tokens
    return f"{held:,} tokens" if size is None else f"{min(held, size):,} of {size:,} tokens"


def _model(session: Session) -> str:
    model = session.backend.model
    return f"{model.name}, {model.details}" if model.details else model.name


def _answer(report: TurnReport) -> str:
    tokens = report.usage.completion_tokens
    words = [] if tokens is None else [counted(tokens, "token")]
    words += [pace(report)] if pace(report) else []
    ended = report.finish_reason or "failed"
    return ", ".join([*words, _ENDS.get(ended, ended)])


def _context(session: Session, report: TurnReport) -> str:
    words = fill(session, report) or "not told by the server"
    used = report.usage
    if used.prompt_tokens is not None and used.cached_tokens is not None:
        words += f"; of the prompt's {used.prompt_tokens:,}, {used.cached_tokens:,} were cached"
    return words


def _memory(memory: Memory) -> str:
    limit = "" if memory.limit_mb is None else f" of {memory.limit_mb:,.0f}"
    return f"{memory.rss_mb:,.1f}{limit} MB, {memory.whose}"
