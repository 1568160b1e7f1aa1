"""What the command line cannot read, as any other error: the option, its value, what is needed."""

from __future__ import annotations

import re
import shlex
from typing import Any

import typer

from tinylm.base.errors import TinylmError

UsageError: Any = typer.BadParameter.__mro__[1]
"""Typer brings its own Click, whose class of all usage errors has no public name."""

_CHOICE = re.compile("^Value error, .* is not one of")
_EXTRA = re.compile(r"Got unexpected extra argument\(s\) \((.*)\)", re.DOTALL)


def as_tinylm_error(error: Any) -> TinylmError:
    """`error`, a `UsageError`, in the words of this command line."""
    parameter, cause = getattr(error, "param", None), error.__cause__
    command = error.ctx.command_path if error.ctx is not None else "tinylm"
    hint = f"`{command} --help` explains what can be given"
    if parameter is not None and hasattr(cause, "errors"):  # pydantic's, which knows the value
        found = cause.errors()[0]
        name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name.upper()
        needed = _CHOICE.sub("it should be one of", found["msg"].split(", unable to")[0]).rstrip(".")
        needed = needed.replace("Input should", "it should").replace("'", "`")
        message = f"{name} is `{str(found['input'])[:80]}`; {needed}"
    elif meant := getattr(error, "possibilities", None):
        message = f"no such option: {error.option_name}"
        hint = f"did you mean `{meant[0]}`?"
    elif extra := _EXTRA.match(error.message):
        message = f"`{command}` has no use for `{extra[1]}`"
        if any(parameter.name == "corpus" for parameter in error.ctx.command.params):
            hint = f"text is named by an option: --corpus {shlex.quote(extra[1])}"
    else:
        text = error.format_message().rstrip(".")
        message = text[:1].lower() + text[1:]
    return TinylmError(message, hint)
