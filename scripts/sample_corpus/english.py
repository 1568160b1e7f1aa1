"""English morphology: plurals, verb forms, a/an, numbers in words.

Rules first, then the irregular tables of the lexicon. The generator inflects with these functions; the agreement
checker builds its dictionary of word forms from the same ones, and from nothing else of the generator.
"""

import re
from functools import cache

from sample_corpus import lexicon_en, verbs_en

VOWELS = "aeiou"
# Spelled with a vowel but spoken with a consonant, and the other way round: what "a"/"an" follows is the sound.
CONSONANT_SOUND = ("uni", "use", "usu", "euro", "one", "once", "ukulele")
VOWEL_SOUND = ("hour", "honest", "honour")
# A stressed last syllable of one vowel and one consonant doubles it: in all one-syllable verbs, and in these.
DOUBLING = frozenset(["begin", "forget", "prefer"])
ONE_SHORT_SYLLABLE = re.compile(r"(qu|[^aeiou])*[aeiou][^aeiouwxy]")
UNITS = lexicon_en.NUMBERS.split()[:20]
TENS = lexicon_en.NUMBERS.split()[20:28]


def plural(noun: str) -> str:
    """The plural of a noun: 'berry' -> 'berries', 'child' -> 'children'."""
    if noun in lexicon_en.IRREGULAR_PLURALS:
        return lexicon_en.IRREGULAR_PLURALS[noun]
    if noun.endswith("y") and noun[-2] not in VOWELS:
        return noun[:-1] + "ies"
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    return noun + "s"


def _doubles(verb: str) -> bool:
    return verb in DOUBLING or ONE_SHORT_SYLLABLE.fullmatch(verb) is not None


def third_person(verb: str) -> str:
    """'wash' -> 'washes', 'carry' -> 'carries'."""
    if verb in ("have", "be"):
        return {"have": "has", "be": "is"}[verb]
    if verb.endswith("y") and verb[-2] not in VOWELS:
        return verb[:-1] + "ies"
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    return verb + "s"


def gerund(verb: str) -> str:
    """'bake' -> 'baking', 'sit' -> 'sitting'."""
    if verb == "lie":
        return "lying"
    if _doubles(verb):
        return verb + verb[-1] + "ing"
    if verb.endswith("e") and not verb.endswith(("ee", "ye")) and verb != "be":
        return verb[:-1] + "ing"
    return verb + "ing"


def _regular_past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in VOWELS:
        return verb[:-1] + "ied"
    if _doubles(verb):
        return verb + verb[-1] + "ed"
    return verb + "ed"


def past(verb: str) -> str:
    """'go' -> 'went', 'plan' -> 'planned'."""
    return verbs_en.IRREGULAR[verb].split()[0] if verb in verbs_en.IRREGULAR else _regular_past(verb)


def participle(verb: str) -> str:
    """'go' -> 'gone', 'plan' -> 'planned'."""
    return verbs_en.IRREGULAR[verb].split()[1] if verb in verbs_en.IRREGULAR else _regular_past(verb)


def article(next_word: str) -> str:
    """'a' or 'an', by the sound that `next_word` begins with; digits are read aloud: 'an 8', 'an 11', 'an 18'."""
    word = next_word.lower()
    if word[0].isdigit():
        return "an" if word.startswith("8") or word in ("11", "18") else "a"
    if word.startswith(VOWEL_SOUND):
        return "an"
    return "an" if word[0] in VOWELS and not word.startswith(CONSONANT_SOUND) else "a"


def number(value: int) -> str:
    """0 to 9999 in words: 47 -> 'forty-seven', 250 -> 'two hundred and fifty'."""
    if value < 20:
        return UNITS[value]
    if value < 100:
        tens, unit = divmod(value, 10)
        return TENS[tens - 2] + (f"-{UNITS[unit]}" if unit else "")
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{UNITS[hundreds]} hundred" + (f" and {number(rest)}" if rest else "")
    thousands, rest = divmod(value, 1000)
    link = " and " if 0 < rest < 100 else " "
    return f"{UNITS[thousands]} thousand" + (f"{link}{number(rest)}" if rest else "")


@cache
def verbs() -> tuple[str, ...]:
    """Every verb of the lexicon, in its base form, in a fixed order."""
    seen: dict[str, None] = dict.fromkeys(verbs_en.IRREGULAR)
    seen.update(dict.fromkeys(verbs_en.PLAIN.split()))
    for _, deeds in sorted(verbs_en.FRAMES.items()):
        for line in deeds.strip().splitlines():
            for alternative in line.split("{")[0].split("/"):
                seen.setdefault(alternative.split()[0])
    return tuple(seen)
