"""What English must obey: a/an, number, subject and verb, verb sequences, word order (see `agreement.py`).

The tags of words (Ns, Vb, A, ...) are explained in `readings_en.py`.
"""

from __future__ import annotations

from itertools import pairwise

from sample_corpus import english, lexicon_en
from sample_corpus.readings_en import NOTHING, Tags, read

SUBJECTS = {"i": 0, "you": 1, "he": 2, "she": 2, "it": 2, "we": 3, "they": 4}
ONLY_OBJECTS = frozenset(["me", "him", "us", "them"])
ONLY_SUBJECTS = frozenset(["i", "he", "she", "we", "they"])
BE = {"am": (0,), "is": (2,), "are": (1, 3, 4), "was": (0, 2), "were": (1, 3, 4)}
DO = frozenset(["do", "does", "did"])
MODALS = frozenset(["can", "could", "will", "would", "shall", "should", "must", "may", "might"])
HAVE = frozenset(["have", "has", "had", "having"])
NEEDS_PLURAL = frozenset(["these", "those", "several", "many", "few", "both"]) | set(lexicon_en.NUMBERS.split()[2:])
NEEDS_SINGULAR = frozenset(["a", "an", "every", "each", "another", "this"])
OPENS_PHRASE = frozenset(["a", "an", "the", "my", "your", "his", "its", "our", "their", "every", "each", "some"])
# adverbs that may stand between a subject and its verb
BETWEEN = frozenset(
    [
        "always",
        "never",
        "often",
        "sometimes",
        "usually",
        "also",
        "still",
        "only",
        "just",
        "not",
        "already",
        "really",
        "both",
        "all",
    ]
)
CLAUSE_START = frozenset(
    ["and", "but", "because", "while", "when", "so", "although", "if", "that", "until", "where", "then", "who"]
)
BARE_PREPOSITIONS = frozenset(["of", "in", "with", "from", "for", "at", "into", "on", "by", "near", "behind", "under"])
LOOSE_END = frozenset(
    [
        "the",
        "a",
        "an",
        "my",
        "your",
        "our",
        "their",
        "every",
        "of",
        "from",
        "into",
        "and",
        "but",
        "because",
        "or",
        "very",
    ]
)
WISHES = frozenset(
    [
        "like",
        "likes",
        "liked",
        "love",
        "loves",
        "want",
        "wants",
        "wanted",
        "prefer",
        "prefers",
        "going",
        "have",
        "has",
        "had",
        "need",
        "hope",
        "wish",
    ]
)
# adjectives that may follow their noun
AFTER_NOUN = frozenset(
    [
        "last",
        "next",
        "left",
        "right",
        "first",
        "second",
        "third",
        "full",
        "ready",
        "open",
        "closed",
        "late",
        "early",
        "free",
        "old",
        "away",
        "many",
        "few",
        "much",
    ]
)
TAKES_CLAUSE = frozenset(
    [
        "before",
        "after",
        "until",
        "since",
        "than",
        "as",
        "like",
        "because",
        "said",
        "think",
        "thinks",
        "thought",
        "know",
        "knows",
        "knew",
        "hope",
        "sure",
        "say",
        "says",
        "where",
        "said",
        "remembered",
        "that",
        "wanted",
        "asked",
    ]
)


def judge(words: list[str], proper: dict[str, str]) -> list[str]:
    """The faults of one sentence."""
    plain, tags, unknown = read(words, proper)
    faults = [f"`{word}`: not a word of the lexicon" for word in unknown]
    for rule in (_articles, _phrases, _subjects, _sequences, _verb_or_noun, _order):
        faults += rule(plain, tags)
    return faults


def _at(tags: list[Tags], index: int) -> Tags:
    return tags[index] if 0 <= index < len(tags) else NOTHING


