"""Generates the sample corpus: about 3 MB of English and Spanish from a seed, the same bytes everywhere.

for document in generate(): ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from sample_corpus import holdout, scenes_en_tales, scenes_en_talk, scenes_es_tales, scenes_es_talk
from sample_corpus.writer import Scene, Writer, parse_scenes
from sample_corpus.writer_en import EnglishWriter
from sample_corpus.writer_es import SpanishWriter

from tinylm.text.documents import Document

LANGUAGES = ("en", "es")
BYTES_PER_LANGUAGE = 1_590_000
VALIDATION_SHARE = 0.03
"""Bytes of documents with held-out combinations; further such documents are thrown away."""
GREETINGS = 7
"""Models are prompted with greetings, so these scenes come up more often than other talk."""
TALES = 6
"""Tales have the longer and more varied sentences, so they weigh more than talk."""


@dataclass(frozen=True)
class Statistics:
    """Facts about a set of documents."""

    documents: int
    sentences: int
    distinct_sentences: int
    bytes_per_language: dict[str, int]
    validation_bytes: int


def sentences(text: str) -> list[str]:
    """The sentences of a text; a line break ends one too, as in the salutation of a letter."""
    return [part for line in text.split("\n") for part in re.split(r"(?<=[.!?]) ", line) if part]


def statistics(documents: Iterable[Document]) -> Statistics:
    """Count documents, sentences and UTF-8 bytes."""
    documents = list(documents)
    found = [sentence for document in documents for sentence in sentences(document.text)]
    sizes = dict.fromkeys(LANGUAGES, 0)
    validation = 0
    for document in documents:
        size = len(document.text.encode())
        sizes[document.language] += size
        validation += size if document.split == "val" else 0
    return Statistics(len(documents), len(found), len(set(found)), sizes, validation)


def _scenes(talk: str, tales: str) -> tuple[Scene, ...]:
    greeting, meeting, *others = parse_scenes(talk)
    return (greeting, meeting) * GREETINGS + tuple(others) + parse_scenes(tales) * TALES


def generate(seed: int = 0) -> Iterator[Document]:
    """Yield the documents of the sample corpus, both languages in turn.

    A document with `split="val"` contains a held-out combination (see `holdout.py`); no other document does.
    """
    random = Random(seed)
    writers: dict[str, Writer] = {"en": EnglishWriter(random), "es": SpanishWriter(random)}
    scenes = {
        "en": _scenes(scenes_en_talk.SCENES, scenes_en_tales.SCENES),
        "es": _scenes(scenes_es_talk.SCENES, scenes_es_tales.SCENES),
    }
    written = dict.fromkeys(LANGUAGES, 0)
    validation = dict.fromkeys(LANGUAGES, 0)
    while min(written.values()) < BYTES_PER_LANGUAGE:
        language = "en" if written["en"] <= written["es"] else "es"
        writer = writers[language]
        text = writer.perform(writer.pick(scenes[language]))
        size = len(text.encode())
        if not holdout.uses_held_out(text, language):
            yield Document(text, language, "sample")
        elif validation[language] + size <= VALIDATION_SHARE * written[language]:
            validation[language] += size
            yield Document(text, language, "sample", "val")
        else:
            continue
        written[language] += size
