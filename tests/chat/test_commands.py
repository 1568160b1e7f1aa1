"""What begins with a slash, on a conversation with a real bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.chat.commands import ALIASES, COMMANDS, Leave, is_command, run_command
from tinylm.chat.session import Session, Turn
from tinylm.chat.settings import NAMES, Settings


def reply(session: Session, line: str) -> str:
    assert is_command(line)
    found = run_command(session, line)
    assert isinstance(found, str)
    return found


def talk(session: Session, *texts: str) -> None:
    for text in texts:
        assert "".join(session.say(text))


def test_the_help_has_every_command_and_every_setting(session: Session) -> None:
    shown = reply(session, "/help")
    for name in (*COMMANDS, *NAMES, "Ctrl-C", "Ctrl-D", "Alt+Enter"):
        assert name in shown
    assert reply(session, "/?") == shown
    assert set(ALIASES.values()) <= set(COMMANDS)


def test_an_unknown_command_is_answered_with_the_nearest(session: Session) -> None:
    with pytest.raises(TinylmError) as raised:
        run_command(session, "/tempreature 3")
    assert raised.value.message == "there is no command `/tempreature`"
    with pytest.raises(TinylmError) as raised:
        run_command(session, "/stat")
    assert raised.value.hint.startswith("did you mean `/stats`?")
    assert not is_command(" /usr/bin is text")


@pytest.mark.parametrize("name", ["/help", "/clear", "/undo", "/retry", "/stats", "/exit", "/bye"])
def test_a_command_that_takes_nothing_refuses_more(session: Session, name: str) -> None:
    talk(session, "the wa")
    with pytest.raises(TinylmError, match=f"{name} stands alone, without `now`"):
        run_command(session, f"{name} now")
    assert len(session.said) == 2


def test_settings_are_shown_and_set(session: Session) -> None:
    session.settings = Settings()
    assert reply(session, "/set").splitlines()[0].split(maxsplit=1) == ["temperature", "0.8, the model's own"]
    assert reply(session, "/set temperature 0.7").split() == ["temperature", "0.7"]
    assert reply(session, r'/set stop "\n" "a b"').split(maxsplit=1) == ["stop", r'"\n" "a b"']
    assert reply(session, "/set seed 18446744073709551615").split() == ["seed", "18446744073709551615"]
    assert session.settings == Settings(temperature=0.7, stop=("\n", "a b"), seed=2**64 - 1)
    for line in ("/set temperature", "/set temperature hot", "/set nothing 1"):
        with pytest.raises(TinylmError):
            run_command(session, line)
    assert session.settings.temperature == 0.7


def test_the_system_prompt_is_set_shown_and_taken_away(session: Session, tmp_path: Path) -> None:
    assert reply(session, "/system") == "there is no system prompt"
    reply(session, "/system The can is out.")
    assert reply(session, "/system") == "The can is out."
    (tmp_path / "sailor.txt").write_text("Del casa,\nñolu.\n", encoding="utf-8")
    reply(session, f"/system @{tmp_path / 'sailor.txt'}")
    assert session.system == "Del casa,\nñolu."
    talk(session, "the wa")
    assert session.messages[0].content == "Del casa,\nñolu."
    reply(session, "/system off")
    assert session.messages[0].role == "user"
    (tmp_path / "latin.txt").write_bytes(b"\xf1olu")
    for name in ("latin.txt", "nothing.txt", "."):
        with pytest.raises(TinylmError):
            run_command(session, f"/system @{tmp_path / name}")


def test_a_conversation_is_cleared_undone_and_tried_again(session: Session) -> None:
    talk(session, "the wa", "the can")
    assert reply(session, "/undo") == "taken back: the can"
    assert len(session.said) == 2
    turn = run_command(session, "/retry")
    assert isinstance(turn, Turn)
    assert "".join(turn) == session.said[1].content
    reply(session, "/clear")
    assert session.said == []
    assert session.settings == Settings(temperature=0, max_tokens=10)


def test_a_conversation_is_saved_and_goes_on_elsewhere(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "a talk.json"
    session.system = "The can is out."
    session.settings = Settings(temperature=0, max_tokens=10, seed=2**63 - 1, stop=("ñ",))
    with pytest.raises(TinylmError, match="no conversation to save"):
        run_command(session, f"/save {file}")
    talk(session, "the wa", "the can")
    assert reply(session, f"/save {file}") == f"saved: {file}"
    saved, settings = session.messages, session.settings
    document = json.loads(file.read_bytes())
    assert document["messages"][1] == {"role": "user", "content": "the wa"}
    assert (document["model"], document["settings"]["max_tokens"]) == ("test", 10)
    session.system, session.settings = None, Settings(max_tokens=3)
    reply(session, "/clear")
    shown = reply(session, f"/load {file}")
    assert shown == f"loaded: {file}, 4 messages\n\n> the can\n{saved[-1].content.strip()}"
    assert (session.messages, session.settings, session.answers) == (saved, settings, 2)
    talk(session, "out")
    replaced = reply(session, f"/load {file}").splitlines()[0]
    assert replaced == f"loaded: {file}, 4 messages; it replaces the conversation that was here"


def test_a_seed_that_was_given_stays_whatever_is_loaded(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "talk.json"
    session.settings = Settings(max_tokens=4, seed=5)
    talk(session, "the \nwa")
    reply(session, f"/save {file}")
    given = Session(session.backend, settings=Settings(seed=7, max_tokens=9))
    assert "\n\n> the \n. wa\n" in reply(given, f"/load {file}")
    assert given.settings == Settings(max_tokens=4, seed=7)
    free = Session(session.backend, settings=Settings(max_tokens=9))
    reply(free, f"/load {file}")
    assert free.settings == Settings(max_tokens=4, seed=5)


def test_a_file_that_is_there_is_only_overwritten_when_told(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "talk.md"
    file.write_text("mine", encoding="utf-8")
    talk(session, "the wa")
    with pytest.raises(TinylmError) as raised:
        run_command(session, f"/save {file}")
    assert raised.value.hint == f"/save {file} --force overwrites it"
    assert file.read_text(encoding="utf-8") == "mine"
    reply(session, f"/save {file} --force")
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# A conversation with test\n\n**You:** the wa\n\n**Model:** ")
    with pytest.raises(TinylmError, match="is there already"):
        run_command(session, f"/save {tmp_path} --force")
    with pytest.raises(TinylmError, match="lacks the name of a file"):
        run_command(session, "/save")
    with pytest.raises(TinylmError, match="cannot write"):
        run_command(session, f"/save {file}/talk.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("{}", "has schema None"),
        ('{"schema": "9.0"}', "this tinylm reads 1.x"),
        ('{"schema": "1.0", "model": "m", "settings": {}, "messages": [{"role": "robot", "content": ""}]}', "'robot'"),
        (
            '{"schema": "1.0", "model": "m", "settings": {}, "messages": [{"role": "user", "content": ""}]}',
            "do not take turns",
        ),
        ('{"schema": "1.0", "model": "m", "settings": {"top_p": 7}, "messages": []}', "`top_p` is 7"),
        ('{"schema": "1.0", "model": "m", "settings": {"heat": 7}, "messages": []}', "unknown key `heat`"),
    ],
)
def test_a_file_that_is_no_conversation_changes_nothing(
    session: Session, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "talk.json").write_text(text, encoding="utf-8")
    talk(session, "the wa")
    before = session.messages, session.settings
    with pytest.raises(TinylmError, match=r"\S") as raised:
        run_command(session, f"/load {tmp_path / 'talk.json'}")
    assert message in raised.value.message
    assert (session.messages, session.settings) == before


def test_a_file_that_is_absurd_is_not_read(session: Session, tmp_path: Path) -> None:
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(10**10)
    for name, message in (("large.json", "at most 10 are read"), ("none.json", "no file"), (".", "no file")):
        with pytest.raises(TinylmError, match=message):
            run_command(session, f"/load {tmp_path / name}")
    with pytest.raises(TinylmError, match="no file"):
        run_command(session, "/load /dev/zero")


def test_another_bundle_goes_on_with_the_conversation(
    session: Session, tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "bundle").symlink_to(tiny_bundle.path)
    monkeypatch.chdir(tmp_path)
    talk(session, "the wa")
    here = session.backend.chosen
    assert reply(session, "/model") == f"  runs/first/bundle\n* {here}"
    assert reply(session, "/model runs/first/bundle") == "test answers from now on; the conversation stays"
    assert reply(session, "/model") == "* runs/first/bundle"
    assert session.backend.model.context_length == 64
    talk(session, "the can")
    assert len(session.said) == 4
    with pytest.raises(TinylmError, match="no bundle at"):
        run_command(session, "/model nothing")
    talk(session, "out")


def test_statistics_say_what_was_seen(session: Session) -> None:
    assert [line.split()[0] for line in reply(session, "/stats").splitlines()] == ["model", "memory"]
    talk(session, "the wa")
    model, answer, context, memory = reply(session, "/stats").splitlines()
    assert "test, 1 parameters, en es, native" in model
    assert answer.startswith("answer   10 tokens, ")
    assert answer.endswith(" ms, ended at max_tokens")
    assert " tokens/s, first after " in answer
    assert session.last is not None
    assert session.last.usage.prompt_tokens is not None
    held = session.last.usage.prompt_tokens + 10
    assert context.startswith(f"context  {held} of 256 tokens; of the prompt's {held - 10}, 0 were cached")
    assert memory.endswith(" MB, this process")
    session.settings = Settings(max_tokens=1)
    "".join(session.say("the wa"))
    assert "tokens/s" not in reply(session, "/stats")


def test_leaving(session: Session) -> None:
    for line in ("/exit", "/bye", "/quit"):
        with pytest.raises(Leave):
            run_command(session, line)