def _articles(words: list[str], tags: list[Tags]) -> list[str]:
    pairs = pairwise(words)
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
        if (
            opens
            and head < 0
            and not a_little
            and not any(tag & {"N!", "M", "T", "?"} for tag in tags[at + 1 : at + 4])
        ):
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
            wrong = not verb & {"Vg", "Vn"} and word not in (
                "let",
                "make",
                "makes",
                "made",
                "help",
                "go",
                "come",
                "please",
            )
        else:
            wrong = False
        if wrong:
            faults.append(f"`{word} {next_word}`: these verb forms cannot follow each other")
    return faults


def _verb_or_noun(words: list[str], tags: list[Tags]) -> list[str]:
    """Words that are a noun too, where only the verb fits: 'is walk', 'she can drinks', 'wants to harvests'."""
    faults = []
    for at in range(len(words) - 1):
        word, tag, before = words[at], tags[at + 1], _at(tags, at - 1)
        if not tag & {"Ns", "Np"} or tag - {"Ns", "Np", "Vb", "Vz"}:
            continue
        counted = words[at + 1] not in lexicon_en.MASS.split()
        bare = word in BE and "Vb" in tag and counted
        third = "Vz" in tag and "Vb" not in tag
        modal = word in MODALS and bool(before & {"S", "N!", "Ns", "Np"})
        wish = word == "to" and words[max(at - 1, 0)] in WISHES
        if bare or (third and (modal or wish)):
            faults.append(f"`{word} {words[at + 1]}`: these verb forms cannot follow each other")
    return faults


def _asks(words: list[str], at: int) -> bool:
    """Whether a question comes before: 'is the cat happy'."""
    return any(word in BE for word in words[max(0, at - 4) : at])


def _order(words: list[str], tags: list[Tags]) -> list[str]:
    faults = []
    for at, (word, after) in enumerate(pairwise(words)):
        next_tags = tags[at + 1]
        only_verb = bool(next_tags & {"Vz", "Vd"}) and not next_tags - {"Vz", "Vd", "Vn", "Vb"}
        if word in LOOSE_END and not after[0].isalnum():
            faults.append(f"`{word}{after}`: the phrase is not finished")
        elif (
            tags[at] <= {"Ns", "Np"} and next_tags == {"M"} and after.isalpha() and words[at + 2 : at + 3] != ["times"]
        ):
            faults.append(f"`{word} {after}`: a number stands before its noun")
        elif after == "be" and not (set(words[max(0, at - 3) : at + 1]) & (MODALS | {"to", "let", "not"})):
            faults.append(f"`{word} be`: the form of `be` is wrong")
        elif (word == "will" and "M" in next_tags) or (
            word in MODALS and "D" in next_tags and after in ("the", "a", "an")
        ):
            faults.append(f"`{word} {after}`: a verb is missing")
        elif word in ONLY_OBJECTS and only_verb and "Vn" not in next_tags:
            faults.append(f"`{word} {after}`: an object cannot act")
        elif after in ONLY_SUBJECTS and (
            ("P" in tags[at] and not tags[at] & {"C", "R"} and word not in TAKES_CLAUSE)
            or (tags[at] <= {"Vb", "Vz", "Vd", "Vn", "Vg"} and word not in TAKES_CLAUSE)
            or tags[at] <= {"A"}
        ):
            faults.append(f"`{word} {after}`: a subject cannot stand here")
        elif tags[at] <= {"Ns", "Np"} and next_tags == {"A"} and after not in AFTER_NOUN and not _asks(words, at):
            faults.append(f"`{word} {after}`: an adjective stands before its noun")
        elif word in BARE_PREPOSITIONS and "P" in next_tags and not next_tags & {"R", "O", "D", "C"}:
            faults.append(f"`{word} {after}`: these words cannot follow each other")
        elif tags[at] <= {"A"} and next_tags & {"D"} and not next_tags - {"D"} and word not in ("all", "both", "busy"):
            faults.append(f"`{word} {after}`: an adjective cannot stand before `{after}`")
    return faults
