"""Spanish morphology: gender, plurals, adjectives, conjugation, contractions, numbers in words.

Rules first, then the irregular tables of the lexicon. The generator inflects with these functions; the agreement
checker builds its dictionary of word forms from the same ones, and from nothing else of the generator.

Persons are indexed 0 to 4: yo, tú, él/ella/usted, nosotros, ellos/ustedes.
"""

import re
from functools import cache

from sample_corpus import lexicon_es, verbs_es

PERSONS = 5
TENSES = ("pres", "pret", "imp", "fut", "cond", "subj")
PLAIN_VOWEL = str.maketrans("áéíóú", "aeiou")
PRESENT = {"ar": "o as a amos an", "er": "o es e emos en", "ir": "o es e imos en"}
PRETERITE = {"ar": "é aste ó amos aron", "er": "í iste ió imos ieron", "ir": "í iste ió imos ieron"}
IMPERFECT = {"ar": "aba abas aba ábamos aban", "er": "ía ías ía íamos ían", "ir": "ía ías ía íamos ían"}
SUBJUNCTIVE = {"ar": "e es e emos en", "er": "a as a amos an", "ir": "a as a amos an"}
FUTURE = "é ás á emos án"
CONDITIONAL = "ía ías ía íamos ían"
STRONG = "e iste o imos ieron"


def plural(word: str) -> str:
    """The plural of a noun or adjective: 'lápiz' -> 'lápices', 'canción' -> 'canciones'."""
    if word in lexicon_es.IRREGULAR_PLURALS:
        return lexicon_es.IRREGULAR_PLURALS[word]
    if word[-1] in "aeioué":
        return word + "s"
    if word.endswith("z"):
        return word[:-1] + "ces"
    if re.search("[áéíóú][ns]$", word):
        return word[:-2] + word[-2:].translate(PLAIN_VOWEL) + "es"
    return word + "es"


def feminine(adjective: str) -> str:
    """The feminine singular of an adjective: 'rojo' -> 'roja', 'trabajador' -> 'trabajadora'."""
    if adjective in lexicon_es.IRREGULAR_FEMININE:
        return lexicon_es.IRREGULAR_FEMININE[adjective]
    return adjective[:-1] + "a" if adjective.endswith("o") else adjective


def agree(adjective: str, *, gender: str, number: str) -> str:
    """An adjective, given in the masculine singular, for gender 'm'/'f' and number 's'/'p'."""
    form = feminine(adjective) if gender == "f" else adjective
    return plural(form) if number == "p" else form


@cache
def genders() -> dict[str, str]:
    """noun (singular) -> 'm' or 'f' or 'mf' for people named alike."""
    found: dict[str, str] = {}
    for masculine_nouns, feminine_nouns in lexicon_es.NOUNS.values():
        for gender, nouns in (("m", masculine_nouns), ("f", feminine_nouns)):
            for noun in nouns.split():
                if gender not in found.get(noun, ""):
                    found[noun] = found.get(noun, "") + gender
    return found | dict.fromkeys(lexicon_es.COMMON_GENDER.split(), "mf")


@cache
def _stem_change(verb: str) -> tuple[str, str]:
    for change, members in verbs_es.STEM_CHANGES.items():
        if verb in members.split():
            old, new = change.split(">")
            return old, new
    return "", ""


def _stressed(verb: str, stem: str) -> str:
    old, new = _stem_change(verb)
    if not old:
        return stem
    at = stem.rindex(old)
    return stem[:at] + new + stem[at + 1 :]


def _closed(verb: str, stem: str) -> str:
    """Verbs in -ir that change their stem also raise the vowel in some unstressed forms: durmió, pidió."""
    old, _ = _stem_change(verb)
    if not verb.endswith("ir") or old not in ("e", "o") or verb == "venir":
        return stem
    raised = "i" if old == "e" else "u"
    at = stem.rindex(old)
    return stem[:at] + raised + stem[at + 1 :]


def _soften(verb: str, stem: str) -> str:
    """The stem before 'o' and 'a' in -er/-ir verbs: cojo, sigo, conozco, construyo."""
    if verb.endswith(("ger", "gir")):
        return stem[:-1] + "j"
    if verb.endswith("guir"):
        return stem[:-1]
    if verb.endswith("uir"):
        return stem + "y"
    if verb.endswith(("cer", "cir")):
        return stem[:-1] + ("zc" if stem[-2] in "aeiou" else "z")
    return stem


def _harden(stem: str) -> str:
    """The stem before 'e' in -ar verbs: busqué, llegué, empecé."""
    if stem.endswith("c"):
        return stem[:-1] + "qu"
    if stem.endswith("g"):
        return stem + "u"
    return stem[:-1] + "c" if stem.endswith("z") else stem


def _present(verb: str, stem: str, kind: str) -> list[str]:
    endings = PRESENT[kind].split()
    strong = _stressed(verb, stem)
    if verb.endswith("uir") and not verb.endswith("guir"):
        strong = stem + "y"
    forms = [strong + ending for ending in endings]
    forms[3] = stem + endings[3]
    first = strong if verb.endswith("uir") and not verb.endswith("guir") else _soften(verb, strong)
    forms[0] = verbs_es.FIRST_PERSON.get(verb, first + "o" if kind != "ar" else strong + "o")
    if verb in ("tener", "venir"):
        forms[0] = verbs_es.FIRST_PERSON[verb]
    return forms


