"""Budgets of one's own: what is written loads, keeps its comments and recognises the machine; and a budget in words."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sample_machines import ZERO

from tinylm.base.errors import TinylmError
from tinylm.budget.formats.explain import explain
from tinylm.budget.spec.budget import load_budget, parse_budget, shipped_budgets
from tinylm.budget.spec.device import differences
from tinylm.budget.spec.template import new_budget, write_new
from tinylm.machine.device import DeviceFacts, device_facts

BARE = DeviceFacts(
    model="unknown",
    arch="arm64",
    isa=(),
    cores=8,
    memory_mb=None,
    governor=None,
    system="Darwin 24",
    python="3.13.5",
    onnxruntime=None,
)
LAPTOP = dataclasses.replace(
    BARE, model='Some "CPU" \\ 9', arch="x86_64", isa=("avx2", "fma"), memory_mb=16_000.0, governor="powersave"
)


@pytest.mark.parametrize("facts", [ZERO, BARE, LAPTOP, device_facts()], ids=["zero", "bare", "laptop", "here"])
@pytest.mark.parametrize("template", ["pi-zero-2w", "pi-3", "pi-4", "host"])
def test_it_recognises_the_machine_and_takes_the_limits(facts: DeviceFacts, template: str) -> None:
    budget = parse_budget(new_budget("my-board", template=template, facts=facts), "it")
    shipped = load_budget(template)
    assert budget.name == "my-board"
    assert differences(facts, budget.device) == []
    assert (budget.limits, budget.request) == (shipped.limits, shipped.request)
    assert (budget.confidence, budget.regression) == (shipped.confidence, shipped.regression)
    assert budget.estimate is None  # it describes the template's processor
    assert budget.device.governors == (() if facts.governor is None else (facts.governor,))


def test_comments_survive() -> None:
    text = new_budget("my-board", template="pi-zero-2w", facts=ZERO)
    assert "# 95 of 100 requests take at most this, from text to text" in text
    assert "# What the board can give. A limit that is left out is not checked.\n[limits]" in text
    assert "--from pi-zero-2w" in text
    assert "bandwidth" not in text


def test_another_revision_of_the_board_is_the_same_board() -> None:
    budget = parse_budget(new_budget("my-board", template="pi-zero-2w", facts=ZERO), "it")
    assert budget.device.models == ("Raspberry Pi Zero 2 W",)
    assert not differences(dataclasses.replace(ZERO, model="Raspberry Pi Zero 2 W Rev 1.1"), budget.device)
    assert not differences(dataclasses.replace(ZERO, memory_mb=430.0), budget.device)
    assert differences(dataclasses.replace(ZERO, memory_mb=930.0), budget.device)


@given(st.text(max_size=40), st.one_of(st.none(), st.floats(401, 1e6)))
@example(" 0", None)
def test_any_model_string_becomes_a_budget_that_recognises_it(model: str, memory_mb: float | None) -> None:
    facts = dataclasses.replace(LAPTOP, model=model, memory_mb=memory_mb)
    if memory_mb is not None and memory_mb * 1.05 > 1e6:
        return  # a terabyte is refused
    text = new_budget("my-board", template="pi-zero-2w", facts=facts)
    assert not differences(facts, parse_budget(text, "it").device)


def test_a_template_that_needs_more_than_the_machine_has() -> None:
    with pytest.raises(TinylmError, match="`peak_rss_mb` 600 is more than the device's 458 MB") as caught:
        new_budget("my-board", template="pi-5", facts=ZERO)
    assert "--from" in caught.value.hint


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-x", ".x", "x y", "x" * 65, "ñ", "a\n"])
def test_names_that_no_file_should_have(name: str) -> None:
    with pytest.raises(TinylmError, match="is no name for a budget"):
        new_budget(name, template="host", facts=ZERO)


@pytest.mark.parametrize("template", ["pi-6", "my-board.toml", "../host", ""])
def test_only_shipped_budgets_are_templates(template: str) -> None:
    with pytest.raises(TinylmError, match="unknown budget"):
        new_budget("my-board", template=template, facts=ZERO)


@pytest.mark.parametrize("name", ["pi-4", "host"])
def test_a_shipped_name_is_taken(name: str) -> None:
    with pytest.raises(TinylmError, match="the name of a shipped budget"):
        new_budget(name, template="host", facts=ZERO)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    write_new(file, "one")
    with pytest.raises(TinylmError, match="exists"):
        write_new(file, "two")
    assert file.read_text(encoding="utf-8") == "one"
    (tmp_path / "link.toml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(TinylmError, match="exists"):
        write_new(tmp_path / "link.toml", "three")
    with pytest.raises(TinylmError, match=r"does not end with `\.toml`"):
        write_new(tmp_path / "mine.txt", "four")


def words(name: str, facts: DeviceFacts = ZERO) -> str:
    return "\n".join(f"{label}: {text}" for label, text in explain(load_budget(name), facts))


def test_a_budget_in_words() -> None:
    text = words("pi-zero-2w")
    assert "this machine: yes: results here are `measured`" in text
    assert "after 124 requests: pass with at most 1 over the limit, fail with 13 or more, else go on" in text
    assert "by chance at most 5 times in 100" in text
    # (124 + 4 x 3 + 1000 + 3) and (500 + 3 x 4 x 3 + 1000 + 3) requests of 250 ms
    assert "about 5 min to 6 min" in text
    other = words("pi-4")
    assert "this machine: no: it is `Raspberry Pi Zero 2 W Rev 1.0`" in other
    assert "so memory is `indicative` here, and times are `estimated`" in other


@pytest.mark.parametrize("name", shipped_budgets())
def test_shipped_budgets_need_no_note(name: str) -> None:
    labels = [label for label, _ in explain(load_budget(name), BARE)]
    assert "note" not in labels


def test_what_may_be_a_mistake_is_a_note() -> None:
    budget = load_budget("host")
    budget = dataclasses.replace(
        budget,
        request=dataclasses.replace(budget.request, threads=9),
        device=dataclasses.replace(budget.device, governors=("fast",)),
    )
    notes = [text for label, text in explain(budget, ZERO) if label in ("note", "")]
    text = "\n".join(notes)
    assert "asks for 9 threads; this machine has 4 cores" in text
    assert "no governor `fast`" in text
