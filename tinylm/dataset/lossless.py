"""Does a SentencePiece model keep every character? Bits per byte hide what a tokenizer throws away.

The model file states its rules, and those are read. Then every character of Unicode goes through it, for what no rule
tells. UNK is no loss here: the bytes behind it are counted in full.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf.message import DecodeError
from sentencepiece import SentencePieceProcessor, sentencepiece_model_pb2

from tinylm.base.errors import TinylmError
from tinylm.tokenizer.sentencepiece_pieces import load_sentencepiece
from tinylm.tokenizer.tokenizer import normalise, read_model

HINT = (
    "take the `tokenizer.model` of a dataset or bundle that tinylm made, or train one with"
    " normalization_rule_name=identity, add_dummy_prefix=False, remove_extra_whitespaces=False,"
    " user_defined_symbols=\\n, bos_id=0, eos_id=1, pad_id=2, unk_id=3"
)
_KINDS = {1, 2}  # unigram and bpe
_OTHER_KINDS = {3: "word", 4: "char"}
_SPACES = ("a  b", " a", "a ", "\n", "a\n\nb", " \n ", "a \t\tb")
# What makes the best examples: capitals, typography, ligatures, width; then marks, invisible characters, emoji.
_TELLING = ("A", "É", "ñ", "…", "—", "“", "ﬁ", "Ａ", "ß", "①", "½", "²", "ｶ", "\u3000", "\xa0")
_SEQUENCES = (
    "e\u0323\u0301",
    "q\u0307\u0323",
    "क्षि",
    "กำ",
    "a\xadb",
    "a\u200bb\u2060c",
    "👩\u200d👩\u200d👧",
    "☕\ufe0f",
    "🇪🇸",
)
_MOST_EXAMPLES = 3


def check_lossless(model: Path) -> None:
    """TinylmError, which names the rule, when the SentencePiece file `model` does not keep normalised text as it is."""
    processor = load_sentencepiece(read_model(model), str(model))
    stated = _stated(model)
    changes = [*_rules(stated)]
    if examples := _changed(processor):
        changes.append(", ".join(f"{before!r} becomes {after!r}" for before, after in examples))
    if changes:
        raise TinylmError(f"the tokenizer `{model}` changes text: {'; '.join(changes)}", HINT)
    if (kind := stated.trainer_spec.model_type) not in _KINDS:
        other = _OTHER_KINDS.get(kind, kind)
        raise TinylmError(f"the tokenizer `{model}` is `{other}`, neither `unigram` nor `bpe`", HINT)
    if not stated.normalizer_spec.escape_whitespaces:
        raise TinylmError(f"the tokenizer `{model}` does not write spaces as U+2581 (`escape_whitespaces`)", HINT)
    if len(newline := processor.encode("\n")) != 1 or newline[0] == processor.unk_id():
        raise TinylmError(f"the tokenizer `{model}` has no piece for the newline", HINT)


def _stated(model: Path) -> sentencepiece_model_pb2.ModelProto:
    """What the model file says of itself."""
    try:
        return sentencepiece_model_pb2.ModelProto.FromString(model.read_bytes())
    except DecodeError as error:
        raise TinylmError(f"`{model}` is a damaged SentencePiece model: {error}", HINT) from error


def _rules(stated: sentencepiece_model_pb2.ModelProto) -> Iterator[str]:
    """What the model file says that it does to text, in words."""
    for spec, when in ((stated.normalizer_spec, ""), (stated.denormalizer_spec, " for decoding")):
        if spec.precompiled_charsmap:
            yield f"its rule `{spec.name or 'without a name'}`{when} turns characters into others"
    if stated.normalizer_spec.add_dummy_prefix:
        yield "it puts a space before every text (`add_dummy_prefix`)"
    if stated.normalizer_spec.remove_extra_whitespaces:
        yield "it drops spaces (`remove_extra_whitespaces`)"


def _changed(processor: SentencePieceProcessor) -> list[tuple[str, str]]:
    """The first texts that do not come back, and what they become."""
    texts = _texts()
    ids = processor.encode(texts, num_threads=1)
    pieces = processor.encode(texts, out_type=str, num_threads=1)
    found = []
    for text, tokens, surfaces in zip(texts, ids, pieces, strict=True):
        read = _text_of(processor, tokens, surfaces)
        written = read if processor.unk_id() in tokens else processor.decode(tokens)
        if (after := read if read != text else written) != text:
            found.append((text, after))
            if len(found) == _MOST_EXAMPLES:
                break
    return found


@functools.cache
def _texts() -> list[str]:
    """What tells most first, and then every character that Unicode has given a meaning."""
    every = (chr(code) for code in range(sys.maxunicode + 1))
    assigned = (character for character in every if unicodedata.category(character) not in ("Cs", "Cn", "Co"))
    return [*filter(None, dict.fromkeys(map(normalise, (*_SPACES, *_TELLING, *_SEQUENCES, *assigned))))]


def _text_of(processor: SentencePieceProcessor, tokens: Sequence[int], surfaces: Sequence[str]) -> str:
    """The text as the model read it, UNK's too: U+2581 is a space, `<0xE6>` a byte."""
    parts = (
        bytes([int(surface[3:5], 16)]) if processor.is_byte(token) else surface.replace("\u2581", " ").encode()
        for token, surface in zip(tokens, surfaces, strict=True)
    )
    return b"".join(parts).decode(errors="replace")