def _preterite(verb: str, stem: str, kind: str) -> list[str]:
    if verb in verbs_es.STRONG_PRETERITE:
        strong = verbs_es.STRONG_PRETERITE[verb]
        forms = [strong + ending for ending in STRONG.split()]
        if strong == "hic":
            forms[2] = "hizo"
        if strong.endswith("j"):
            forms[4] = strong + "eron"
        return forms
    forms = [stem + ending for ending in PRETERITE[kind].split()]
    if kind == "ar":
        forms[0] = _harden(stem) + "é"
        return forms
    closed = _closed(verb, stem)
    forms[2], forms[4] = closed + "ió", closed + "ieron"
    if stem[-1] in "aeo" or (verb.endswith("uir") and not verb.endswith("guir")):
        forms[2], forms[4] = stem + "yó", stem + "yeron"
        if stem[-1] in "aeo":
            forms[1], forms[3] = stem + "íste", stem + "ímos"
    return forms


def _subjunctive(verb: str, stem: str, kind: str) -> list[str]:
    endings = SUBJUNCTIVE[kind].split()
    if kind == "ar":
        strong = _harden(_stressed(verb, stem))
        forms = [strong + ending for ending in endings]
        forms[3] = _harden(stem) + endings[3]
        return forms
    base = conjugate(verb, "pres")[0][:-1]
    forms = [base + ending for ending in endings]
    if _stem_change(verb)[0] and verb not in verbs_es.FIRST_PERSON:
        forms[3] = _soften(verb, _closed(verb, stem)) + endings[3]
    return forms


@cache
def conjugate(verb: str, tense: str) -> tuple[str, ...]:
    """The five persons of a verb in one of `TENSES`."""
    irregular = verbs_es.IRREGULAR_TENSES.get(verb, {})
    if tense in irregular:
        return tuple(irregular[tense].split())
    stem, kind = verb[:-2], verb[-2:].translate(PLAIN_VOWEL)
    if tense in ("fut", "cond"):
        base = verbs_es.FUTURE_STEM.get(verb, verb)
        return tuple(base + ending for ending in (FUTURE if tense == "fut" else CONDITIONAL).split())
    if tense == "imp":
        return tuple(stem + ending for ending in IMPERFECT[kind].split())
    build = {"pres": _present, "pret": _preterite, "subj": _subjunctive}[tense]
    return tuple(build(verb, stem, kind))


def gerund(verb: str) -> str:
    """'comer' -> 'comiendo', 'leer' -> 'leyendo', 'pedir' -> 'pidiendo'."""
    if verb in verbs_es.GERUNDS:
        return verbs_es.GERUNDS[verb]
    stem = verb[:-2]
    if verb.endswith("ar"):
        return stem + "ando"
    if stem[-1] in "aeou" and not verb.endswith("guir"):
        return stem + "yendo"
    return _closed(verb, stem) + "iendo"


def participle(verb: str) -> str:
    """'comer' -> 'comido', 'abrir' -> 'abierto', 'leer' -> 'leído'."""
    if verb in verbs_es.PARTICIPLES:
        return verbs_es.PARTICIPLES[verb]
    if verb.endswith("ar"):
        return verb[:-2] + "ado"
    return verb[:-2] + ("ído" if verb[:-2].endswith(("a", "e", "o")) else "ido")


def command(verb: str) -> str:
    """The familiar imperative: 'mezclar' -> 'mezcla', 'poner' -> 'pon'."""
    return verbs_es.COMMANDS.get(verb, conjugate(verb, "pres")[2])


def formal_command(verb: str) -> str:
    """The polite imperative: 'girar' -> 'gire', 'seguir' -> 'siga'."""
    return conjugate(verb, "subj")[2]


def contract(text: str) -> str:
    """Apply a + el -> al, de + el -> del, y -> e before the sound i, o -> u before the sound o."""
    text = re.sub(r"\b([Aa]) el\b", r"\1l", text)
    text = re.sub(r"\b([Dd]e) el\b", r"\1l", text)
    text = re.sub(r"\b([Yy])(?= (?:[iIíÍ]|[hH][ií](?![aeo])))", lambda m: "e" if m[1] == "y" else "E", text)
    return re.sub(r"\b([oO])(?= (?:[oOóÓ]|[hH][oó]))", lambda m: "u" if m[1] == "o" else "U", text)


def number(value: int, gender: str = "m") -> str:
    """0 to 9999 in words; the gender matters for one and for hundreds: 'veintiuna', 'doscientas'."""
    words = lexicon_es.NUMBERS.split()
    if value < 30:
        word = words[value]
        return word[:-1] + "a" if gender == "f" and word.endswith("uno") else word
    if value < 100:
        tens, unit = divmod(value, 10)
        return words[27 + tens] + (f" y {number(unit, gender)}" if unit else "")
    if value == 100:
        return "cien"
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        word = lexicon_es.HUNDREDS.split()[hundreds - 1]
        word = word[:-2] + "as" if gender == "f" and hundreds > 1 else word
        return word + (f" {number(rest, gender)}" if rest else "")
    thousands, rest = divmod(value, 1000)
    start = "mil" if thousands == 1 else f"{number(thousands)} mil"
    return start + (f" {number(rest, gender)}" if rest else "")


@cache
def verbs() -> tuple[str, ...]:
    """Every verb of the lexicon, as an infinitive, in a fixed order."""
    seen: dict[str, None] = dict.fromkeys(verbs_es.PLAIN.split())
    for _, deeds in sorted(verbs_es.FRAMES.items()):
        for line in deeds.strip().splitlines():
            for alternative in line.split("{")[0].split("/"):
                seen.setdefault(alternative.split()[0])
    return tuple(seen)
