"""The page in Chromium, at the size of a phone and of a desktop, against a server that runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_actions import bodies, choose, drawer, fits, nameless, small_targets, write
from running_server import RunningServer

pytestmark = pytest.mark.slow
Open = Callable[..., Any]


def test_a_text_is_written_shown_with_its_figures_and_there_after_a_reload(
    server: RunningServer, open_page: Open
) -> None:
    page = open_page(server.url)
    assert "continues text" in page.inner_text(".caution")
    asked = bodies(page)
    page.click(".starts button >> nth=0")
    page.wait_for_selector(".under")
    written = page.inner_text(".written")
    assert written.startswith("Once upon a time")
    assert len(written) > len("Once upon a time")
    assert "tokens/s" in page.inner_text(".figures")
    assert "· server " in page.inner_text(".figures")
    assert asked[0].keys() == {"model", "seed", "prompt", "stream", "stream_options"}, "the rest is the bundle's own"
    page.fill("#text", "half a thought")
    page.reload()
    page.wait_for_selector(".under")
    assert page.inner_text(".written") == written
    assert page.input_value("#text") == "half a thought"
    write(page, "And then")
    assert asked[1]["prompt"].startswith(written)
    assert asked[1]["prompt"].endswith(" And then")
    with drawer(page):
        assert page.locator("#list li").count() == 1
    assert fits(page)
    page.set_viewport_size({"width": page.viewport_size["width"], "height": 360})  # as above an on-screen keyboard
    assert fits(page)


def test_a_text_can_be_stopped_by_button_and_by_key(server: RunningServer, open_page: Open) -> None:
    page = open_page(server.url)
    page.click("#settings-open")
    page.fill("#max_tokens", "2048")
    page.fill("#temperature", "0")  # then the small bundle never ends by itself
    page.press("#max_tokens", "Escape")
    for stop in (lambda: page.click("#send"), lambda: page.keyboard.press("Escape")):
        page.fill("#text", "casa")
        page.press("#text", "Enter")
        page.wait_for_selector(".model:not(:empty)")
        assert page.get_attribute("#send", "aria-label") == "Stop (Esc)"
        stop()
        page.wait_for_selector("text=Stopped.")
        length = len(page.inner_text("#thread"))
        page.wait_for_timeout(300)
        assert len(page.inner_text("#thread")) == length
        with drawer(page):
            page.click("#new")


def test_a_chat_keeps_its_turns_over_a_switch_of_the_bundle(server: RunningServer, open_page: Open) -> None:
    page = open_page(server.url)
    asked = bodies(page)
    choose(page, "chat", "helper")
    assert page.locator(".caution").count() == 0
    page.click("#settings-open")
    page.fill("#system", "Be brief.")
    for wrong in ("abc", "1.5", "1" * 16):
        page.fill("#seed", wrong)
        page.fill("#temperature", "0.5")
        page.click("#settings .main")
        assert "at most 15 digits" in page.inner_text("#seed-note")
        assert page.input_value("#seed") == wrong
    for taken, seed in ((" 1e3 ", "1000"), ("-5", "-5")):
        page.fill("#seed", taken)
        page.press("#seed", "Tab")
        assert page.input_value("#seed") == seed
    page.click("#settings .main")
    assert not page.is_visible("#settings")
    write(page, "¿Qué es?")
    answer = page.locator("article .body").inner_text()
    page.select_option("#model", "teller")
    assert "“Text” suits it better" in page.inner_text(".caution")
    write(page, "And now?")
    assert [body["model"] for body in asked] == ["helper", "teller"]
    assert [body["seed"] for body in asked] == [-5, -5]
    roles = [message["role"] for message in asked[1]["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert asked[1]["messages"][1]["content"] == "¿Qué es?"
    assert asked[1]["messages"][2]["content"].split() == answer.split()


def test_the_last_question_is_edited_and_an_answer_written_again(
    server: RunningServer, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(server.url)
    asked = bodies(page)
    choose(page, "chat", "helper")
    write(page, "one")
    page.click("[aria-label='Edit']")
    assert page.input_value("#text") == "one"
    write(page, "two")
    assert page.locator(".said").all_inner_texts() == ["two"]
    page.click("[aria-label='Bad answer']")
    page.click("[aria-label='Write it again']")
    page.wait_for_selector("text=2/2")
    page.click("[aria-label='Good answer']")
    assert asked[1]["messages"] == asked[2]["messages"]
    assert asked[1]["seed"] != asked[2]["seed"]
    second = page.locator("article .body").inner_text()
    page.click("[aria-label='The answer before']")
    assert page.locator("article .body").inner_text() != second
    with drawer(page):
        page.click("#votes-open")
    with page.expect_download() as download:
        page.click("text=Export preference pairs (1")
    (line,) = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    pair = json.loads(line)
    assert pair.keys() == {"prompt", "chosen", "rejected"}
    assert pair["prompt"] == [{"role": "user", "content": "two"}]
    (name,) = page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('tinylm.c.'))")
    answers = json.loads(page.evaluate(f"localStorage.getItem({json.dumps(name)})"))["turns"][1]["answers"]
    assert [pair[side][0]["content"] for side in ("rejected", "chosen")] == [answer["text"] for answer in answers]


def test_it_speaks_spanish_and_is_dark_where_the_device_is_and_where_one_says_so(
    server: RunningServer, open_page: Open
) -> None:
    page = open_page(server.url, locale="es-MX", color_scheme="dark")
    assert "no fue entrenado" in page.inner_text(".caution")
    assert page.get_attribute("html", "lang") == "es"
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    with drawer(page):
        page.click("#language")
        page.click("#theme")
    assert "not trained" in page.inner_text(".caution")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.reload()
    page.wait_for_selector(".empty h2")
    assert page.get_attribute("html", "lang") == "en"
    assert page.get_attribute("html", "data-theme") == "light"


def test_a_screen_reader_hears_an_answer_once_and_every_control_has_a_name(
    server: RunningServer, open_page: Open
) -> None:
    page = open_page(server.url)
    page.evaluate(
        """() => { window.heard = [];
        new MutationObserver(() => heard.push(document.getElementById("said").textContent))
          .observe(document.getElementById("said"), {childList: true, characterData: true, subtree: true}); }"""
    )
    choose(page, "chat", "helper")
    assert (small_targets(page), nameless(page)) == ([], [])
    write(page, "casa")
    (heard,) = page.evaluate("heard")
    assert heard.startswith("helper: ")
    assert (small_targets(page), nameless(page)) == ([], [])
    for opener in ("#settings-open", "#votes-open"):
        with drawer(page):
            assert (small_targets(page), nameless(page)) == ([], [])
            if opener == "#votes-open":
                page.click(opener)
        if opener != "#votes-open":
            page.click(opener)
        targets = [target for target in small_targets(page) if 'type="range"' not in target or "44" in target]
        assert (targets, nameless(page)) == ([], [])
        page.keyboard.press("Escape")
    page.focus("#text")
    order = []
    for _ in range(4):
        order.append(page.evaluate("document.activeElement.id"))
        page.keyboard.press("Tab")
    assert order == ["text", "mode-chat", "mode-completion", "pair"]
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid" or order[-1] == "pair"


def test_what_a_model_writes_is_never_html(server: RunningServer, open_page: Open) -> None:
    text = (
        "# One\n**bold** and *soft* and `code`\n\n- a\n- b\n\n1. c\n\n```py\n<b>x</b>\n```\n"
        "<img src=x onerror=alert(1)> [link](javascript:alert(1)) <script>alert(2)</script> **open"
    )
    turns = [{"text": "?"}, {"pair": False, "shown": 0, "vote": None, "answers": [{"text": text, "model": "<i>m</i>"}]}]
    talk = {"id": "1", "title": "<u>t</u>", "mode": "chat", "system": "", "updated": 1, "turns": turns}
    broken = {"id": "2", "turns": [{"answers": 5}]}
    kept = {"tinylm.c.1": talk, "tinylm.c.2": broken, "tinylm.c.3": 7, "tinylm.settings": {"current": "1"}}
    script = "".join(f"localStorage.setItem({json.dumps(k)}, {json.dumps(json.dumps(v))});" for k, v in kept.items())
    page = open_page(server.url, ready=".code", script=script + "localStorage.setItem('tinylm.votes', '{');")
    body = page.locator("article .body")
    assert body.locator("strong").all_inner_texts() == ["One", "bold"]
    assert body.locator("em").all_inner_texts() == ["soft"]
    assert body.locator("li").all_inner_texts() == ["a", "b", "c"]
    assert body.locator("pre").inner_text().strip() == "<b>x</b>"
    assert page.locator("img, a[href^=javascript], #thread b, #thread i, #list u, #thread script").count() == 0
    assert "<img src=x onerror=alert(1)> [link](javascript:alert(1))" in body.inner_text()
    page.click(".code button")
    page.fill("#text", "")
    page.focus("#text")
    page.keyboard.press("Control+v")
    assert page.input_value("#text") == "<b>x</b>"
    with drawer(page):
        assert page.locator("#list li").count() == 1


def test_a_conversation_is_renamed_exported_and_deleted(server: RunningServer, open_page: Open) -> None:
    page = open_page(server.url)
    choose(page, "chat", "helper")
    write(page, "casa")

    def pick(entry: str) -> None:
        page.click("#list .icon")
        page.click(f".menu >> text={entry}")

    with drawer(page):
        pick("Rename")
        page.fill("#ask-input", "Mi casa")
        page.press("#ask-input", "Enter")
        title, time = page.locator("#list .open span").all_inner_texts()
        assert title == "Mi casa"
        assert re.fullmatch(r"\d+:\d\d\W[AP]M", time)
        with page.expect_download() as download:
            pick("Export as Markdown")
        assert download.value.suggested_filename == "tinylm-Mi-casa.md"
        lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
        assert lines[:5] == ["# Mi casa", "", "**You:**", "", "casa"]
        with page.expect_download() as download:
            pick("Export as JSON")
        talk = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
        assert talk["turns"][0] == {"text": "casa"}
        assert talk["turns"][1]["answers"][0]["model"] == "helper"
        pick("Delete")
        page.click("#ask-yes")
        page.wait_for_selector("#list li", state="detached")
    page.reload()
    page.wait_for_selector(".empty h2")


@pytest.mark.parametrize("trouble", ["forbidden", "full"])
def test_a_store_that_takes_nothing_loses_nothing_of_what_is_open(
    server: RunningServer, open_page: Open, trouble: str
) -> None:
    scripts = {
        "forbidden": "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException() }})",
        "full": "for (let n = 3e6; n >= 1; n /= 2) try { localStorage.setItem('x' + n, 'x'.repeat(n)) } catch {}",
    }
    page = open_page(server.url, script=scripts[trouble])
    write(page, "casa")
    assert page.inner_text("#banner").startswith("This browser")
    assert page.inner_text(".written").startswith("casa")
    with drawer(page):
        page.click("#new")
    with drawer(page):
        page.click("#list .open")
    assert page.inner_text(".written").startswith("casa")


def test_a_text_that_outgrows_the_context_goes_on_from_its_newer_half(server: RunningServer, open_page: Open) -> None:
    page = open_page(server.url)
    page.select_option("#model", "helper")
    asked = bodies(page)
    write(page, "casa ñolu del " * 60)
    assert "no longer fits" in page.inner_text("#thread")
    assert page.locator(".model").inner_text().strip()
    assert len(asked) > 1
    assert all(asked[0]["prompt"].endswith(body["prompt"]) for body in asked)


def test_the_token_is_asked_for_or_taken_from_the_address(
    bundles: tuple[Path, Path], open_page: Open, tmp_path: Path
) -> None:
    file, token = tmp_path / "token", "0123456789abcdef"
    file.touch(mode=0o600)
    file.write_text(token, encoding="utf-8")
    with RunningServer(bundles[0], log=tmp_path / "log", options=["--token-file", str(file)]) as server:
        page = open_page(server.url, ready="#ask[open]")
        assert page.get_attribute("#ask-input", "type") == "password"
        page.fill("#ask-input", "wrong")
        page.press("#ask-input", "Enter")
        page.wait_for_selector("text=did not accept")
        page.click("#ask-no")
        words, buttons = (page.locator("#banner > *").nth(place).bounding_box() for place in (0, 1))
        beside = buttons["x"] >= words["x"] + words["width"]
        assert beside or buttons["y"] >= words["y"] + words["height"]
        assert words["width"] > page.locator("#banner").bounding_box()["width"] * 0.6
        again, close = (page.locator("#banner button").nth(place).bounding_box() for place in (0, 1))
        assert again["y"] == close["y"], "in one row"
        page.click("text=Try again")
        page.fill("#ask-input", token)
        page.press("#ask-input", "Enter")
        page.wait_for_selector(".empty h2")
        page.reload()
        page.wait_for_selector(".empty h2")
        page = open_page(f"{server.url}/#token={token}")
        assert token not in page.evaluate("location.href")
        write(page, "casa")
        assert page.inner_text(".written").startswith("casa")
        assert token not in page.evaluate("JSON.stringify(localStorage)")


def test_what_fails_is_said_and_the_text_comes_back(
    bundles: tuple[Path, Path], open_page: Open, tmp_path: Path
) -> None:
    with RunningServer(bundles[0], log=tmp_path / "log", options=["--rate", "4"]) as server:
        page = open_page(server.url)
        for _ in range(6):
            page.fill("#text", "casa")
            page.press("#text", "Enter")
            page.wait_for_selector("body:not(.writing)")
            if page.is_visible("#banner"):
                break
        assert "too much to do. Try again in " in page.inner_text("#banner")
        assert page.input_value("#text") == "casa"


def test_the_filter_refuses_in_one_sentence_of_the_language(server: RunningServer, open_page: Open) -> None:
    page = open_page(server.url, locale="es-MX")
    page.fill("#text", "I will kill you")
    page.press("#text", "Enter")
    page.wait_for_selector("#banner:not([hidden])")
    assert page.inner_text("#banner").strip() == "El filtro de contenido lo rechazó (categoría: threat)."


def test_a_server_that_dies_in_the_middle_leaves_what_had_arrived(
    bundles: tuple[Path, Path], open_page: Open, tmp_path: Path
) -> None:
    with RunningServer(bundles[0], log=tmp_path / "log") as server:
        page = open_page(server.url)
        page.click("#settings-open")
        page.fill("#max_tokens", "2048")
        page.press("#max_tokens", "Escape")
        page.fill("#text", "casa")
        page.press("#text", "Enter")
        page.wait_for_selector(".model:not(:empty)")
        server.kill()
        page.wait_for_selector("text=The connection broke in the middle")
        assert page.text_content(".model")
        page.fill("#text", "and more")
        page.press("#text", "Enter")
        page.wait_for_selector("text=The server cannot be reached")
        assert page.input_value("#text") == "and more"


def test_the_memory_stands_beside_the_limit_of_the_budget(server: RunningServer, open_page: Open) -> None:
    page = open_page(server.url)
    page.wait_for_selector("#memory:not([hidden])")
    used, limit = page.inner_text("#memory").replace("MB", "").split("/")
    assert 0 < int(used) < int(limit) == 400
