"""What an English word form can be: the readings that the agreement checker works on.

Every word form carries the tags of all its readings:

    Ns Np    noun, singular and plural           Vb Vz Vd Vn Vg    verb: go goes went gone going
    A R      adjective, adverb                   X                 auxiliary or modal
    D        determiner                          S O               pronoun as subject, as object or possessed
    P C      preposition, conjunction            M I               numeral, interjection
"""

from __future__ import annotations

import re
from functools import cache

from sample_corpus import english, lexicon_en, verbs_en

Tags = frozenset[str]
NOTHING: Tags = frozenset()
SHORT_FORMS = {
    "it's": "it is", "i'm": "I am", "don't": "do not", "doesn't": "does not", "didn't": "did not", "can't": "can not",
    "isn't": "is not", "let's": "let us", "o'clock": "o'clock", "that's": "that is",
}  # fmt: skip


@cache
def lexicon() -> dict[str, Tags]:
    """Word form (lower case) -> tags."""
    found: dict[str, set[str]] = {}

    def add(words: str, *tags: str) -> None:
        for word in words.lower().split():
            found.setdefault(word, set()).update(tags)

    mass, plural_only = lexicon_en.MASS.split(), lexicon_en.PLURAL_ONLY.split()
    groups = [*lexicon_en.NOUNS.values(), *(members for members, _ in verbs_en.SUBGROUPS.values())]
    for noun in " ".join(groups).split():
        add(noun, "Np" if noun in plural_only else "Ns")
        if noun not in mass and noun not in plural_only:
            add(english.plural(noun), "Np")
    for verb in english.verbs():
        for tag, form in (
            ("Vb", verb), ("Vz", english.third_person(verb)), ("Vd", english.past(verb)),
            ("Vn", english.participle(verb)), ("Vg", english.gerund(verb)),
        ):  # fmt: skip
            add(form, tag)
    add(" ".join(lexicon_en.ADJECTIVES.values()), "A")
    add(f"{lexicon_en.ADVERBS} {lexicon_en.MANNERS}", "R")
    add(f"{lexicon_en.DETERMINERS} {lexicon_en.DETERMINERS_SINGULAR} {lexicon_en.DETERMINERS_PLURAL}", "D")
    add(lexicon_en.PRONOUNS, "O")
    add("i you he she it we they who what everybody everyone nobody somebody someone everything", "S")
    add(lexicon_en.PREPOSITIONS, "P")
    add(lexicon_en.CONJUNCTIONS, "C")
    add(lexicon_en.INTERJECTIONS, "I")
    add(lexicon_en.AUXILIARIES, "X")
    add(lexicon_en.NUMBERS, "M")
    add(f"{lexicon_en.WEEKDAYS} {lexicon_en.MONTHS}", "T")
    add("o'clock", "R")
    add("plus minus", "P")
    return {word: frozenset(tags) for word, tags in found.items()}


def is_known(word: str) -> bool:
    """Whether a lower-case word is a form of the lexicon."""
    return word in lexicon() or word in SHORT_FORMS or bool(_compound(word))


def all_known(sentence: str) -> bool:
    """Whether every lower-case word of a sentence is a form of the lexicon."""
    return all(is_known(word) for word in re.findall(r"\b[^\W\d_A-Z]+(?:['-][^\W\d_]+)*\b", sentence))


def _compound(word: str) -> Tags:
    parts = word.split("-")
    return frozenset("M") if len(parts) > 1 and all("M" in lexicon().get(part, NOTHING) for part in parts) else NOTHING


def read(words: list[str], proper: dict[str, str]) -> tuple[list[str], list[Tags], list[str]]:
    """Lower-case words with short forms written out, their tags, and the unknown ones."""
    plain: list[str] = []
    tags: list[Tags] = []
    unknown: list[str] = []
    for word in words:
        for part in SHORT_FORMS.get(word.lower(), word).split():
            base, owner, _ = part.partition("'s")
            lower = base.lower()
            known = lexicon().get(lower, NOTHING) | _compound(lower)
            if part[0].isdigit():
                known = frozenset("M")
            elif not part[0].isalpha():
                known = frozenset(part)
            if part[0].isupper() and base in proper:
                known = frozenset({"N!"}) if plain else known | {"N!"}
            if part in lexicon_en.MONTHS.split():  # "May" is not "may"
                known, lower = frozenset("T"), part
            if part == "o'clock":
                known, owner = frozenset("R"), ""
            if not known:
                unknown.append(part)
                known = frozenset({"?"})
            plain.append(lower if not owner else f"{lower}'s")
            tags.append(frozenset("D") if owner else known)
    return plain, tags, unknown
