"""Combinations of noun, verb and adjective that training never sees.

A model that only memorised sentences fails on them; one that learned grammar does not. Which combinations are kept
back is a matter of a stable hash, about one in twenty, so no list has to be stored. They are found in the words of a
finished text, not in the plan of the generator: a described noun, and every verb in the few words before it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from sample_corpus import english, lexicon_en, lexicon_es, spanish, verbs_en

ONE_IN = 20
WINDOW = 4
"""How many words before the noun phrase a verb is looked for: room for a preposition, a determiner, an adverb."""
TOKEN = re.compile(r"[^\W\d_]+|[.!?:;\n]")


@dataclass(frozen=True)
class Lemmas:
    """Word form -> base form, for each kind of word."""

    nouns: dict[str, str]
    verbs: dict[str, str]
    adjectives: dict[str, str]


@cache
def lemmas(language: str) -> Lemmas:
    nouns: dict[str, str] = {}
    verbs: dict[str, str] = {}
    adjectives: dict[str, str] = {}
    if language == "en":
        groups = [*lexicon_en.NOUNS.values(), *(members for members, _ in verbs_en.SUBGROUPS.values())]
        for noun in " ".join(groups).split():
            nouns.setdefault(noun, noun)
            nouns.setdefault(english.plural(noun), noun)
        for verb in english.verbs():
            for form in (verb, *(make(verb) for make in FORMS_EN)):
                verbs.setdefault(form, verb)
        for adjective in " ".join(lexicon_en.ADJECTIVES.values()).split():
            adjectives.setdefault(adjective, adjective)
    else:
        for noun in spanish.genders():
            nouns.setdefault(noun, noun)
            nouns.setdefault(spanish.plural(noun), noun)
        for verb in spanish.verbs():
            tenses = [form for tense in spanish.TENSES for form in spanish.conjugate(verb, tense)]
            for form in (verb, *tenses, spanish.gerund(verb), spanish.participle(verb), spanish.command(verb)):
                verbs.setdefault(form, verb)
        for adjective in " ".join(lexicon_es.ADJECTIVES.values()).split():
            for gender in "mf":
                for number in "sp":
                    adjectives.setdefault(spanish.agree(adjective, gender=gender, number=number), adjective)
    return Lemmas(nouns, verbs, adjectives)


FORMS_EN = (english.third_person, english.past, english.participle, english.gerund)


def combinations(text: str, language: str) -> Iterator[tuple[str, str, str]]:
    """Every (noun, verb, adjective) of a text, in base forms: 'cut the ripe pears' -> ('pear', 'cut', 'ripe')."""
    known = lemmas(language)
    words = TOKEN.findall(text.lower())
    for at in range(len(words) - 1):
        first, second = words[at], words[at + 1]
        pairs = []
        if first in known.adjectives and second in known.nouns:
            pairs.append((known.nouns[second], known.adjectives[first]))
        if language == "es" and first in known.nouns and second in known.adjectives:
            pairs.append((known.nouns[first], known.adjectives[second]))
        if not pairs:
            continue
        for before in reversed(words[max(0, at - WINDOW) : at]):
            if not before[0].isalpha():
                break
            if before in known.verbs:
                for noun, adjective in pairs:
                    yield noun, known.verbs[before], adjective


def is_held_out(noun: str, verb: str, adjective: str) -> bool:
    """Whether this combination is kept for validation; the same on every machine."""
    return zlib.crc32(f"{noun}|{verb}|{adjective}".encode()) % ONE_IN == 0


def uses_held_out(text: str, language: str) -> bool:
    """Whether a text contains a combination that training must not see."""
    return any(is_held_out(*combination) for combination in combinations(text, language))
