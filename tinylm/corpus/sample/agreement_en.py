"""What English must obey: a/an, number, subject and verb, verb sequences, word order (see `agreement.py`).

Every word form carries the tags of all its readings:

    Ns Np    noun, singular and plural           Vb Vz Vd Vn Vg    verb: go goes went gone going
    A R      adjective, adverb                   X                 auxiliary or modal
    D        determiner                          S O               pronoun as subject, as object or possessed
    P C      preposition, conjunction            M I               numeral, interjection
"""

from __future__ import annotations

import re
from functools import cache

from tinylm.corpus.sample import english, lexicon_en, verbs_en

Tags = frozenset[str]
NOTHING: Tags = frozenset()
SHORT_FORMS = {
    "it's": "it is", "i'm": "I am", "don't": "do not", "doesn't": "does not", "didn't": "did not", "can't": "can not",
    "isn't": "is not", "let's": "let us", "o'clock": "o'clock", "that's": "that is",
}  # fmt: skip
SUBJECTS = {"i": 0, "you": 1, "he": 2, "she": 2, "it": 2, "we": 3, "they": 4}
ONLY_OBJECTS = frozenset("me him us them".split())
ONLY_SUBJECTS = frozenset("i he she we they".split())
BE = {"am": (0,), "is": (2,), "are": (1, 3, 4), "was": (0, 2), "were": (1, 3, 4)}
DO = frozenset("do does did".split())
MODALS = frozenset("can could will would shall should must may might".split())
HAVE = frozenset("have has had having".split())
NEEDS_PLURAL = frozenset("these those several many few both".split()) | set(lexicon_en.NUMBERS.split()[2:])
NEEDS_SINGULAR = frozenset("a an every each another this".split())
OPENS_PHRASE = frozenset("a an the my your his its our their every each".split())
# adverbs that may stand between a subject and its verb
BETWEEN = frozenset("always never often sometimes usually also still only just not already really both all".split())
CLAUSE_START = frozenset("and but because while when so although if that until where then who".split())
LOOSE_END = frozenset("the a an my your our their every of from into and but because or very".split())
TAKES_CLAUSE = frozenset(
    "before after until since than as like because said think thinks thought know knows knew hope sure say says where "
    "said remembered that wanted asked".split()
)


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


def _read(words: list[str], proper: dict[str, str]) -> tuple[list[str], list[Tags], list[str]]:
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
            if part == "o'clock":
                known, owner = frozenset("R"), ""
            if not known:
                unknown.append(part)
                known = frozenset({"?"})
            plain.append(lower if not owner else f"{lower}'s")
            tags.append(frozenset("D") if owner else known)
    return plain, tags, unknown


def judge(words: list[str], proper: dict[str, str]) -> list[str]:
    """The faults of one sentence."""
    plain, tags, unknown = _read(words, proper)
    faults = [f"`{word}`: not a word of the lexicon" for word in unknown]
    for rule in (_articles, _phrases, _subjects, _sequences, _order):
        faults += rule(plain, tags)
    return faults


def _at(tags: list[Tags], index: int) -> Tags:
    return tags[index] if 0 <= index < len(tags) else NOTHING


def _articles(words: list[str], tags: list[Tags]) -> list[str]:
    pairs = zip(words, words[1:], strict=False)
    return [
        f"`{one} {two}`: the article should be `{english.article(two)}`"
        for one, two in pairs
        if one in ("a", "an") and two[0].isalnum() and english.article(two) != one
    ]


def _head(tags: list[Tags], start: int) -> int:
    """Where the noun of a phrase stands that goes on at `start`; -1 when there is none."""
    at = start
    while at < len(tags):
        tag = tags[at]
        noun = tag & {"Ns", "Np"}
        follows = _at(tags, at + 1)
        if noun and not (tag & {"A", "M"} and follows & {"Ns", "Np", "A"}):
            return at
        if not tag & {"A", "R", "M", "Vn", "Vg", "N!", "T"} and not noun:
            return -1
        at += 1
    return -1


