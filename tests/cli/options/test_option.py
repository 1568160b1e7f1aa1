"""Options as fields of a dataclass: their names, their defaults, and how a command takes them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from tinylm.cli.options.option import by_preset, flag, option, takes_options
from tinylm.cli.options.training import TrainingOptions
from tinylm.settings.run import PRESETS


@dataclass(frozen=True, kw_only=True)
class Options:
    epochs: int | None = option("Passes.", "Run")
    evaluate_every_steps: int | None = option("Evaluate.", "Run", "--eval-interval", metavar="STEPS")
    kind: Literal["a", "b"] | None = option("Which.", "Run", shown="a")
    texts: list[str] | None = option("Texts.", "Text", shown="none")
    loud: bool = option("Loud.", "Run", "--loud", default=False)


taken: list[tuple[Options, bool]] = []
app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
@takes_options
def command(options: Options, own: Annotated[bool, typer.Option("--own", help="Its own.")] = False) -> None:
    """A command."""
    taken.append((options, own))


@pytest.mark.parametrize(
    ("words", "options", "own"),
    [
        ([], Options(), False),
        (["--epochs", "3", "--own"], Options(epochs=3), True),
        (
            ["--eval-interval", "5", "--loud", "--kind", "b"],
            Options(evaluate_every_steps=5, loud=True, kind="b"),
            False,
        ),
        (["--texts", "x", "--texts", "y", "--kind", "b"], Options(texts=["x", "y"], kind="b"), False),
    ],
)
def test_a_command_takes_them(words: list[str], options: Options, own: bool) -> None:
    taken.clear()
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    assert taken == [(options, own)]


@pytest.mark.parametrize(
    "words", [["--epochs", "many"], ["--kind", "c"], ["--evaluate-every-steps", "5"], ["--no-loud"]]
)
def test_what_is_no_option_or_no_value_of_it_is_refused(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2


def test_the_help_shows_what_holds_without_them() -> None:
    text = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "300"}).stdout.split())
    assert f"default: ({by_preset('epochs')})" in text
    assert "--eval-interval STEPS Evaluate. [default: (off)]" in text
    assert "[default: (a)]" in text


def test_a_setting_is_shown_once_where_every_preset_has_the_same() -> None:
    assert by_preset("patience") == "off"
    assert by_preset("kind") == "unigram"
    assert by_preset("context_length") == ", ".join(f"{name}: {p.model.context_length}" for name, p in PRESETS.items())


def test_an_option_is_named_as_its_field_or_as_it_says() -> None:
    assert flag(Options, "epochs") == "--epochs"
    assert flag(TrainingOptions, "min_learning_rate") == "--min-lr"
    assert flag(TrainingOptions, "max_seq_length") == "--max-seq-length"
    for field in dataclasses.fields(TrainingOptions):
        assert flag(TrainingOptions, field.name).startswith("--")
