"""Does this machine reproduce what a bundle says that every machine must, and what does its text cost here?

found = verify_golden(bundle, tokenizer, engine)
found.mismatches            # empty when everything is identical
"""

from __future__ import annotations

from collections.abc import Sequence

from tinylm.bundle.manifest import Golden
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import TokenEngine
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import generate_ids
from tinylm.runtime.measurement.protocol import HeldOutBits, Verification
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.runtime.scoring import text_bits
from tinylm.tokenizer.tokenizer import BOS, Tokenizer, normalise

MOST_BPB_DIFFERENCE = 0.01
"""Between machines. An int8 model with random weights differs by .0015 between ways of computing it, a trained one by
less than .0001 (`tinylm.export.verification`); a damaged one by tenths."""


def verify_golden(bundle: Bundle, tokenizer: Tokenizer, engine: Engine) -> Verification:
    """Compare this machine's tokens with the bundle's golden ones, and measure the bits of the held-out text."""
    golden = bundle.golden()
    mismatches = [
        f"tokenizer, `{short(entry.text)}`, {parts}"
        for entry in golden.encodings
        if (parts := difference(tokenizer.encode(entry.text), entry.ids))
    ]
    for prompt in golden.prompts:
        if parts := difference([BOS, *tokenizer.encode(prompt.prompt)], prompt.prompt_ids):
            mismatches.append(f"encoded prompt `{short(prompt.prompt)}`, {parts}")
        elif prompt.ids:
            greedy = Sampler(Sampling(temperature=0))
            if parts := greedy_difference(engine, greedy, prompt_ids=prompt.prompt_ids, ids=prompt.ids):
                mismatches.append(f"after the prompt `{short(prompt.prompt)}`, {parts}")
    if parts := _hash_difference(engine, golden):
        mismatches.append(parts)
    sums: dict[str, tuple[int, float, float]] = {}
    for text in golden.held_out:
        text_bytes, bits, bits_fp32 = sums.get(text.language, (0, 0.0, 0.0))
        sums[text.language] = (
            text_bytes + len(normalise(text.text).encode()),
            bits + text_bits(engine, tokenizer, text.text)[0],
            bits_fp32 + text.bits_fp32,
        )
    held_out = tuple(
        HeldOutBits(language=language, text_bytes=text_bytes, bits=bits, bits_fp32=bits_fp32)
        for language, (text_bytes, bits, bits_fp32) in sums.items()
    )
    return Verification(
        prompts=len(golden.prompts),
        tokens=sum(len(prompt.ids) for prompt in golden.prompts),
        encodings=len(golden.encodings),
        mismatches=tuple(mismatches),
        held_out=held_out,
    )


def quality_differences(golden: Golden, held_out: Sequence[HeldOutBits]) -> list[str]:
    """Languages whose text costs other bits here than where the bundle was exported, in words."""
    differences = []
    for here in held_out:
        exported = sum(text.bits for text in golden.held_out if text.language == here.language)
        lost = (here.bits - exported) / here.text_bytes
        if not abs(lost) <= MOST_BPB_DIFFERENCE:  # NaN too
            differences.append(
                f"held-out text, {here.language}: {lost:+.4f} bits per byte from where it was exported;"
                f" at most {MOST_BPB_DIFFERENCE} is allowed"
            )
    return differences


def _hash_difference(engine: Engine, golden: Golden) -> str:
    """How the bits of all logits differ from the bundle's, in words; empty where they do not or cannot be compared."""
    expected = golden.logits_hash
    found = engine.logits_hash(golden.prompts) if expected else None
    if expected is None or found is None or found.arithmetic != expected.arithmetic or found == expected:
        return ""
    return f"bits of all logits over the golden prompts: {found.fnv1a64} instead of {expected.fnv1a64}"


def greedy_difference(engine: TokenEngine, greedy: Sampler, *, prompt_ids: Sequence[int], ids: Sequence[int]) -> str:
    """Where the greedy continuation of `prompt_ids` leaves `ids`, in words; empty when it does not."""
    found = list(generate_ids(engine, prompt_ids, greedy, max_new_tokens=len(ids), stop_at_eos=False))
    return difference(found, ids)


def difference(found: Sequence[int], expected: Sequence[int]) -> str:
    """Where two id lists part, in words; empty when they are equal."""
    for position, (here, there) in enumerate(zip(found, expected, strict=False)):
        if here != there:
            return f"position {position}: token {here} instead of {there}"
    return "" if len(found) == len(expected) else f"{len(found)} tokens instead of {len(expected)}"


def short(text: str) -> str:
    """The beginning of a text, on one line, to name it in a message."""
    text = text.replace("\n", " ")
    return text if len(text) <= 40 else text[:39] + "…"
