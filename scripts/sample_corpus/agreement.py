"""Judges text: does it obey the grammar of the sample corpus?

    check("She have a apple.")  ->  ["`she have`: ...", "`a apple`: ..."]

It looks at the words with the lexicon and its morphology, never at the templates that wrote the corpus, so it can
judge what a trained model makes up. It knows the words of the lexicon only, and it prefers silence to a false alarm:
where a word may be read in two ways, the reading without an error counts. What it looks for stands in
`agreement_en.py` and `agreement_es.py`; here is what both languages share.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from sample_corpus import agreement_en, agreement_es, names, readings_en, readings_es

TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|\d+(?:[.,:]\d+)*|[.,!?¿¡:;]|[^\s\w]")
MARKS = frozenset(".,!?¿¡:;")


def complete_sentences(text: str) -> list[str]:
    """The sentences of a text without an unfinished last one; a line break ends a sentence too."""
    parts = [part for line in text.split("\n") for part in re.split(r"(?<=[.!?]) +", line) if part.strip()]
    if parts and not parts[-1].rstrip().endswith((".", "!", "?")):
        parts.pop()
    return parts


@cache
def proper_names() -> dict[str, str]:
    """Name -> 'f', 'm' or '' (places, surnames, days): capitalised words that both languages accept."""
    groups = [*names.towns(names.TOWNS_EN), *names.towns(names.TOWNS_ES), *names.surnames_en()]
    groups += f"{names.SURNAMES_ES} {names.STREETS_EN} {names.STREETS_ES}".split()
    found = dict.fromkeys(groups, "")
    for gender, people in (("f", f"{names.FEMALE_EN} {names.FEMALE_ES}"), ("m", f"{names.MALE_EN} {names.MALE_ES}")):
        for name in people.split():
            found[name] = gender if found.get(name, gender) in (gender, "") else "fm"
    return found


def detect(sentence: str) -> str:
    """'en' or 'es', by how many of the words each lexicon knows."""
    if re.search("[¿¡ñáéíóú]", sentence.lower()) and not readings_en.all_known(sentence):
        return "es"
    words = [word.lower() for word in TOKEN.findall(sentence) if word[0].isalpha()]
    english = sum(readings_en.is_known(word) for word in words)
    return "en" if english >= sum(readings_es.is_known(word) for word in words) else "es"


def check(text: str, language: str | None = None) -> list[str]:
    """What is wrong with the complete sentences of `text`, for people to read; empty when nothing is.

    `language` is "en" or "es"; None decides for each sentence.
    """
    return [fault for sentence in complete_sentences(text) for fault in check_sentence(sentence, language)]


def check_sentence(sentence: str, language: str | None = None) -> list[str]:
    """What is wrong with one sentence."""
    language = language or detect(sentence)
    words = TOKEN.findall(sentence)
    faults = [*_form(sentence, words), *_marks(sentence, language)]
    judge = agreement_en.judge if language == "en" else agreement_es.judge
    return faults + judge(words, proper_names())


def _form(sentence: str, words: list[str]) -> list[str]:
    faults = []
    first = re.search(r"[^\W_]", sentence)
    if first is None:
        return [f"`{sentence}`: no words"]
    if first[0].islower():
        faults.append(f"`{words[0]}`: no capital at the start")
    if re.search(r" [.,!?:;]|  ", sentence):
        faults.append("a space before a mark, or two spaces")
    for one, two in pairwise(words):
        if one.lower() == two.lower() and not one[0].isdigit():
            faults.append(f"`{one} {two}`: doubled")
        elif one in MARKS and two in MARKS and (one, two) not in ((",", "¿"), (",", "¡"), (":", "¿"), (":", "¡")):
            faults.append(f"`{one} {two}`: marks in a row")
    if words[0] in ".,!?:;":
        faults.append(f"`{words[0]}`: begins with a mark")
    return faults


def _marks(sentence: str, language: str) -> list[str]:
    if language == "en":
        return ["`¿`, `¡`: not English"] if re.search("[¿¡]", sentence) else []
    faults = []
    for opening, closing in (("¿", "?"), ("¡", "!")):
        if sentence.count(opening) != sentence.count(closing):
            faults.append(f"`{opening}` and `{closing}` do not pair")
        elif opening in sentence and sentence.index(opening) > sentence.index(closing):
            faults.append(f"`{closing}` stands before `{opening}`")
    return faults
