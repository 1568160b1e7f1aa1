"""The tables of docs/serve.md: the parameters of requests, and the metrics, as the server declares them."""

from __future__ import annotations

import json

from tinylm.serve.api.kinds import Boolean, Choice, Either, Integer, Kind, ListOf, Neutral, Number, Object, Text
from tinylm.serve.api.parameters import CHAT, COMPLETION
from tinylm.serve.metrics import Metrics


def honoured() -> str:
    """What a request may say: a row a parameter, of both endpoints."""
    rows = ["| parameter | value | |", "|---|---|---|"]
    for owner, parameters in ((COMPLETION, "completions"), (CHAT, "chat")):
        others = {one.name: one for one in (CHAT if owner is COMPLETION else COMPLETION).parameters}
        for one in owner.parameters:
            shared = others.get(one.name) == one
            if isinstance(one.kind, Neutral) or (shared and owner is CHAT):
                continue
            only = "" if shared else f"Of {parameters}. "
            default = "" if one.default in (None, False) else f", else {json.dumps(one.default)}"
            rows.append(f"| `{one.name}` | {_words(one.kind)}{default} | {only}{one.help} |")
    return "\n" + "\n".join(rows) + "\n"


def refused() -> str:
    """What cannot be honoured, with the values that ask for nothing."""
    found = {one.name: one.kind for owner in (COMPLETION, CHAT) for one in owner.parameters}
    neutral = sorted((name, kind) for name, kind in found.items() if isinstance(kind, Neutral))
    rows = ["| parameter | accepted |", "|---|---|", *(f"| `{name}` | {_words(kind)} |" for name, kind in neutral)]
    return "\n" + "\n".join(rows) + "\n"


def metrics() -> str:
    rows = [line.split(" ", 3)[2:] for line in Metrics().text().splitlines() if line.startswith("# HELP ")]
    return "\n" + "\n".join(["| metric | |", "|---|---|", *(f"| `{name}` | {words} |" for name, words in rows)]) + "\n"


def _words(kind: Kind) -> str:
    match kind:
        case Integer():
            return f"a whole number, {_number(kind.low)} to {_number(kind.high)}"
        case Number():
            return f"{'above ' if kind.above else ''}{kind.low:g} to {kind.high:g}"
        case Boolean():
            return "true or false"
        case Text():
            return f"text of at most {kind.most:,} characters"
        case Choice():
            return ", ".join(f"`{value}`" for value in kind.values)
        case ListOf():
            return f"a list of at most {kind.most:,}"
        case Either():
            return kind.words
        case Neutral():
            return " or ".join(f"`{json.dumps(value)}`" for value in (*kind.values, None))
        case Object():
            return "an object of " + ", ".join(
                f"`{one.name}`" for one in kind.parameters if not isinstance(one.kind, Neutral)
            )
        case _:
            return "an object"


def _number(value: int) -> str:
    power = value.bit_length() - 1 if value > 0 else (-value).bit_length() - 1
    if abs(value) > 2**30:
        return f"-2^{power}" if value < 0 else f"2^{power + 1} - 1"
    return f"{value:,}"
