"""Options of a command as the fields of a dataclass: name, type, help and default in one place.

@dataclass(frozen=True, kw_only=True)
class Options:
    epochs: int | None = option("Passes over the text.", "Run")

@takes_options
def train(options: Options, dataset: ...) -> None: ...
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from tinylm.settings.run import PRESETS


def option(
    help: str,
    panel: str,
    *flags: str,
    default: bool | None = None,
    metavar: str | None = None,
    sets: str | None = None,
    shown: str | None = None,
    completion: Callable[[str], list[str]] | None = None,
) -> Any:
    """A field that is an option of the command line, in `panel` of the help.

    `flags` are needed where the name is not the field's, and for one that is only turned on. `sets` names the setting
    of a preset whose value the help shows as the default, where it is not named as the field; or the help says `shown`.
    """
    return dataclasses.field(
        default=default,
        metadata={"flags": flags, "panel": panel, "help": help, "metavar": metavar}
        | {"sets": sets, "shown": shown, "completion": completion},
    )


def flag(options: type, name: str) -> str:
    """The option as it is typed that fills the field `name` of the class `options`."""
    field = next(field for field in dataclasses.fields(options) if field.name == name)
    return field.metadata["flags"][0] if field.metadata["flags"] else "--" + name.replace("_", "-")


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command`, whose first parameter is a dataclass of options, one command-line option for each field."""
    first, *own = inspect.signature(command, eval_str=True).parameters.values()
    options, keyword = first.annotation, inspect.Parameter.KEYWORD_ONLY
    hints, fields = get_type_hints(options), dataclasses.fields(options)
    shared = [
        inspect.Parameter(
            field.name, keyword, default=field.default, annotation=Annotated[hints[field.name], _typer_option(field)]
        )
        for field in fields
    ]

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        command(options(**{field.name: values.pop(field.name) for field in fields}), **values)

    wrapper.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*shared, *(parameter.replace(kind=keyword) for parameter in own)]
    )
    wrapper.__annotations__ = {}
    return wrapper


def _typer_option(field: dataclasses.Field[Any]) -> Any:
    said = field.metadata
    shown = said["shown"] or (by_preset(said["sets"] or field.name) if field.default is None else True)
    return typer.Option(
        *said["flags"],
        metavar=said["metavar"],
        help=said["help"],
        show_default=shown,
        rich_help_panel=said["panel"],
        autocompletion=said["completion"],
    )


def by_preset(name: str) -> str:
    """The value of a setting in every preset, as the help shows it: `8`, or `tiny: 10, classic: 20`."""
    values = {key: _shown(_setting(preset, name)) for key, preset in PRESETS.items()}
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{key}: {value}" for key, value in values.items())


def _setting(preset: object, name: str) -> object:
    parts = [getattr(preset, part) for part in ("training", "model", "tokenizer")]
    return getattr(next(part for part in parts if hasattr(part, name)), name)


def _shown(value: object) -> str:
    return "off" if value is None or value is False else str(value)
