"""`--help` of every command: whole sentences at any width, panels, an example that parses."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable

import pytest
from command_line import COMMANDS, ROOT, run

GROUPS = [(), *((name,) for name, command in ROOT.commands.items() if hasattr(command, "commands"))]


Shown = Callable[..., str]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shown:
    def show(*words: str, columns: int) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        assert run(*words, "--help") == 0
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= columns
        return text

    return show


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_list_of_commands_has_whole_sentences(shown: Shown, words: tuple[str, ...], columns: int) -> None:
    text = shown(*words, columns=columns)
    assert "..." not in text.partition("Commands:")[2]
    flat = "".join(text.split())  # a line may break at the hyphen of `virtual-pi`
    group = ROOT if not words else ROOT.commands[words[0]]
    for name, command in group.commands.items():
        sentence = command.get_short_help_str()
        assert " ".join(inspect.cleandoc(command.help).split()).startswith(sentence)
        assert sentence.endswith((".", "?"))
        assert f"{name}{sentence}".replace(" ", "") in flat


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_is_explained_and_the_example_parses(shown: Shown, words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    for columns in (60, 80):
        text = shown(*words, columns=columns)
        for parameter in command.params:
            if not parameter.hidden:
                assert parameter.help, parameter.name
                for option in parameter.opts if parameter.param_type_name == "option" else ():
                    assert option in text
        assert not re.search(r"<|default: \(|^  --[\w-]+ (int|float|str|path)( |$)", text, re.MULTILINE)
        assert text.endswith(f"Example:\n  {command.epilog}\n")
    program, *arguments = shlex.split(command.epilog.partition(" > ")[0])
    assert (program, *arguments[: len(words)]) == ("tinylm", *words)
    command.make_context(words[-1], arguments[len(words) :])


def test_long_commands_have_their_options_in_panels() -> None:
    for words, command in COMMANDS.items():
        panels: dict[str, int] = {}
        for parameter in command.params:
            if parameter.param_type_name == "option":
                panels[parameter.rich_help_panel] = panels.get(parameter.rich_help_panel, 0) + 1
        assert panels.get(None, 0) <= 8, words  # type: ignore[call-overload]
