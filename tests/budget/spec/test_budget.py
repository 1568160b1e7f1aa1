"""Budgets are read strictly, and the shipped ones are what the design says."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.budget.spec.budget import Budget, load_budget, shipped_budgets

REPOSITORY = Path(tinylm.__file__).resolve().parents[1]
ZERO: dict[str, Any] = tomllib.loads((REPOSITORY / "budgets" / "pi-zero-2w.toml").read_text(encoding="utf-8"))
SHIPPED = ["host", "milkv-duo", "pi-2", "pi-3", "pi-4", "pi-5", "pi-zero-2w", "pi-zero-w"]

Edit = Callable[[dict[str, Any]], Any]


def changed(edit: Edit) -> dict[str, Any]:
    table = copy.deepcopy(ZERO)
    edit(table)
    return table


def test_the_shipped_budgets() -> None:
    assert shipped_budgets() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_budgets_load_under_their_own_name(name: str) -> None:
    budget = load_budget(name)
    assert budget.name == name
    assert (budget.request.prompt_tokens, budget.request.new_tokens, budget.request.threads) == (16, 20, 1)
    slow = name in ("milkv-duo", "pi-zero-w")
    assert budget.limits.latency_p95_ms == (500 if slow else 250)


@pytest.mark.parametrize("name", ["pi-zero-2w", "host"])
def test_the_contract(name: str) -> None:
    limits = load_budget(name).limits
    assert (limits.peak_rss_mb, limits.latency_p95_ms, limits.bundle_mb) == (400, 250, 10)


def test_host_accepts_every_machine_and_boards_do_not() -> None:
    assert load_budget("host").device == type(load_budget("host").device)()
    assert all(load_budget(name).device.models for name in SHIPPED if name != "host")


def test_every_key_of_the_format_is_explained_in_the_first_budget() -> None:
    text = (REPOSITORY / "budgets" / "pi-zero-2w.toml").read_text(encoding="utf-8")
    for line in text.splitlines():
        if "=" in line and not line.startswith(("name", "description", "[", "prompt_tokens", "new_tokens")):
            assert "#" in line or line.startswith(("max_memory_mb", "rss_pct", "latency_pct", "bundle_pct")), line


def test_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(TinylmError, match="unknown budget `pi-zero-2`") as caught:
        load_budget("pi-zero-2")
    assert "did you mean `pi-zero-2w`?" in caught.value.hint
    assert all(f"`{name}`" in caught.value.hint for name in SHIPPED)


def test_a_budget_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = (REPOSITORY / "budgets" / "host.toml").read_text(encoding="utf-8")
    file.write_text(text.replace('"host"', '"mine"'), encoding="utf-8")
    assert load_budget(str(file)).name == "mine"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())  # as Notepad saves it
    assert load_budget(str(file)).name == "mine"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"limits = [", "not valid TOML"),
        (b"name = '\xff'", "not valid TOML"),
        (b"name = 'mine'", "schema None"),
        (b"schema = '2.0'", "schema 2.0; this tinylm reads 1.x"),
        (b"schema = '1.0'", "lacks the key `name`"),
    ],
)
def test_unusable_files(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(TinylmError, match=message) as caught:
        load_budget(str(file))
    assert caught.value.exit_code == 2


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="cannot read"):
        load_budget(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t["limits"].update(peak_rss_mb=-1), "`peak_rss_mb` is -1; above 0"),
        (lambda t: t["limits"].update(latency_p95_ms=0), "`latency_p95_ms` is 0; above 0"),
        (lambda t: t["limits"].update(bpb_increase=-0.1), "`bpb_increase` is -0.1; above 0"),
        (lambda t: t["limits"].update(bundle_mb=400), "contradicts `peak_rss_mb` 400"),
        (lambda t: t["limits"].update(ttft_p95_ms=251), "contradicts `latency_p95_ms` 250"),
        (lambda t: t["limits"].update(itl_p95_ms=14), "14 x 19 tokens contradicts"),
        (lambda t: t["limits"].update(peak_rss_mb=600), "more than the device's 540 MB"),
        (lambda t: t["device"].update(min_memory_mb=600), "above `max_memory_mb` 540"),
        (lambda t: t["device"].update(models=[""]), "empty string"),
        (lambda t: t["request"].update(threads=0), "`threads` is 0"),
        (lambda t: t["request"].update(new_tokens=1), "`new_tokens` is 1; at least 2"),
        (lambda t: t["confidence"].update(level=1.0), "`level` is 1"),
        (lambda t: t["confidence"].update(looks=[]), "one or more rising numbers"),
        (lambda t: t["confidence"].update(looks=[200, 100]), "one or more rising numbers"),
        (lambda t: t["confidence"].update(looks=[58]), "a pass needs at least 59"),
        (lambda t: t["confidence"].update(looks=[60, 120]), "a pass needs at least 72"),
        (lambda t: t["confidence"].update(processes=125), "more than the 124 requests"),
        (lambda t: t["confidence"].update(warmup=0), "`warmup` is 0"),
        (lambda t: t["regression"].update(rss_pct=0), "`rss_pct` is 0"),
        (lambda t: t["regression"].update(latency_pct=1001), "at most 1000 makes sense"),
        (lambda t: t["regression"].update(bpb=9), "at most 8 makes sense"),
        (lambda t: t["limits"].update(peak_rss_mb=4e8), "at most 1e.06 makes sense: is the unit right"),
        (lambda t: t["limits"].update(latency_p95_ms=4e6), "at most 3.6e.06 makes sense"),
        (lambda t: t["limits"].update(ttft_p95_ms=90, cold_start_ms=80), "a cold start ends with a first token"),
        (lambda t: t["request"].update(prompt_tokens=10**12), "at most 1e.06 makes sense"),
        (lambda t: t["request"].update(threads=5000), "at most 1024 makes sense"),
        (lambda t: t["confidence"].update(warmup=10**9), "at most 10000 makes sense"),
        (lambda t: t["device"].update(models=["  "]), "empty string"),
        (lambda t: t["device"].update(governors=[""]), "`governors` holds an empty string"),
        (lambda t: t["device"].update(arch="arch64"), "did you mean `aarch64`"),
        (lambda t: t["device"].update(arch="x86_64"), "no x86_64 processor has"),
        (lambda t: t["device"].update(arch="x86_64", isa=[]), "a `Raspberry Pi Zero 2 W` has ARM cores"),
        (lambda t: t["device"].update(isa=["avx2"]), "`avx2`, which no aarch64 processor has"),
        (lambda t: t["device"].update(isa=["asimdp"]), "not looked at; did you mean `asimd"),
        (lambda t: t.update(name=""), "`name` is ''"),
        (lambda t: t.update(name="../x"), "`name` is '../x'"),
        (lambda t: t["limits"].pop("latency_p95_ms"), "lacks the key `latency_p95_ms`"),
        (lambda t: t["limits"].update(latency_p95_ms="250"), "a number was expected"),
        (lambda t: t["limits"].update(latency_p95_ms=float("nan")), "finite"),
    ],
)
def test_contradictions_are_refused(edit: Edit, message: str) -> None:
    with pytest.raises(TinylmError, match=message):
        read(Budget, changed(edit), "the budget")


KEYS = [(section, key) for section, table in ZERO.items() if isinstance(table, dict) for key in table if len(key) > 3]


@given(st.sampled_from(KEYS), st.data())
def test_a_typo_names_the_nearest_key(place: tuple[str, str], data: st.DataObject) -> None:
    section, key = place
    cut = data.draw(st.integers(0, len(key) - 1))
    typo = key[:cut] + key[cut + 1 :]
    with pytest.raises(TinylmError, match=f"unknown key `{typo}`") as caught:
        read(Budget, changed(lambda t: t[section].update({typo: t[section].pop(key)})), "the budget")
    assert "did you mean" in caught.value.hint


_values = st.one_of(st.none(), st.booleans(), st.integers(-5, 500), st.floats(), st.text(max_size=5), st.just([124]))


@given(st.sampled_from(KEYS), _values)
def test_any_value_is_read_or_refused_in_words(place: tuple[str, str], value: object) -> None:
    table = changed(lambda t: t[place[0]].update({place[1]: value}))
    try:
        budget = read(Budget, table, "the budget")
    except TinylmError as error:
        assert error.message.startswith("the budget")  # noqa: PT017  the point is that nothing else is raised
    else:
        found = getattr(getattr(budget, place[0]), place[1])
        assert (list(found) if isinstance(found, tuple) else found) == value


def test_the_wheel_lists_every_package() -> None:
    """`pyproject.toml` writes its packages out because two folders are mapped into them; nothing may be forgotten."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {file.parent.relative_to(REPOSITORY) for file in (REPOSITORY / "tinylm").rglob("*.py")}
    packages = {".".join(folder.parts) for folder in folders} | {"tinylm.budgets", "tinylm.deploy_files"}
    assert set(project["tool"]["setuptools"]["packages"]) == packages
