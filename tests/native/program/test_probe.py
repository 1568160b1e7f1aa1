"""The program's probes: what the strict reader of the runtime's probes reads, and orders that nobody should follow."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest
from probe_orders import ORDERS
from programs import run_program

from tinylm.base.records import read
from tinylm.budget.measure.memory_ledger import make_ledger
from tinylm.budget.measure.probes import run_latency_probe
from tinylm.bundle.reading import Bundle
from tinylm.runtime.engine import Engine
from tinylm.runtime.measurement.golden import verify_golden
from tinylm.runtime.measurement.protocol import MemoryResult, ProbeOrders, ProbeResult, Refused
from tinylm.tokenizer.tokenizer import Tokenizer


def orders(**changes: Any) -> dict[str, Any]:
    return {**dataclasses.asdict(ORDERS), **changes}


def probe(hello: Path, document: Any, option: str = "--probe") -> tuple[int, Any]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    found = run_program(hello, option, stdin=data)
    return found.returncode, json.loads(found.stdout)


def test_it_measures_every_request_and_its_own_memory(hello: Path) -> None:
    started = time.monotonic()
    code, document = probe(hello, orders(first_request=3))
    took_ms = (time.monotonic() - started) * 1e3
    assert code == 0
    result = read(ProbeResult, document, "the result")
    assert result.first_request == 3
    assert len(result.latency_ms) == len(result.ttft_ms) == len(result.itl_ms) == len(result.at_ms) == 5
    for latency, ttft, itl in zip(result.latency_ms, result.ttft_ms, result.itl_ms, strict=True):
        assert 0 < ttft <= ttft + 9 * itl <= latency + 0.01
    for place in range(4):
        assert result.at_ms[place + 1] >= result.at_ms[place] + result.latency_ms[place]
    assert len(result.work_ms) == 6
    assert min(result.work_ms) > 0
    assert result.cold_start_ms is not None
    assert 0 < result.cold_start_ms < took_ms + 20  # the kernel's tick is 10 ms
    rising = [stage.until_ms or 0 for stage in result.stages]
    assert rising == sorted(rising)
    memory = result.memory
    assert memory is not None
    assert memory.rss_bytes is not None
    assert memory.anonymous_bytes is not None
    assert memory.file_bytes is not None
    assert hello.stat().st_size * 0.3 < memory.rss_bytes <= memory.peak_rss_bytes < hello.stat().st_size + 2e6
    assert memory.anonymous_bytes + memory.file_bytes == pytest.approx(memory.rss_bytes, rel=0.05)
    assert all(0 <= waited <= whole for waited, whole in zip(result.waited_ms, result.latency_ms, strict=False))
    assert result.requests_cpu_ms > 0
    assert result.verification is None


def test_the_budgets_own_reader_takes_it(hello: Path) -> None:
    result = run_latency_probe([str(hello), "--probe"], read(ProbeOrders, orders(), "orders"), timeout_s=60)
    assert len(result.latency_ms) == 5


def test_golden_tokens_and_held_out_text_are_the_runtimes(hello: Path, tiny_bundle: Bundle) -> None:
    code, document = probe(hello, orders(verify=True))
    assert code == 0
    verified = read(ProbeResult, document, "the result").verification
    assert verified is not None
    with Engine(tiny_bundle, backend="native") as engine:
        expected = verify_golden(tiny_bundle, Tokenizer(tiny_bundle.tokenizer), engine)
    assert (verified.prompts, verified.tokens, verified.encodings) == (3, 24, 3)
    assert verified.mismatches == expected.mismatches == ()
    for text, here in zip(verified.held_out, expected.held_out, strict=True):
        assert (text.language, text.text_bytes) == (here.language, here.text_bytes)
        assert text.bits == pytest.approx(here.bits, rel=1e-9)  # written with 9 digits behind the point
        assert text.bits_fp32 == pytest.approx(here.bits_fp32, rel=1e-9)


def test_several_threads_are_timed_together(hello: Path) -> None:
    code, document = probe(hello, orders(threads=2))
    assert code == 0
    assert read(ProbeResult, document, "the result").waited_ms == ()


def test_the_memory_probe_accounts_for_every_page(hello: Path) -> None:
    code, document = probe(hello, orders(requests=200), "--memory-probe")
    assert code == 0
    result = read(MemoryResult, document, "the result")
    ledger = make_ledger(result)
    assert ledger is not None
    assert ledger.total_mb == pytest.approx(ledger.resident_mb, abs=0.05)
    assert [growth.requests for growth in result.growth] == list(range(10, 201, 10))
    assert result.growth[-1].anonymous_bytes - result.growth[9].anonymous_bytes < 50_000


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "a table was expected"),
        (b"[]", "a table was expected"),
        (b"{", "a string was expected"),
        (b'{"schema": "2.0"', "a comma or an end was expected"),
        (b'{"schema": "2.0"} x', "something follows its end"),
        (b'{"schema": "2.0",}', "a string was expected"),
        (b'{"schema": "2.0", "prompts": ["a\\ud800"]}', "a string has an escape that is none"),
        (b'{"schema": "2.0", "prompts": ["a\\x"]}', "a string has an escape that is none"),
        (b'{"schema": "2.0", "prompts": ["\xff"]}', "a string is not UTF-8"),
        (b'{"schema": "2.0", "prompts": ["a\n"]}', "a string does not end"),
        (b'{"schema": "2.0", "prompts": [1]}', "a string was expected"),
        (b'{"schema": "2.0", "requests": 1.5}', "a whole number was expected"),
        (b'{"schema": "2.0", "requests": 007}', "a whole number was expected"),
        (b'{"schema": "2.0", "requests": 99999999999999999999}', "a whole number is larger than 64 bits"),
        (b'{"schema": "2.0", "verify": 1}', "true or false was expected"),
        (b"[" * 100_000, "a table was expected"),
        (b" " * 2_000_000, "the orders have more than 1048575 bytes"),
        (b'{"schema": "2.0", "schema": "2.0"}', "the orders have the key `schema` twice"),
        (orders(schema="3.0"), "the orders are of another schema"),
        (orders(more=1), "the orders have the unknown key `more`"),
        ({"schema": "2.0"}, "the orders lack the key `prompts`"),
        (orders(prompts=[]), "the orders have no prompt"),
        (orders(prompts=["a"] * 257), "the orders have more than 256 prompts"),
        (orders(prompts=["the"]), "a request reads 8 tokens; prompt 1 has only "),
        (orders(requests=0), "`requests` is 0; 1 to 1000000 is needed"),
        (orders(requests=-5), "`requests` is -5; 1 to 1000000 is needed"),
        (orders(requests=10**9), "`requests` is 1000000000"),
        (orders(new_tokens=1), "`new_tokens` is 1; 2 to "),
        (orders(warmup=0), "`warmup` is 0; 1 to "),
        (orders(threads=0), "`threads` is 0; 1 to "),
        (orders(prompt_tokens=60), "tokens does not fit the model's context of 64|has only"),
        (orders(new_tokens=60), "the request of 8 + 60 tokens does not fit the model's context of 64"),
        (orders(backend="onnxruntime"), "the orders want another backend than `native`"),
        (orders(decoder={"path": "x"}), "the orders are about a decoder from elsewhere"),
        (orders(bundle_sha256="0" * 64), "this file was made from another bundle"),
    ],
    ids=lambda value: str(value)[-50:],
)
def test_orders_that_cannot_be_followed_are_refused(hello: Path, document: Any, message: str) -> None:
    code, answer = probe(hello, document)
    refused = read(Refused, answer["refused"], "the refusal")
    assert code == refused.exit_code == 2
    assert any(part in refused.message for part in message.split("|"))


def test_the_right_bundle_is_measured(hello: Path, tiny_bundle: Bundle) -> None:
    assert probe(hello, orders(bundle_sha256=tiny_bundle.manifest_sha256, backend="native"))[0] == 0


def test_escapes_are_read_as_python_reads_them(hello: Path) -> None:
    """The same orders, all characters escaped or none: the same tokens, so the same work."""
    prompts = ['the "can" \\ / \b\f\t é 漢 🐧 out is del lu ca sa ñoca mité']
    for ascii_only in (True, False):
        found = run_program(
            hello, "--probe", stdin=json.dumps(orders(prompts=prompts), ensure_ascii=ascii_only).encode()
        )
        assert found.returncode == 0


def test_a_tokenizer_without_the_letters_reads_the_prompts_word_by_word(make_program: Any, make_bundle: Any) -> None:
    """Cyrillic words are one UNK for a tokenizer that does not know the letters."""
    program = make_program(make_bundle(scheme="int8"))
    assert probe(program, orders(prompts=["слово " * 12]))[0] == 0
