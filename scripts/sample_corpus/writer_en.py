"""Writes English: the slots that inflect words and agree with what was said before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from random import Random

from sample_corpus import english, lexicon_en, names, verbs_en
from sample_corpus.writer import Referent, Writer, parse_template

# subject, object, possessive, reflexive pronouns by person (he, she, it stand apart)
PRONOUNS = {
    "he": ("I", "you", "", "we", "they"),
    "him": ("me", "you", "", "us", "them"),
    "his": ("my", "your", "", "our", "their"),
    "himself": ("myself", "yourself", "", "ourselves", "themselves"),
}
THIRD = {
    "he": {"m": "he", "f": "she", "n": "it"},
    "him": {"m": "him", "f": "her", "n": "it"},
    "his": {"m": "his", "f": "her", "n": "its"},
    "himself": {"m": "himself", "f": "herself", "n": "itself"},
}
# auxiliaries by person
AUXILIARIES = {
    "is": ("am", "are", "is", "are", "are"),
    "was": ("was", "were", "was", "were", "were"),
    "has": ("have", "have", "has", "have", "have"),
    "do": ("do", "do", "does", "do", "do"),
}
RELATIVES = {
    "f": ["mother", "sister", "grandmother", "aunt", "cousin", "daughter", "friend", "neighbour"],
    "m": ["father", "brother", "grandfather", "uncle", "cousin", "son", "friend", "neighbour"],
}

KNOWN_SURNAMES = names.SURNAMES_EN.split()[: names.KNOWN_SURNAMES]
MINUTES = tuple(f"{minute:02}" for minute in range(5, 60, 5))


@cache
def _nouns(group: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The nouns of a group and the adjectives that suit them."""
    members, model = verbs_en.SUBGROUPS.get(group) or (lexicon_en.NOUNS[group], group)
    adjectives = " ".join(lexicon_en.ADJECTIVES[name] for name in lexicon_en.SUITS.get(model, "").split())
    return tuple(members.split()), tuple(adjectives.split())


