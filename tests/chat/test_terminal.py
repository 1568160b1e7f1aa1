"""What the Tab key offers, and where what was typed is kept. `tests/cli/commands/test_chat.py` sits at a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from tinylm.base.errors import TinylmError
from tinylm.chat.commands import COMMANDS, run_command
from tinylm.chat.session import Session
from tinylm.chat.terminal import Terminal, _Completer, _history


def offered(session: Session, text: str) -> list[str]:
    found = _Completer(session).get_completions(Document(text), CompleteEvent())
    return [text[: len(text) + one.start_position] + one.text for one in found]


@pytest.fixture
def terminal(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    with create_app_session(input=DummyInput(), output=DummyOutput()):
        yield Terminal(session)


@pytest.mark.parametrize("columns", [30, 60])
def test_what_the_chat_says_is_broken_between_words(
    terminal: Terminal,
    session: Session,
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    words = str(run_command(session, "/help"))
    terminal.show(words)
    terminal.note(words)
    terminal.fail(TinylmError(words, words))
    out, err = capsys.readouterr()
    assert all(len(line) < columns for line in (out + err).splitlines())
    assert out.split() == words.split()
    assert err.split() == [*words.split(), "error:", *words.split(), "hint:", *words.split()]


def test_one_line_is_empty_below_an_answer_and_above_an_error(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.write(" \n")
    terminal.end()
    assert capsys.readouterr().out == "\n"
    terminal.write("the wa")
    terminal.end()
    assert capsys.readouterr().out == "the wa\n\n"


def test_the_line_at_the_bottom_holds_what_fits(
    terminal: Terminal, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bottom(columns: int) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        return terminal._toolbar()

    "".join(session.say("the wa"))
    assert session.last is not None
    session.last = replace(session.last, tokens_per_second=1930, ttft_ms=1.4)
    whole = bottom(100)
    held = whole.split("  ·  ")[1]
    assert whole == f" test  ·  {held}  ·  1,930 tokens/s, first after 1.4 ms"
    assert bottom(len(whole)) == whole
    assert bottom(len(whole) - 1) == f" test  ·  {held}"
    assert bottom(10) == " test"
    assert bottom(3) == ""
    run_command(session, "/undo")
    assert bottom(100) == " test"


def test_the_tab_key_offers_what_can_stand_there(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "talk.json").touch()
    (tmp_path / "runs" / "first" / "bundle").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "bundle" / "manifest.json").touch()
    monkeypatch.chdir(tmp_path)
    assert [name.strip() for name in offered(session, "/")] == list(COMMANDS)
    assert offered(session, "/st") == ["/stats"]
    assert offered(session, "/se") == ["/set "]
    assert offered(session, "/set t") == ["/set temperature ", "/set top_p ", "/set top_k "]
    assert offered(session, "/set top_p d") == ["/set top_p default"]
    assert offered(session, "/load ta") == ["/load talk.json"]
    assert offered(session, "/model r") == ["/model runs/first/bundle"]
    for text in ("", "hello /s", "/nothing ", "/clear x"):
        assert offered(session, text) == []


def test_what_was_typed_is_kept_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "tinylm" / "chat-history"
    _history().store_string("hello\nthere")
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o666)
    assert list(_history().load_history_strings()) == ["hello\nthere"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_history_that_has_grown_large_loses_its_older_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    history = _history()
    for number in range(250):
        history.store_string(f"{number} {'x' * 5000}")
    kept = list(_history().load_history_strings())
    assert 90 < len(kept) < 100
    assert [text.split()[0] for text in kept] == [str(number) for number in range(249, 249 - len(kept), -1)]
    assert all(len(text) > 5000 for text in kept)


def test_without_a_folder_for_it_history_ends_with_the_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tinylm").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert isinstance(_history(), InMemoryHistory)
    (tmp_path / "tinylm").unlink()
    history = _history()
    os.remove(tmp_path / "tinylm" / "chat-history")  # noqa: PTH107
    (tmp_path / "tinylm").rmdir()
    history.store_string("lost")  # and nothing happens
