"""Plans without a device: `cases/NAME.json` says what differs from `case.json`, and which steps or error that makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.deploy.facts import Facts, Target, read_facts
from tinylm.deploy.plan import Step, _order, plan, warnings

HERE = Path(__file__).parent
COMMON: dict[str, Any] = json.loads((HERE / "case.json").read_text(encoding="utf-8"))
CASES = sorted((HERE / "cases").glob("*.json"))
ROOT = "~/.local/share/tinylm"


def facts(**changes: Any) -> Facts:
    return read(Facts, {**COMMON["facts"], **changes}, "the case")


def target(**changes: Any) -> Target:
    return read(Target, {**COMMON["target"], **changes}, "the case")


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_case(file: Path) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    there, wanted = facts(**case["facts"]), target(**case["target"])
    if "error" in case:
        with pytest.raises(TinylmError) as error:
            plan(there, wanted, root=ROOT)
        assert case["error"] in error.value.message
        assert error.value.hint
    else:
        assert plan(there, wanted, root=ROOT) == [read(Step, step, file.stem) for step in case["steps"]]


@given(
    partial=st.dictionaries(st.sampled_from(sorted(COMMON["target"]["files"])), st.integers(0, 10**7)),
    known=st.dictionaries(st.sampled_from(sorted(COMMON["target"]["files"])), st.sampled_from(["w", "b1", "b2", "x"])),
)
def test_every_byte_comes_from_somewhere_and_nothing_twice(partial: dict[str, int], known: dict[str, str]) -> None:
    wanted = target()
    steps = plan(facts(partial=partial, releases={"old": known}), wanted, root=ROOT)
    moved = [step for step in steps if step.action in ("take", "send")]
    assert sorted(step.file for step in moved) == sorted(wanted.files)
    for step in moved:
        if step.action == "take":
            assert known[step.file] == wanted.files[step.file].sha256
        else:
            assert step.offset + step.bytes == wanted.files[step.file].bytes
    # Nothing serves before it was checked, and nothing is checked before it is whole.
    actions = [step.action for step in steps]
    assert actions.index("seal") < actions.index("check") < actions.index("switch") < actions.index("prune")


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_versions_are_ordered_as_numbers(one: list[int], other: list[int]) -> None:
    assert (_order(".".join(map(str, one))) < _order(".".join(map(str, other)))) == (one < other)


def test_what_should_be_known() -> None:
    assert list(warnings(facts())) == []
    assert "before 2025" in next(warnings(facts(clock_s=60)))
    assert "32-bit system" in next(warnings(facts(bits=32)))


@pytest.mark.parametrize(
    "lie",
    [
        {"current": "../../etc"},
        {"releases": {"/etc": {}}},
        {"history": [{"id": "a/b", "name": "", "version": "", "at_s": 0}]},
        {"machine": "x" * 1000},
        {"leftovers": ["../../etc/passwd"]},
        {"partial": {"model.onnx": -1}},
        {"free_bytes": "lots"},
        {"more": 1},
    ],
)
def test_facts_that_cannot_be(lie: dict[str, Any]) -> None:
    told = {key: value for key, value in COMMON["facts"].items() if key != "tinylm"}
    assert read_facts(told, tinylm="0.1.0") == facts()
    with pytest.raises(TinylmError, match="the device's facts"):
        read_facts({**told, **lie}, tinylm="0.1.0")
    with pytest.raises(TinylmError, match="the device's facts"):
        read_facts([], tinylm=None)
