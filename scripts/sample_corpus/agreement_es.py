"""What Spanish must obey: gender, number, person, verb sequences, contractions, word order (see `agreement.py`).

The readings of words stand in `readings_es.py`.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from sample_corpus import lexicon_es, spanish
from sample_corpus.readings_es import Word
from sample_corpus.readings_es import read as read_words

PERSONS = {"yo": 0, "tú": 1, "él": 2, "ella": 2, "usted": 2, "nosotros": 3, "nosotras": 3, "ellos": 4, "ellas": 4,
           "ustedes": 4}  # fmt: skip
CLITICS = frozenset(["me", "te", "se", "nos", "lo", "la", "los", "las", "le", "les"])
BETWEEN = CLITICS | frozenset(["no", "siempre", "nunca", "también", "todavía", "ya", "solo", "casi"])
DEGREE = frozenset(["muy", "más", "tan", "bastante", "demasiado", "poco", "menos", "un", "casi"])
CLAUSE_START = frozenset(["y", "e", "pero", "porque", "cuando", "mientras", "si", "que", "aunque", "donde"])
ALWAYS_PREPOSITION = frozenset(
    ["a", "de", "del", "al", "con", "en", "por", "sin", "hasta", "desde", "durante", "hacia"]
)
LOOSE_END = frozenset(
    [
        "el",
        "los",
        "las",
        "un",
        "unos",
        "mi",
        "mis",
        "su",
        "sus",
        "de",
        "del",
        "al",
        "con",
        "en",
        "y",
        "o",
        "e",
        "a",
        "por",
        "muy",
        "que",
    ]
)
NEEDS_PLURAL = frozenset(lexicon_es.NUMBERS.split()[2:]) - {"veintiuno"}
TIMES = frozenset(["mañana", "tarde", "noche", "semana", "vez", "año", "día", "mes", "fin", "momento", "verano"]) | set(
    lexicon_es.WEEKDAYS.split()
)
FEMININE_MASKED = frozenset(lexicon_es.STRESSED_A.split())


def judge(words: list[str], proper: dict[str, str]) -> list[str]:
    """The faults of one sentence."""
    readings = read_words(words, proper)
    plain = [word.lower() for word in words]
    faults = [
        f"`{word}`: not a word of the lexicon"
        for word, read in zip(words, readings, strict=True)
        if read.other == {"unknown"}
    ]
    for rule in (_phrases, _adjectives, _subjects, _predicates, _sequences, _order):
        faults += rule(plain, readings)
    return faults


def _clitic(words: list[str], read: list[Word], at: int) -> bool:
    """Whether lo, la, los, las at `at` is a pronoun before a verb: 'la vio'."""
    if words[at] not in CLITICS or at + 1 >= len(words):
        return False
    return (bool(read[at + 1].finite) and (not read[at + 1].noun or words[at] == "lo")) or words[at] == "lo"


def _head(read: list[Word], start: int) -> int:
    """Where the noun of a phrase stands that goes on at `start`; -1 when there is none."""
    for at in range(start, min(start + 3, len(read))):
        if read[at].noun and "name" not in read[at].other:
            follows = read[at + 1].noun if at + 1 < len(read) else set()
            if not (read[at].adjective and follows and not read[at + 1].other & {"name", "small"}):
                return at
        elif not read[at].adjective and not read[at].determiner and "number" not in read[at].other:
            return -1
    return -1


def _phrases(words: list[str], read: list[Word]) -> list[str]:
    faults = []
    for at, word in enumerate(words):
        several = word in NEEDS_PLURAL and not (at and words[at - 1] in ("las", "los", "y", "la", "de", "número", "a"))
        if several:
            head = _head(read, at + 1)
            if head == at + 1 and not any(shape[1] == "p" for shape in read[head].noun):
                faults.append(f"`{word} {words[head]}`: plural and singular")
            continue
        if not read[at].determiner or _clitic(words, read, at) or word == "uno":
            continue
        head = _head(read, at + 1)
        if head < 0:
            after = read[at + 1] if at + 1 < len(read) else Word()
            free = "small" in read[at].other and word not in CLITICS
            if word in LOOSE_END and after.only_finite() and not free:
                faults.append(f"`{word} {words[at + 1]}`: a noun is missing")
            continue
        shapes = set(read[at].determiner)
        if words[head] in FEMININE_MASKED and head == at + 1 and word in ("el", "un"):
            continue
        if word == "la" and head == at + 1 and words[head] in FEMININE_MASKED:
            faults.append(f"`la {words[head]}`: it should be `el`")
        for inner in range(at + 1, head):
            shapes &= read[inner].adjective or read[inner].determiner or shapes
        if not shapes & read[head].noun and not (word in DEGREE and read[head].adjective):
            faults.append(f"`{' '.join(words[at : head + 1])}`: gender or number")
    return faults


def _adjectives(words: list[str], read: list[Word]) -> list[str]:
    faults = []
    for at in range(len(words) - 1):
        noun, after = read[at], read[at + 1]
        if not noun.noun or "name" in noun.other or not after.adjective:
            continue
        ambiguous = (
            after.noun
            or after.finite
            or after.determiner
            or words[at + 1] == "junto"
            or "small" in after.other
            or "number" in after.other
        )
        if (
            not ambiguous
            and not (noun.finite and not (at and read[at - 1].determiner))
            and not noun.noun & after.adjective
        ):
            faults.append(f"`{words[at]} {words[at + 1]}`: gender or number")
    return faults


def _verb_at(words: list[str], start: int) -> int:
    while start < len(words) and words[start] in BETWEEN:
        start += 1
    return start


def _subjects(words: list[str], read: list[Word]) -> list[str]:
    faults = []
    for at, word in enumerate(words):
        found = _subject(words, read, at)
        if found is None:
            continue
        person, verb = found
        verb = _verb_at(words, verb)
        if verb >= len(words) or not read[verb].only_finite():
            continue
        if person not in {person for person, tense, _ in read[verb].finite if tense != "command"}:
            faults.append(f"`{word} ... {words[verb]}`: subject and verb disagree")
    return faults


def _subject(words: list[str], read: list[Word], at: int) -> tuple[int, int] | None:
    """(person, where its verb may stand) if a subject begins at `at`."""
    before = words[at - 1] if at else ""
    starts = not at or before in CLAUSE_START or not before[-1:].isalnum()
    if words[at] in PERSONS:
        if before in ("y", "e") and at > 1 and ("name" in read[at - 2].other or read[at - 2].noun):
            return (3, at + 1) if words[at] == "yo" else None
        return None if before in ALWAYS_PREPOSITION else (PERSONS[words[at]], at + 1)
    if not starts:
        return None
    if "name" in read[at].other:
        end = at + 1
        while end < len(read) and "name" in read[end].other:
            end += 1
        if before in ("y", "e") and at > 1 and (read[at - 2].noun or "name" in read[at - 2].other):
            return None
        if end < len(words) and words[end] in ("y", "e"):
            return (4, end + 2) if end + 1 < len(words) and "name" in read[end + 1].other else None
        return 2, end
    if read[at].determiner and not _clitic(words, read, at) and before not in ("y", "e"):
        head = _head(read, at + 1)
        asks = words[at].startswith("cuánt")
        if head < 0 or head + 1 >= len(words) or "number" in read[head].other or words[head] in TIMES or asks:
            return None
        numbers = {shape[1] for shape in read[head].noun}
        verb = head + 1
        if read[verb].adjective and not read[verb].finite:
            verb += 1
        if len(numbers) != 1 or verb >= len(words) or words[verb] in ("y", "e"):
            return None
        return (2 if numbers == {"s"} else 4, verb)
    return None


def _predicates(words: list[str], read: list[Word]) -> list[str]:
    """Ser and estar with an adjective: it agrees with the verb in number and with a subject just before in gender."""
    faults = []
    for at in range(len(words) - 1):
        if not read[at].verbs() & {"ser", "estar"} or read[at].noun:
            continue
        after = at + 1
        while after < len(words) and words[after] in DEGREE:
            after += 1
        if after >= len(words) or not read[after].adjective or read[after].noun or read[after].finite:
            continue
        if read[after].other - {"part"} or read[after].determiner or (after + 1 < len(read) and read[after + 1].noun):
            continue
        numbers = {"p" if person > 2 else "s" for person, _, _ in read[at].finite}
        shapes = {shape for shape in read[after].adjective if shape[1] in numbers}
        if not shapes:
            faults.append(f"`{words[at]} {words[after]}`: number")
            continue
        subject = at - 1
        while subject >= 0 and words[subject] in BETWEEN:
            subject -= 1
        genders = {shape[0] for shape in read[subject].noun} if subject >= 0 else set()
        alone = subject < 2 or words[subject - 1] not in ("y", "e", "de", "con", "del")
        if (
            genders
            and words[subject] not in TIMES
            and alone
            and not {shape[0] for shape in shapes} & genders
            and not read[subject].adjective
        ):
            faults.append(f"`{words[subject]} {words[at]} {words[after]}`: gender")
    return faults


def _sequences(words: list[str], read: list[Word]) -> list[str]:
    faults = []
    for at in range(len(words) - 1):
        word, after = words[at], read[at + 1]
        verbs = read[at].verbs()
        finite = after.only_finite()
        wrong = ""
        if word in ALWAYS_PREPOSITION and finite:
            wrong = "a finite verb cannot follow a preposition"
        elif word in ("he", "has", "ha", "hemos", "han") and not after.other & {"part", "small", "number"}:
            wrong = "" if after.noun or after.determiner else "a participle in -o is missing"
        elif verbs & {"estar", "ser", "querer", "poder", "deber", "saber", "ir"} and finite and not read[at].noun:
            wrong = "a finite verb cannot follow"
        elif (
            read[at].only_finite() and (finite or ("inf" in after.other and not after.noun)) and not verbs & MAY_GOVERN
        ):
            wrong = "these verb forms cannot follow each other"
        elif word == "gusta" and (after.determiner <= {"mp", "fp"} and after.determiner):
            wrong = "it should be `gustan`"
        elif word == "gustan" and (words[at + 1] in ("el", "la", "un", "una") or "inf" in after.other):
            wrong = "it should be `gusta`"
        if wrong:
            faults.append(f"`{word} {words[at + 1]}`: {wrong}")
    return faults


MAY_GOVERN = frozenset(
    [
        "querer",
        "poder",
        "deber",
        "saber",
        "gustar",
        "encantar",
        "preferir",
        "desear",
        "necesitar",
        "decidir",
        "dejar",
        "ver",
        "oír",
        "hacer",
        "esperar",
        "soler",
    ]
)


NEVER_AFTER_ARTICLE = CLAUSE_START | {"menos", "más", "no", "también", "siempre", "nunca", "después", "luego"} - {"que"}
PLACES_AND_TIMES = frozenset(["antes", "después", "cerca", "lejos", "delante", "detrás", "encima", "enfrente", "junto"])
INDEFINITE = ("un", "una", "unos", "unas")
ARTICLES = frozenset(
    ["el", "la", "los", "las", "un", "unos", "unas", "mi", "mis", "su", "sus", "este", "esta", "estos", "estas"]
)


def _connects(word: Word) -> bool:
    return "prep" in word.other and not (word.noun or word.adjective or word.finite)


def _only_noun(word: Word) -> bool:
    return bool(word.noun) and not (word.adjective or word.finite or word.determiner or word.other)


def _only_adjective(word: Word) -> bool:
    return bool(word.adjective) and not (word.noun or word.finite or word.determiner or word.other)


@cache
def _before_noun() -> frozenset[str]:
    """Adjectives that may stand before their noun, in all their forms."""
    movable = f"{lexicon_es.BEFORE} {' '.join(lexicon_es.SHORTENED)} segundo cuarto quinto mismo próximo último mejor peor querido otro".split()
    shapes = [(gender, number) for gender in "mf" for number in "sp"]
    forms = {
        spanish.agree(adjective, gender=gender, number=number) for adjective in movable for gender, number in shapes
    }
    return frozenset(forms | set(lexicon_es.SHORTENED.values()))


def _order(words: list[str], read: list[Word]) -> list[str]:
    faults = []
    for at, (word, after) in enumerate(pairwise(words)):
        contracted = spanish.contract(f"{word} {after}")
        if contracted != f"{word} {after}" and word != "más":
            faults.append(f"`{word} {after}`: it should be `{contracted}`")
        if word in ("e", "u") and spanish.contract(f"{'y' if word == 'e' else 'o'} {after}").split()[0] != word:
            faults.append(f"`{word} {after}`: it should be `{'y' if word == 'e' else 'o'}`")
        if word in LOOSE_END and not after[0].isalnum() and after not in ("¿", "¡"):
            faults.append(f"`{word}{after}`: the phrase is not finished")
        elif word in ALWAYS_PREPOSITION and after in ("me", "te", "se", "le", "les", "yo", "tú"):
            faults.append(f"`{word} {after}`: a pronoun cannot stand here")
        elif (
            word in ARTICLES
            and not _clitic(words, read, at)
            and (_connects(read[at + 1]) or after in NEVER_AFTER_ARTICLE)
        ):
            faults.append(f"`{word} {after}`: a noun is missing")
        elif (
            _only_noun(read[at])
            and word not in TIMES
            and (after in INDEFINITE or _only_noun(read[at + 1]))
            and words[at + 2 : at + 3] != ["poco"]
        ):
            faults.append(f"`{word} {after}`: these words cannot follow each other")
        elif word in PLACES_AND_TIMES and after in ("y", "e"):
            faults.append(f"`{word} {after}`: `de` is missing")
        elif _only_adjective(read[at]) and _only_noun(read[at + 1]) and word not in _before_noun():
            faults.append(f"`{word} {after}`: the adjective stands after its noun")
        elif (word in ALWAYS_PREPOSITION and after in ALWAYS_PREPOSITION) or (
            word in ("de", "en", "con", "por") and after in ("en", "con", "por", "y", "pero")
        ):
            faults.append(f"`{word} {after}`: these words cannot follow each other")
        elif (
            word in ("se", "le", "les", "te")
            and after[0].isalpha()
            and not read[at + 1].finite
            and after not in CLITICS
        ):
            faults.append(f"`{word} {after}`: a verb is missing")
    return faults