@cache
def _deeds(topic: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """(verbs, what follows them) of a topic."""
    deeds = []
    for line in verbs_en.FRAMES[topic].strip().splitlines():
        verbs, _, tail = line.strip().partition(" {")
        deeds.append((tuple(verbs.split("/")), "{" + tail))
    return tuple(deeds)


class EnglishWriter(Writer):
    """See `Writer`; the slots are listed in `__init__`."""

    conjunction = "and"

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.company = {"P": Referent("they", 4, "m")}
        self.slots = {
            **{form: partial(self._deed, form) for form in ("past", "pres", "base", "ing", "done")},
            **{pronoun: partial(self._pronoun, pronoun) for pronoun in PRONOUNS},
            **{word: partial(self._auxiliary, word) for word in AUXILIARIES},
            **{
                article: partial(self._noun_phrase, article)
                for article in ("a", "the", "my", "some", "pl", "num", "sg", "plain")
            },
            "v": self._verb,
            "adj": self._adjective,
            "suits": self._suiting,
            "number": lambda low, high: english.number(self.between(int(low), int(high))),
            "digits": self.figure,
            "price": self._price,
            "cents": lambda: f"{self.between(1, 5)}.{self.pick(('10', '20', '40', '50', '75', '90'))} euros",
            "recent": lambda: str(self.between(1960, 2024)),
            "cost": lambda: self._once("cost", self._price),
            "time": self._time,
            "clock": lambda: f"{self.between(6, 22)}:{self.pick(MINUTES)}",
            "year": lambda: str(5 * self.between(380, 404)),
            "date": lambda: f"{self.pick(lexicon_en.MONTHS.split())} {self.between(1, 28)}",
            "weekday": lambda: self.pick(lexicon_en.WEEKDAYS.split()),
            "month": lambda: self.pick(lexicon_en.MONTHS.split()),
            "season": lambda: self.pick(lexicon_en.NOUNS["season"].split()),
            "sky": lambda: self.pick(lexicon_en.ADJECTIVES["sky"].split()),
            "town": lambda: self._once("town", lambda: self.pick(names.known_towns(names.TOWNS_EN))),
            "elsewhere": lambda: self.pick(names.known_towns(names.TOWNS_EN)),
            "stop": lambda: self.pick(names.towns(names.TOWNS_EN)),
            "street": lambda: f"{self.pick(names.STREETS_EN.split())} Street",
            "surname": lambda key="": self._once(f"surname{key}", lambda: self.pick(KNOWN_SURNAMES)),
            "given": lambda: self.pick(f"{names.FEMALE_EN} {names.MALE_EN}".split()),
            "any_surname": lambda: self.pick(names.surnames_en()),
            "opening": lambda: f"{self.between(7, 11)}:{self.pick(('00', '15', '30', '45'))}",
            "closing": lambda: f"{self.between(13, 21)}:{self.pick(('00', '15', '30', '45'))}",
            "sum": self._sum,
            "manner": lambda: self.pick(lexicon_en.MANNERS.split()),
            "trade": lambda: self.pick(_nouns("person")[0]),
            "atrade": self._trade,
        }

    def introduce(self, kind: str, taken: Sequence[str]) -> Referent:
        if kind == "any":
            kind = self.pick(("I", "name", "name", "name", "pair", "we"))
        gender = self.pick("fm")
        pool = (names.FEMALE_EN if gender == "f" else names.MALE_EN).split()
        name = self.pick([name for name in pool if name not in taken])
        if kind == "I":
            return Referent("I", 0, gender)
        if kind == "you":
            return Referent("you", 1, gender)
        if kind == "we":
            return Referent(f"my {self.pick(RELATIVES[gender])} and I", 3, "m")
        if kind == "pair":
            other = self.pick([other for other in pool if other != name and other not in taken])
            return Referent(f"{name} and {other}", 4, "m")
        if kind == "role":
            gender = self.pick("fm")
            return Referent(f"the {self.pick(_nouns('person')[0])}", 2, gender)
        if kind == "kin":
            return Referent(self.pick(RELATIVES[gender][:6]), 2, gender)
        return Referent(name, 2, gender)

    def finish(self, text: str) -> str:
        return text

    def _pronoun(self, case: str, key: str = "") -> str:
        who = self.referent(key or self.focus)
        return THIRD[case][who.gender] if who.person == 2 else PRONOUNS[case][who.person]

    def _auxiliary(self, word: str, key: str = "") -> str:
        return AUXILIARIES[word][self.referent(key or self.focus).person]

    def _verb(self, verb: str, key: str = "") -> str:
        return english.third_person(verb) if self.referent(key or self.focus).person == 2 else verb

    def _deed(self, form: str, topic: str, key: str = "") -> str:
        before, self.focus = self.focus, key or self.focus
        text = self.extended(partial(self._bare_deed, form, topic), topic, verbs_en.ADJUNCTS)
        self.focus = before
        return text

    def _bare_deed(self, form: str, topic: str) -> str:
        verbs, tail = self.pick(_deeds(topic))
        verb, _, particle = self.pick(verbs).partition(" ")
        forms: dict[str, Callable[[str], str]] = {
            "past": english.past,
            "base": str,
            "ing": english.gerund,
            "done": english.participle,
            "pres": self._verb,
        }
        parts = [forms[form](verb), particle, self.render(parse_template(tail))]
        return " ".join(part for part in parts if part)

    def _noun_phrase(self, article: str, group: str, *options: str) -> str:
        """An article with a noun of the group, often with an adjective; "-" as an option leaves the adjective out."""
        if group in self.known:
            thing = self.referent(group)
            return {"the": f"the {thing.name}", "my": f"{self._pronoun('his')} {thing.name}"}[article]
        members, adjectives = _nouns(group)
        noun = self.pick(members)
        mass = noun in lexicon_en.MASS.split()
        adjective = self.pick(adjectives) + " " if adjectives and "-" not in options and self.chance(0.62) else ""
        many = article in ("some", "pl", "num") and not mass
        words = adjective + (english.plural(noun) if many else noun)
        self.last = Referent(english.plural(noun) if many else noun, 4 if many else 2, "n")
        match article:
            case "a" if not mass:
                return f"{english.article(words)} {words}"
            case "the":
                return f"the {words}"
            case "my":
                return f"{self._pronoun('his')} {words}"
            case "num":
                return f"{english.number(self.between(2, 12))} {words}"
            case "pl" | "sg" | "plain":
                return words
        return f"some {words}"

    def _trade(self) -> str:
        trade = self.pick(_nouns("person")[0])
        return f"{english.article(trade)} {trade}"

    def _adjective(self, group: str, key: str = "") -> str:
        return self.pick(lexicon_en.ADJECTIVES[group].split())

    def _suiting(self, group: str) -> str:
        return self.pick(_nouns(group)[1])

    def _sum(self) -> str:
        """A true sum, in words or digits."""
        left, right = self.between(2, 60), self.between(2, 39)
        if self.chance(0.5):
            return f"{english.number(left)} and {english.number(right)} is {english.number(left + right)}."
        return f"{left} plus {right} is {left + right}."

    def _price(self) -> str:
        euros = self.between(2, 48)
        return self.pick((f"{euros} euros", f"{euros}.50 euros"))

    def _time(self) -> str:
        hour = english.number(self.between(1, 12))
        return self.pick((f"{hour} o'clock", f"half past {hour}", f"a quarter past {hour}", f"a quarter to {hour}"))
