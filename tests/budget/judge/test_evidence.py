"""Verdicts on what a bundle brings: golden tokens and held-out text."""

from __future__ import annotations

import dataclasses

import pytest
from judged_candidate import CANDIDATE, Judged, MakeProcesses

from tinylm.budget.judge.verdict import LimitResult
from tinylm.runtime.measurement.protocol import HeldOutBits, ProbeResult


def test_a_wrong_token_fails_and_says_where(make_processes: MakeProcesses, judged: Judged) -> None:
    processes = make_processes()
    places = ("after the prompt `x`, position 3: token 5 instead of 7", "another")
    assert processes[0].verification is not None
    wrong = dataclasses.replace(processes[0].verification, mismatches=places)
    result = judged((dataclasses.replace(processes[0], verification=wrong), *processes[1:]))["golden_tokens"]
    assert (result.verdict, result.measured) == ("fail", 2)
    assert "position 3: token 5 instead of 7; and 1 more" in result.evidence


def test_golden_tokens_without_texts_to_encode(make_processes: MakeProcesses, judged: Judged) -> None:
    def golden(**changes: object) -> LimitResult:
        first, *others = make_processes()
        assert first.verification is not None
        verification = dataclasses.replace(first.verification, **changes)  # type: ignore[arg-type]
        return judged((dataclasses.replace(first, verification=verification), *others))["golden_tokens"]

    assert golden().evidence == "24 tokens after 2 prompts, 3 encoded texts: as exported"
    assert golden(encodings=None).evidence == "24 tokens after 2 prompts: as exported"
    assert golden(encodings=0).verdict == golden(tokens=0).verdict == "not_measured"
    one = golden(mismatches=("position 1: token 2 instead of 3",))
    assert (one.verdict, one.evidence) == ("fail", "position 1: token 2 instead of 3")
    assert golden(mismatches=("a", "b", "c")).evidence == "a; and 2 more"


def test_quality_of_the_worst_language_counts(make_processes: MakeProcesses, judged: Judged) -> None:
    processes = make_processes()
    assert processes[0].verification is not None
    spanish = HeldOutBits(language="es", text_bytes=1000, bits=1621.0, bits_fp32=1600.0)
    english = HeldOutBits(language="en", text_bytes=9000, bits=1500.0, bits_fp32=1500.0)
    worse = dataclasses.replace(processes[0].verification, held_out=(english, spanish))
    result = judged((dataclasses.replace(processes[0], verification=worse), *processes[1:]))["bpb_increase"]
    assert result.verdict == "fail"
    assert result.measured == pytest.approx(0.021)


def held_out(processes: tuple[ProbeResult, ...], *texts: HeldOutBits) -> tuple[ProbeResult, ...]:
    first, *others = processes
    assert first.verification is not None
    return (dataclasses.replace(first, verification=dataclasses.replace(first.verification, held_out=texts)), *others)


@pytest.mark.parametrize(
    ("bits", "verdict"), [(950.0, "pass"), (949.0, "not_measured"), (1020.0, "pass"), (1021.0, "fail")]
)
def test_quality_within_what_int8_can_be(
    make_processes: MakeProcesses, judged: Judged, bits: float, verdict: str
) -> None:
    """Of 1000 bits in 1000 bytes: 0.02 bits per byte may be lost, and more than 0.05 cannot be gained."""
    one = HeldOutBits(language="en", text_bytes=1000, bits=bits, bits_fp32=1000.0)
    result = judged(held_out(make_processes(), one))["bpb_increase"]
    assert result.verdict == verdict
    # The language that gains is not hidden by one that does not.
    same = HeldOutBits(language="es", text_bytes=3000, bits=3000.0, bits_fp32=3000.0)
    both = judged(held_out(make_processes(), same, one))["bpb_increase"]
    assert both.verdict == verdict
    if verdict in ("pass", "fail"):
        assert "measured here on 4,000 bytes" in both.evidence


def test_languages_without_text_say_nothing(make_processes: MakeProcesses, judged: Judged) -> None:
    empty = HeldOutBits(language="es", text_bytes=0, bits=0.0, bits_fp32=0.0)
    result = judged(held_out(make_processes(), empty))["bpb_increase"]
    assert (result.verdict, result.evidence) == ("not_measured", "the bundle holds no held-out text")


def test_a_bundle_without_evidence_does_not_pass(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes(verification=None))
    assert results["golden_tokens"].verdict == results["bpb_increase"].verdict == "not_measured"


def test_a_decoder_is_judged_by_what_it_brings(make_processes: MakeProcesses, judged: Judged) -> None:
    decoder = dataclasses.replace(CANDIDATE, kind="decoder", golden=False)
    results = judged(make_processes(verification=None), candidate=decoder)
    assert "golden_tokens" not in results
    assert results["bundle_mb"].evidence.startswith("the files of the decoder")
    assert results["bpb_increase"].verdict == "not_measured"
    assert "a decoder brings no fp32 model to compare with" in results["bpb_increase"].evidence
    golden = judged(make_processes(), candidate=dataclasses.replace(decoder, golden=True))
    assert golden["golden_tokens"].verdict == "pass"
