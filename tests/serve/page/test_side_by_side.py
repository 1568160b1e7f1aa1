"""Two bundles side by side in the page: the same seed, votes blind and in sight, and the answer that goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_actions import bodies, drawer, fits, write
from running_server import RunningServer

pytestmark = pytest.mark.slow
Open = Callable[..., Any]


def test_two_bundles_answer_with_the_same_seed_and_are_voted_on_blindly(server: RunningServer, open_page: Open) -> None:
    page = open_page(server.url)
    asked = bodies(page)
    page.click("#pair")
    page.click("#blind")
    for place, choice in enumerate(("A is better", "Tie")):
        page.fill("#text", "Había una vez")
        page.press("#text", "Enter")
        page.click(f"text={choice}")
        assert page.locator(".columns").nth(place).locator(".won").count() == 1
        one, other = asked[2 * place : 2 * place + 2]
        assert {one["model"], other["model"]} == {"teller", "helper"}
        assert one["seed"] == other["seed"]
        assert one["prompt"] == other["prompt"]
        assert len(page.locator(".columns").nth(place).locator(".figures").all()) == 2
    names = page.locator(".columns").nth(0).locator(".who").all_inner_texts()
    assert sorted(name.split(" · ")[1] for name in names) == ["helper", "teller"]
    assert fits(page)
    with drawer(page):
        page.click("#votes-open")
    page.fill("#rater", "second")
    page.press("#rater", "Tab")
    page.click("text=Vote on earlier pairs")
    page.click("dialog >> text=Tie")
    page.click("dialog >> text=Tie")
    page.click("dialog >> text='Back'")
    with page.expect_download() as download:
        page.click("text=Export votes (4")
    found = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert [vote["rater"] for vote in found["votes"]] == ["", "", "second", "second"]
    assert all(vote["blind"] for vote in found["votes"])
    assert len({vote["item"] for vote in found["votes"]}) == 2
    first, tie = found["votes"][:2]
    assert first["models"][first["choice"]] == names[0].split(" · ")[1]
    assert tie["choice"] == "tie"
    # One of two items is agreed on; of the four votes three are ties: (1/2 - 10/16) / (1 - 10/16).
    assert found["agreement"]["observed"] == 0.5
    assert found["agreement"]["kappa"] == pytest.approx(-1 / 3)


def test_nobody_sees_who_wrote_what_before_the_vote(server: RunningServer, open_page: Open) -> None:
    page = open_page(server.url)
    page.click("#pair")
    page.click("#blind")
    page.fill("#text", "Once")
    page.press("#text", "Enter")
    page.wait_for_selector(".vote")
    assert page.locator(".columns .who").all_inner_texts() == ["A", "B"]
    shown = page.locator("#thread").evaluate("(thread) => thread.outerHTML")
    assert "teller" not in shown
    assert "helper" not in shown
    assert "tokens/s" not in shown
    assert page.locator(".won").count() == 0


def test_two_bundles_are_voted_on_in_sight_and_the_answer_that_goes_on_is_marked(
    server: RunningServer, open_page: Open
) -> None:
    page = open_page(server.url)
    page.click("#settings-open")
    page.fill("#max_tokens", "4")  # a text that no longer fits the context would be asked for twice
    page.press("#max_tokens", "Escape")
    asked = bodies(page)
    page.click("#pair")
    write(page, "casa")
    names = page.locator(".columns .who").all_inner_texts()
    assert names == ["A · teller · goes on from here", "B · helper"]
    page.click("text=B is better")
    assert page.locator(".won .who").inner_text() == "B · helper · goes on from here"
    assert page.locator(".vote").count() == 0
    preferred = page.locator(".won .written").text_content()
    write(page, "ahora")
    assert asked[2]["prompt"].startswith("casa" + preferred)
    write(page, "luego")  # without a vote: from A
    assert asked[4]["prompt"].startswith(asked[2]["prompt"] + page.locator(".won .written").nth(1).text_content())
    assert page.locator(".vote").count() == 1
    (vote,) = json.loads(page.evaluate("localStorage.getItem('tinylm.votes')"))
    assert (vote["models"][vote["choice"]], vote["blind"]) == ("helper", False)
    assert page.get_attribute("#second", "title") == "helper"
    assert page.evaluate("getComputedStyle(document.getElementById('second')).textOverflow") == "ellipsis"
    assert fits(page)
