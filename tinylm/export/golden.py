"""What a bundle must answer on any device: greedy continuations, tokenizer vectors, and text with known bits.

int8 graphs are not bit-identical across processors: a sum in another order moves an activation by 1e-7, sometimes over
the edge between two of its 256 levels, and from there the difference grows. So a continuation is only expected up to
the first position where that could change the answer, and quality is compared with a tolerance, not to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import SCHEMA, Golden, GoldenEncoding, GoldenPrompt, HeldOut
from tinylm.evaluation.measures import total_bits
from tinylm.export.quality.quality import Score
from tinylm.runtime.engine import Engine
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

SAFE_GAP = 5.0
"""Smallest gap between the two best logits to rely on, in units of the noise that quantization itself made there.

What differs between processors is that same noise, drawn again for a part of the activations. Measured by changing all
norms by 1e-7, over six draws: the gap moved by .13 (trained) and .28 (random weights) units on average, 2.1 at most.
"""
FLOAT_GAP = 1e-3
"""The same for graphs without that noise, in standard deviations of the logits; float32 moves them by about 1e-6."""
FEWEST_IDS = 4
"""Golden tokens that must remain over all prompts; with fewer the device would prove nothing."""

_NEW_TOKENS = 12
_HELD_OUT_BYTES = 2000
_PROMPT_CHARACTERS, _PROMPTS_A_TEXT = 48, 8

PROMPTS: dict[str, tuple[str, ...]] = {
    "en": (
        "Once upon a time there was a",
        "One day, a little girl named",
        "He opened the door and",
        "The king said to the queen,",
        '"I do not know," said the',
        "In the middle of the night",
        "They lived happily ever",
        "The sun was shining and the",
    ),
    "es": (
        "Había una vez un",
        "Un día, una niña llamada",
        "Abrió la puerta y",
        "El rey le dijo a la reina:",
        "—No lo sé —dijo el",
        "En medio de la noche",
        "¿Qué quieres decir",
        "El sol brillaba y los",
    ),
}
"""Beginnings that a model of the language has something to say to; written for this project."""

ENCODED = (
    "",
    "Hello, world!",
    "El pingüino comió maíz y ñandú; ¿quién más? ¡Nadie!",
    "two  spaces,   three, and one at the end ",
    " leading space",
    "a line\nanother line\n\nand a paragraph\tand a tab",
    "Windows\r\nline end",
    "cafe\u0301 in two code points",
    "“Curly”, «angular» and ‘single’ quotes… — dash – dash",
    "3.14159 and 1,000,000 € at 50 %",
    "unknown to the vocabulary: 🐧 漢 \u2581",
)
"""What goes wrong in tokenizers: accents, marks, white space, line ends, composition, characters without a piece."""


def make_golden(
    exported: Engine, fp32: Engine, tokenizer: Tokenizer, *, held_out: Mapping[str, Sequence[str]], score: Score
) -> Golden:
    """Record what `exported`, an engine of the bundle's own graph, answers; TinylmError when nothing is safe enough.

    `score` compares the same graph with the trained model.
    """
    languages = sorted(held_out)
    prompts = [text for language in languages for text in PROMPTS.get(language, ())]
    prompts += [text for language in languages for text in _stretches("\n".join(held_out[language]))]
    continued = [continuation(exported, fp32, tokenizer, text) for text in prompts]
    remaining = sum(len(prompt.ids) for prompt in continued)
    if remaining < FEWEST_IDS:
        raise TinylmError(
            f"only {remaining} golden tokens are safe across processors, over {len(prompts)} prompts;"
            f" at least {FEWEST_IDS} are needed",
            "the model hardly prefers any token to another: train it longer",
            exit_code=1,
        )
    texts = [(language, text) for language in languages for text in _beginning(held_out[language])]
    return Golden(
        schema=SCHEMA,
        prompts=tuple(prompt for prompt in continued if prompt.ids),
        encodings=tuple(GoldenEncoding(text=text, ids=tuple(tokenizer.encode(text))) for text in ENCODED),
        held_out=tuple(
            HeldOut(
                language=language,
                text=text,
                bits_fp32=total_bits(sums.nats_reference, sums.unknown_bytes),
                bits=total_bits(sums.nats, sums.unknown_bytes),
            )
            for (language, text), sums in zip(texts, score([text for _, text in texts]), strict=True)
        ),
    )


def continuation(exported: Engine, fp32: Engine, tokenizer: Tokenizer, text: str) -> GoldenPrompt:
    """Decode greedily after BOS and `text`, as the runtime does: a prefill of all but the last token, then steps.

    Ends before EOS, before a token that samplers never emit, before the first gap that is not safe, and with the
    context. Both engines read the same tokens; only `exported` chooses.
    """
    prompt = [BOS, *tokenizer.encode(text)]
    ids: list[int] = []
    for engine in (exported, fp32):
        engine.truncate(0)
        engine.prefill(prompt[: min(len(prompt) - 1, engine.context_length)])
    while len(ids) < _NEW_TOKENS and exported.length < exported.context_length:
        token = (prompt + ids)[-1]
        logits = np.asarray(exported.logits(token))
        noise = (logits - np.asarray(fp32.logits(token))).std()
        second, best = (int(candidate) for candidate in np.argsort(logits, kind="stable")[-2:])
        gap = logits[best] - logits[second]
        if best in (BOS, EOS, PAD, UNK) or gap < max(SAFE_GAP * noise, FLOAT_GAP * logits.std()):
            break
        ids.append(best)
    return GoldenPrompt(prompt=text, prompt_ids=tuple(prompt), ids=tuple(ids))


def _stretches(text: str) -> Iterator[str]:
    """Short stretches from evenly spaced places of a text, whole words of it where it has spaces."""
    step = max(len(text) // _PROMPTS_A_TEXT, _PROMPT_CHARACTERS)
    for start in range(0, len(text) - _PROMPT_CHARACTERS + 1, step):
        words = text[start : start + _PROMPT_CHARACTERS].split()
        yield " ".join(words[1:-1] if len(words) > 2 else words)


def _beginning(documents: Sequence[str]) -> Iterator[str]:
    """The first documents, together `_HELD_OUT_BYTES` at most; the last one is cut, between characters."""
    room = _HELD_OUT_BYTES
    for text in documents:
        sample = text.encode()[:room].decode(errors="ignore")
        if sample:
            yield sample
        room -= len(text.encode())
        if room <= 0:
            return
