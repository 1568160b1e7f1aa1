"""What a Spanish word form can be: the readings that the agreement checker works on.

A form is kept with all its readings: as a noun, adjective or determiner its shapes ("ms", "fs", "mp", "fp"), as a
verb its persons and tenses, and what else it may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from sample_corpus import lexicon_es, spanish


@dataclass
class Word:
    """All readings of one word form."""

    noun: set[str] = field(default_factory=set)
    adjective: set[str] = field(default_factory=set)
    determiner: set[str] = field(default_factory=set)
    finite: set[tuple[int, str, str]] = field(default_factory=set)
    """(person, tense, infinitive)."""
    other: set[str] = field(default_factory=set)
    """'inf', 'ger', 'part', 'prep', 'small', 'name', 'number', 'unknown'."""

    def only_finite(self) -> bool:
        return bool(self.finite) and not (self.noun or self.adjective or self.determiner or self.other)

    def verbs(self) -> set[str]:
        return {verb for _, _, verb in self.finite}


@cache
def lexicon() -> dict[str, Word]:
    """Word form (lower case) -> its readings."""
    found: dict[str, Word] = {}

    def at(form: str) -> Word:
        return found.setdefault(form, Word())

    for noun, genders in spanish.genders().items():
        for gender in genders:
            at(noun).noun.add(gender + "s")
            at(spanish.plural(noun)).noun.add(gender + "p")
    for adjective in " ".join(lexicon_es.ADJECTIVES.values()).split():
        for gender in "mf":
            for number in "sp":
                at(spanish.agree(adjective, gender=gender, number=number)).adjective.add(gender + number)
    for long, short in lexicon_es.SHORTENED.items():
        at(short).adjective.update({"ms", "fs"} if long == "grande" else {"ms"})
    for line in lexicon_es.DETERMINERS.strip().splitlines():
        forms = line.split()
        shapes = ("ms", "fs", "mp", "fp") if len(forms) == 4 else ("mp", "fp")
        for form, shape in zip(forms, shapes, strict=True):
            at(form).determiner.add(shape)
    for form in ["mi", "tu", "su"]:
        at(form).determiner.update({"ms", "fs"})
        at(form + "s").determiner.update({"mp", "fp"})
    at("cada").determiner.update({"ms", "fs"})
    for verb in spanish.verbs():
        for tense in spanish.TENSES:
            for person, form in enumerate(spanish.conjugate(verb, tense)):
                at(form).finite.add((person, tense, verb))
        at(spanish.command(verb)).finite.add((1, "command", verb))
        at(verb).other.add("inf")
        at(spanish.gerund(verb)).other.add("ger")
        participle = spanish.participle(verb)
        at(participle).other.add("part")
        for gender in "mf":
            for number in "sp":
                at(spanish.agree(participle, gender=gender, number=number)).adjective.add(gender + number)
    for words, kind in (
        (lexicon_es.PREPOSITIONS, "prep"),
        (f"{lexicon_es.NUMBERS} {lexicon_es.HUNDREDS} veintiuna cien mil doscientas trescientas", "number"),
        (" ".join((lexicon_es.PRONOUNS, lexicon_es.CONJUNCTIONS, lexicon_es.ADVERBS, lexicon_es.MANNERS)), "small"),
        (f"{lexicon_es.INTERJECTIONS} {lexicon_es.WEEKDAYS} {lexicon_es.MONTHS} sábados domingos hay", "small"),
    ):
        for word in words.split():
            at(word).other.add(kind)
    for word in ENCLITIC:
        at(word).other.add("small")
    return found


# verbs written together with a pronoun
ENCLITIC = frozenset(
    [
        "ayudarte",
        "ayudarme",
        "ayudarle",
        "hacerte",
        "verte",
        "escríbeme",
        "déjalo",
        "quédate",
        "celebrarlo",
        "irme",
        "cenar",
    ]
)


def is_known(word: str) -> bool:
    """Whether a lower-case word is a form of the lexicon."""
    return word in lexicon()


def read(words: list[str], proper: dict[str, str]) -> list[Word]:
    readings = []
    for at, word in enumerate(words):
        if word[0].isdigit():
            readings.append(Word(other={"number"}))
        elif not word[0].isalpha():
            readings.append(Word(other={"mark"}))
        elif word[0].isupper() and word in proper:
            plain = lexicon().get(word.lower()) if at == 0 else None
            genders = {gender + "s" for gender in proper[word]}
            readings.append(Word(noun=genders, other={"name"} | (plain.other if plain else set())))
            if plain and (plain.finite or plain.noun or plain.adjective or plain.determiner):
                readings[-1] = Word(plain.noun | genders, plain.adjective, plain.determiner, plain.finite, {"name"})
        else:
            readings.append(lexicon().get(word.lower()) or Word(other={"unknown"}))
    return readings