def _phrases(words: list[str], tags: list[Tags]) -> list[str]:
    faults = []
    for at, word in enumerate(words):
        opens = word in OPENS_PHRASE or word.endswith("'s")
        after = _at(tags, at + 1)
        if opens and not after & {"Ns", "Np", "A", "R", "M", "N!", "T", "?", "Vg"}:
            faults.append(f"`{' '.join(words[at : at + 2])}`: a noun is missing")
            continue
        head = _head(tags, at + 1)
        a_little = words[at : at + 2] == ["a", "little"]
        if opens and head < 0 and not a_little and not any(tag & {"N!", "M", "T", "?"} for tag in tags[at + 1 : at + 4]):
            faults.append(f"`{' '.join(words[at : at + 3])}`: a noun is missing")
        if head < 0:
            continue
        number = tags[head] & {"Ns", "Np"}
        between = tags[at + 1 : head]
        beyond = _at(tags, head + 1) & {"Ns", "Np"}
        counted = any("M" in tag for tag in between) or "few" in words[at:head]
        if word in NEEDS_SINGULAR and number == {"Np"} and not beyond and not counted:
            faults.append(f"`{word} ... {words[head]}`: singular and plural")
        several = word in NEEDS_PLURAL or (word.isdigit() and int(word) > 1)
        near = head - at <= 3 and "T" not in _at(tags, at - 1) and not any(tag & {"M"} for tag in between)
        if several and near and number == {"Ns"} and not beyond and _counts(words, tags, at, head):
            faults.append(f"`{word} ... {words[head]}`: plural and singular")
    return faults


def _counts(words: list[str], tags: list[Tags], at: int, head: int) -> bool:
    """Whether the number at `at` counts the noun: not a clock time, a house number, a sum."""
    if words[at - 1 : at] in (["at"], ["past"], ["to"], ["number"], ["platform"], ["is"], ["page"], ["train"]):
        return False
    return all(tag & {"A", "M"} for tag in tags[at + 1 : head])


def _verb_agrees(person: int, word: str, tag: Tags) -> bool:
    if word in BE:
        return person in BE[word]
    if word in ("do", "have", "does", "has"):
        return (person == 2) == (word in ("does", "has"))
    if tag & {"Vd", "X", "Ns", "Np", "A", "P", "R", "C", "D", "O"} - ({"Ns", "Np"} if tag & {"Vb", "Vz"} else set()):
        return True
    if "Vz" in tag and "Vb" not in tag:
        return person == 2
    if "Vb" in tag and "Vz" not in tag:
        return person != 2
    return True


def _subjects(words: list[str], tags: list[Tags]) -> list[str]:
    faults = []
    for at, word in enumerate(words):
        found = _subject(words, tags, at)
        if found is None:
            continue
        person, verb = found
        while verb < len(words) and words[verb] in BETWEEN:
            verb += 1
        if verb >= len(words) or not tags[verb] & {"Vb", "Vz", "Vd", "X"}:
            continue
        inverted = _inverts(words, tags, at)
        if inverted == "base" and "Vb" not in tags[verb]:
            faults.append(f"`{words[at - 1]} {word} {words[verb]}`: the verb should be in its base form")
        elif not inverted and not _verb_agrees(person, words[verb], tags[verb]):
            faults.append(f"`{word} {words[verb]}`: subject and verb disagree")
    return faults


