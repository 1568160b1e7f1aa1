"""A budget for this machine, from a shipped one: its text with the device replaced, so that its comments survive.

    text = new_budget("my-board", template="pi-zero-2w", facts=device_facts())

Limits, request and confidence are the template's. `[estimate]` is left out, because it describes the template's
processor.
"""

from __future__ import annotations

import re
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.budget.spec.budget import NAME, parse_budget, shipped_budgets, shipped_text
from tinylm.budget.spec.device import differences
from tinylm.machine.device import DeviceFacts

_MEMORY_SHARE = 0.05
"""Of MemTotal, up and down: another kernel or a larger share for the graphics processor is still the same board."""
_REVISION = re.compile(r" Rev \d.*$")
"""At the end of a Raspberry Pi's model; a later revision is the same kind of board."""
_SECTION = re.compile(r"(?m)^(?:#[^\n]*\n)*\[(\w+)\]\n")
"""The heading of a section with the comment right above it."""


def new_budget(name: str, *, template: str, facts: DeviceFacts) -> str:
    """The TOML text of a budget that recognises the machine with these `facts`; it loads, or TinylmError says why not.

    TinylmError too for a name that is not allowed, or taken by a shipped budget.
    """
    if not NAME.fullmatch(name):
        raise TinylmError(
            f"`{name[:80]}` is no name for a budget",
            "use 1 to 64 letters, digits, `.`, `_` or `-`, the first one a letter or digit",
        )
    if name in shipped_budgets():
        raise TinylmError(f"`{name}` is the name of a shipped budget", "choose another name, such as `my-board`")
    shipped = parse_budget(shipped_text(template), f"the budget `{template}`")
    sections = _sections(shipped_text(template))
    body = "".join(part for section, part in sections.items() if section not in ("", "device", "estimate"))
    text = f"{_head(name, template=template, schema=shipped.schema, facts=facts)}\n{_device(facts)}\n{body.rstrip()}\n"
    try:
        budget = parse_budget(text, f"a budget from `{template}` for this machine")
    except TinylmError as error:
        hint = "start from a smaller board with --from: " + ", ".join(f"`{other}`" for other in shipped_budgets())
        raise TinylmError(error.message, hint) from error
    if apart := differences(facts, budget.device):
        raise TinylmError(f"cannot describe this machine so that it is recognised: {'; '.join(apart)}")
    return text


def write_new(file: Path, text: str) -> None:
    """Write a budget to a file that is not there yet; TinylmError when it is, or cannot be written."""
    if file.suffix != ".toml":
        raise TinylmError(f"`{file}` does not end with `.toml`", "budgets are found by that: name it `my-board.toml`")
    if file.exists() or file.is_symlink():
        raise TinylmError(f"`{file}` exists", "nothing is overwritten: choose another file with --output, or remove it")
    write_atomic(file, text.encode("utf-8"))


def _sections(text: str) -> dict[str, str]:
    """The text by section, each with the comment above it; what comes before the first one under an empty name."""
    starts = [(match.start(), match.group(1)) for match in _SECTION.finditer(text)]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    parts = {"": text[: starts[0][0]]}
    return parts | {name: text[start:end] for (start, name), end in zip(starts, ends, strict=True)}


def _head(name: str, *, template: str, schema: str, facts: DeviceFacts) -> str:
    memory = "" if facts.memory_mb is None else f", {facts.memory_mb:.0f} MB"
    description = f"{_printable(facts.model)}, {facts.cores} x {facts.arch}{memory}"
    return (
        f"# What a language model may cost on this machine. Made by: tinylm budget new {name} --from {template}\n"
        f"# The device is this machine; all else is from {template}, so comments below may speak of that board.\n"
        "# Change the limits to what you can give, and look at the result with `tinylm budget check`.\n\n"
        f"schema = {_quoted(schema)}        # of this format: major.minor\n"
        f"name = {_quoted(name)}\n"
        f"description = {_quoted(description)}\n"
    )


def _device(facts: DeviceFacts) -> str:
    model = _REVISION.sub("", _printable(facts.model))
    lines = ["# How to recognise it. Results are `measured` on a machine that fits everything here, and on no other."]
    lines.append("[device]")
    if model and model != "unknown":
        lines.append(f"models = [{_quoted(model)}]  # the model, or how it begins")
    lines.append(f"arch = {_quoted(facts.arch)}  # `uname -m`")
    if facts.isa:
        lines.append(f"isa = [{', '.join(map(_quoted, facts.isa))}]  # what decides which kernels run")
    if facts.memory_mb is not None:
        low, high = ((1 + sign * _MEMORY_SHARE) * facts.memory_mb for sign in (-1, 1))
        lines.append(f"min_memory_mb = {low:.0f}  # MemTotal less {100 * _MEMORY_SHARE:.0f} %")
        lines.append(f"max_memory_mb = {high:.0f}  # MemTotal plus {100 * _MEMORY_SHARE:.0f} %")
    if facts.governor is not None:
        lines.append(f"governors = [{_quoted(facts.governor)}]  # times under another one are void")
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    """The beginning that is plain text; a beginning is all that recognising needs."""
    end = next((place for place, letter in enumerate(text) if not letter.isprintable()), len(text))
    return text[:end].rstrip()


def _quoted(text: str) -> str:
    """A TOML basic string; `text` is printable (https://toml.io/en/v1.0.0#string)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