def _subject(words: list[str], tags: list[Tags], at: int) -> tuple[int, int] | None:
    """(person, where its verb may stand) if a subject begins at `at`."""
    before = words[at - 1] if at else ""
    starts = not at or before in CLAUSE_START or not before[-1:].isalnum()
    word = words[at]
    if word in SUBJECTS:
        if word in ("you", "it") and not (starts or _inverts(words, tags, at)):
            return None
        joined = before == "and" and _at(tags, at - 2) & {"Ns", "N!"}
        if joined and word == "i":
            return None if words[at - 3 : at - 2] and words[at - 3] in BE else (3, at + 1)
        return SUBJECTS[word], at + 1
    if "N!" in tags[at] and (starts or _inverts(words, tags, at)):
        end = at + 1
        while "N!" in _at(tags, end):
            end += 1
        if before == "and" and at > 1 and tags[at - 2] & {"N!", "Ns", "Np", "O"}:
            return None
        if _at(tags, end) and words[end] == "and":
            return (4, end + 2) if "N!" in _at(tags, end + 1) and len(words) > end + 2 else None
        return (2, end)
    if "D" in tags[at] and starts and word not in ("no", "all", "more", "that", "this") and before != "and":
        head = _head(tags, at + 1)
        if head < 0 or head + 1 >= len(words) or words[head + 1] == "and":
            return None
        number = tags[head] & {"Ns", "Np"}
        if tags[head + 1] & {"Ns", "Np"} and not tags[head + 1] & {"Vb", "Vz", "Vd"}:
            return None
        return (2 if number == {"Ns"} else 4, head + 1) if len(number) == 1 else None
    return None


def _inverts(words: list[str], tags: list[Tags], at: int) -> str:
    """'base' after do/does/did or a modal, 'other' after be and have, '' otherwise."""
    before = words[at - 1] if at else ""
    if before in DO or before in MODALS:
        return "base"
    return "other" if before in BE or before in HAVE or before == "let" else ""


def _sequences(words: list[str], tags: list[Tags]) -> list[str]:
    faults = []
    for at, word in enumerate(words[:-1]):
        after = at + 1
        while after < len(words) - 1 and (words[after] in BETWEEN or words[after] == "not"):
            after += 1
        tag, next_word = tags[after], words[after]
        verb = tag & {"Vb", "Vz", "Vd", "Vn", "Vg"}
        if not verb or tag - {"Vb", "Vz", "Vd", "Vn", "Vg", "X"}:
            continue
        if word in ("did", "does") or word in MODALS - {"may"}:
            wrong = "Vb" not in tag and next_word != "be"
        elif word in BE or word in ("been", "being"):
            wrong = not verb & {"Vn", "Vg"} and next_word not in ("being", "been")
        elif word in HAVE and word != "having":
            wrong = not verb & {"Vn"} and "X" not in tag
        elif word == "to" and after == at + 1:
            wrong = not verb & {"Vb", "Vg"} and next_word != "be"
        elif "P" in tags[at] and "C" not in tags[at] and "R" not in tags[at] and after == at + 1:
            wrong = not verb & {"Vg", "Vn"}
        elif tags[at] <= {"Vb", "Vz", "Vd", "Vn", "Vg"} and after == at + 1:
            wrong = not verb & {"Vg", "Vn"} and word not in ("let", "make", "makes", "made", "help", "go", "come", "please")
        else:
            wrong = False
        if wrong:
            faults.append(f"`{word} {next_word}`: these verb forms cannot follow each other")
    return faults


def _order(words: list[str], tags: list[Tags]) -> list[str]:
    faults = []
    for at, (word, after) in enumerate(zip(words, words[1:], strict=False)):
        next_tags = tags[at + 1]
        only_verb = bool(next_tags & {"Vz", "Vd"}) and not next_tags - {"Vz", "Vd", "Vn", "Vb"}
        if word in LOOSE_END and not after[0].isalnum():
            faults.append(f"`{word}{after}`: the phrase is not finished")
        elif word in ONLY_OBJECTS and only_verb and "Vn" not in next_tags:
            faults.append(f"`{word} {after}`: an object cannot act")
        elif after in ONLY_SUBJECTS and (
            ("P" in tags[at] and not tags[at] & {"C", "R"} and word not in TAKES_CLAUSE)
            or (tags[at] <= {"Vb", "Vz", "Vd", "Vn", "Vg"} and word not in TAKES_CLAUSE)
            or tags[at] <= {"A"}
        ):
            faults.append(f"`{word} {after}`: a subject cannot stand here")
        elif tags[at] <= {"A"} and next_tags & {"D"} and not next_tags - {"D"} and word not in ("all", "both", "busy"):
            faults.append(f"`{word} {after}`: an adjective cannot stand before `{after}`")
    return faults
