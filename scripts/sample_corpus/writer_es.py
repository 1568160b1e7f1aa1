"""Writes Spanish: the slots that inflect words and agree with what was said before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from random import Random

from sample_corpus import lexicon_es, names, spanish, verbs_es
from sample_corpus.writer import Referent, Writer, parse_template

# by person
REFLEXIVE = ("me", "te", "se", "nos", "se")
DATIVE = ("me", "te", "le", "nos", "les")
POSSESSIVE = ("mi", "tu", "su", "nuestro", "su")
SUBJECT = {"m": ("yo", "tú", "él", "nosotros", "ellos"), "f": ("yo", "tú", "ella", "nosotras", "ellas")}
FINITE = frozenset(["pret", "pres", "imp", "fut", "cond"])
NOT_FINITE: dict[str, Callable[[str], str]] = {"inf": str, "ger": spanish.gerund, "part": spanish.participle}
RELATIVES = {
    "f": ["madre", "hermana", "abuela", "tía", "prima", "hija", "amiga", "vecina"],
    "m": ["padre", "hermano", "abuelo", "tío", "primo", "hijo", "amigo", "vecino"],
}
ARTICLES = {
    "el": {"ms": "el", "fs": "la", "mp": "los", "fp": "las"},
    "un": {"ms": "un", "fs": "una", "mp": "unos", "fp": "unas"},
    "nuestro": {"ms": "nuestro", "fs": "nuestra", "mp": "nuestros", "fp": "nuestras"},
    "o": {"ms": "o", "fs": "a", "mp": "os", "fp": "as"},
    "lo": {"ms": "lo", "fs": "la", "mp": "los", "fp": "las"},
}

KNOWN_SURNAMES = names.SURNAMES_ES.split()[: names.KNOWN_SURNAMES]
MINUTES = tuple(f"{minute:02}" for minute in range(5, 60, 5))


@cache
def _nouns(group: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The nouns of a group with their gender, and the adjectives that suit them."""
    if group in verbs_es.SUBGROUPS:
        members, model = verbs_es.SUBGROUPS[group]
        pairs = tuple((noun, spanish.genders()[noun][0]) for noun in members.split())
    else:
        masculine, feminine = lexicon_es.NOUNS[group]
        pairs = tuple((noun, "m") for noun in masculine.split()) + tuple((noun, "f") for noun in feminine.split())
        model = group
    adjectives = " ".join(lexicon_es.ADJECTIVES[name] for name in lexicon_es.SUITS.get(model, "").split())
    return pairs, tuple(adjectives.split())


@cache
def _deeds(topic: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """(verbs, what follows them) of a topic."""
    deeds = []
    for line in verbs_es.FRAMES[topic].strip().splitlines():
        verbs, _, tail = line.strip().partition(" {")
        deeds.append((tuple(verbs.split("/")), "{" + tail))
    return tuple(deeds)


def with_article(article: str, words: str, noun: str, shape: str) -> str:
    """'el'/'un' before a feminine noun that begins with a stressed a, when nothing stands between: 'el agua'."""
    if shape == "fs" and article in ("el", "un") and words.split()[0] == noun and noun in lexicon_es.STRESSED_A.split():
        shape = "ms"
    return f"{ARTICLES[article][shape]} {words}"


class SpanishWriter(Writer):
    """See `Writer`; the slots are listed in `__init__`."""

    conjunction = "y"

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        # several people, we, somebody, and what colours are named after: a colour (m), streets, ears, eyes
        self.company = {
            "P": Referent("ellos", 4, "m"),
            "W": Referent("nosotros", 3, "m"),
            "H": Referent("alguien", 2, "m"),
            "M": Referent("color", 2, "m"),
            "C": Referent("calles", 4, "f"),
            "D": Referent("orejas", 4, "f"),
            "E": Referent("ojos", 4, "m"),
        }
        self.slots = {
            **{
                form: partial(self._deed, form) for form in ("pret", "pres", "imp", "fut", "cond", "inf", "ger", "part")
            },
            **{article: partial(self._article, article) for article in ("el", "un", "su", "tu")},
            **{word: partial(self._list_phrase, word) for word in ("unos", "los", "bare", "num", "plural")},
            "a": lambda group: "a " + self._article(self.pick(("el", "un", "su")), group),
            "v": self._verb,
            "o": lambda key="": ARTICLES["o"][self._shape(key)],
            "lo": lambda key="": ARTICLES["lo"][self._shape(key)],
            "se": lambda key="": REFLEXIVE[self.referent(key or self.focus).person],
            "le": lambda key="": DATIVE[self.referent(key or self.focus).person],
            "él": lambda key="": self._subject(key),
            "poss": self._possessed,
            "adj": self._adjective,
            "suits": self._suiting,
            "number": lambda low, high, gender="m": spanish.number(self.between(int(low), int(high)), gender),
            "digits": self.figure,
            "price": self._price,
            "cents": lambda: f"{self.between(1, 5)},{self.pick(('10', '20', '40', '50', '75', '90'))} euros",
            "recent": lambda: str(self.between(1960, 2024)),
            "cost": lambda: self._once("cost", self._price),
            "time": self._time,
            "clock": lambda: f"{self.between(6, 22)}:{self.pick(MINUTES)}",
            "year": lambda: str(5 * self.between(380, 404)),
            "date": lambda: f"{self.between(1, 28)} de {self.pick(lexicon_es.MONTHS.split())}",
            "weekday": lambda: self.pick(lexicon_es.WEEKDAYS.split()),
            "month": lambda: self.pick(lexicon_es.MONTHS.split()),
            "season": lambda: self.pick(("el verano", "el otoño", "el invierno", "la primavera")),
            "sky": lambda: self.pick(lexicon_es.ADJECTIVES["sky"].split()),
            "town": lambda: self._once("town", lambda: self.pick(names.known_towns(names.TOWNS_ES))),
            "elsewhere": lambda: self.pick(names.known_towns(names.TOWNS_ES)),
            "stop": lambda: self.pick(names.towns(names.TOWNS_ES)),
            "street": lambda: f"calle {self.pick(names.STREETS_ES.split())}",
            "surname": lambda key="": self._once(f"surname{key}", lambda: self.pick(KNOWN_SURNAMES)),
            "given": lambda: self.pick(f"{names.FEMALE_ES} {names.MALE_ES}".split()),
            "any_surname": lambda: self.pick(names.SURNAMES_ES.split()),
            "opening": lambda: f"{self.between(7, 11)}:{self.pick(('00', '15', '30', '45'))}",
            "closing": lambda: f"{self.between(13, 21)}:{self.pick(('00', '15', '30', '45'))}",
            "trade": self._trade,
            "kin": lambda key: self.pick(RELATIVES[self._shape(key)[0]]),
            "cuanto": lambda key: "cuánt" + ARTICLES["o"][self._shape(key)],
            "sum": self._sum,
            "manner": lambda: self.pick(lexicon_es.MANNERS.split()),
        }

    def introduce(self, kind: str, taken: Sequence[str]) -> Referent:
        if kind == "any":
            kind = self.pick(("I", "name", "name", "name", "pair", "we"))
        gender = self.pick("fm")
        pool = (names.FEMALE_ES if gender == "f" else names.MALE_ES).split()
        name = self.pick([name for name in pool if name not in taken])
        if kind == "I":
            return Referent("yo", 0, gender)
        if kind == "you":
            return Referent("tú", 1, gender)
        if kind == "we":
            return Referent(f"mi {self.pick(RELATIVES[gender])} y yo", 3, "m")
        if kind == "pair":
            other = self.pick([other for other in pool if other != name and other not in taken])
            return Referent(f"{name} y {other}", 4, gender)
        if kind == "role":
            trade, gender = self.pick(_nouns("person")[0])
            return Referent(f"{'la' if gender == 'f' else 'el'} {trade}", 2, gender)
        if kind == "kin":
            return Referent(self.pick(RELATIVES[gender][:6]), 2, gender)
        return Referent(name, 2, gender)

    def finish(self, text: str) -> str:
        return spanish.contract(text)

    def _shape(self, key: str = "") -> str:
        who = self.referent(key or self.focus)
        return who.gender + ("p" if who.person > 2 else "s")

    def _subject(self, key: str = "") -> str:
        who = self.referent(key or self.focus)
        return SUBJECT[who.gender][who.person]

    def _verb(self, verb: str, tense: str, key: str = "") -> str:
        return spanish.conjugate(verb, tense)[self.referent(key or self.focus).person]

    def _deed(self, form: str, topic: str, key: str = "") -> str:
        before, self.focus = self.focus, key or self.focus
        text = self.extended(partial(self._bare_deed, form, topic), topic, verbs_es.ADJUNCTS)
        self.focus = before
        return text

    def _bare_deed(self, form: str, topic: str) -> str:
        verbs, tail = self.pick(_deeds(topic))
        verb, _, particle = self.pick(verbs).partition(" ")
        inflected = self._verb(verb, form) if form in FINITE else NOT_FINITE[form](verb)
        parts = [inflected, particle, self.render(parse_template(tail))]
        return " ".join(part for part in parts if part)

    def _described(self, group: str, number: str, *, bare: bool) -> tuple[str, str, str]:
        """A noun of the group, often with an adjective: (words, noun, gender + number)."""
        pairs, adjectives = _nouns(group)
        noun, gender = self.pick(pairs)
        mass = noun in lexicon_es.MASS.split()
        number = "s" if mass else number
        form = spanish.plural(noun) if number == "p" else noun
        words = form
        if adjectives and not bare and self.chance(0.62):
            adjective = self.pick(adjectives)
            agreed = spanish.agree(adjective, gender=gender, number=number)
            if agreed == form:  # "una cómoda cómoda"
                agreed = spanish.agree("nuevo", gender=gender, number=number)
            before = adjective in lexicon_es.BEFORE.split() and self.chance(0.4)
            words = f"{agreed} {form}" if before else f"{form} {agreed}"
        self.last = Referent(form, 4 if number == "p" else 2, gender)
        return words, form, gender + number

    def _article(self, article: str, group: str, option: str = "") -> str:
        if group in self.known:
            thing = self.referent(group)
            words, noun, shape = thing.name, thing.name, self._shape(group)
        else:
            words, noun, shape = self._described(group, "s", bare=option == "-")
            if article == "un" and noun in lexicon_es.MASS.split():
                return words
        if article == "tu":
            return f"tu {words}"
        if article == "su":
            return self._owned(words, shape)
        return with_article(article, words, noun, shape)

    def _owned(self, words: str, shape: str) -> str:
        owner = POSSESSIVE[self.referent(self.focus).person]
        if owner == "nuestro":
            return f"{ARTICLES['nuestro'][shape]} {words}"
        return f"{owner}{'s' if shape[1] == 'p' else ''} {words}"

    def _possessed(self, noun: str) -> str:
        """'mi perro', 'nuestra casa': a given noun (singular or plural) with the possessive of who acts."""
        if noun in spanish.genders():
            return self._owned(noun, spanish.genders()[noun][0] + "s")
        for singular, gender in spanish.genders().items():
            if spanish.plural(singular) == noun:
                return self._owned(noun, gender[0] + "p")
        raise ValueError(f"`{noun}` is not in the Spanish lexicon")

    def _list_phrase(self, kind: str, group: str, option: str = "") -> str:
        words, noun, shape = self._described(
            group, "s" if kind == "bare" else "p", bare=option == "-" or kind == "bare"
        )
        if kind == "bare" or kind == "plural" or (kind in ("unos", "num") and shape[1] == "s"):
            return words
        if kind == "num":
            return f"{spanish.number(self.between(2, 12), shape[0])} {words}"
        return with_article("un" if kind == "unos" else "el", words, noun, shape)

    def _adjective(self, group: str, key: str = "") -> str:
        shape = self._shape(key)
        return spanish.agree(self.pick(lexicon_es.ADJECTIVES[group].split()), gender=shape[0], number=shape[1])

    def _suiting(self, group: str, key: str = "") -> str:
        shape = self._shape(key)
        return spanish.agree(self.pick(_nouns(group)[1]), gender=shape[0], number=shape[1])

    def _trade(self, key: str = "") -> str:
        gender = self._shape(key)[0]
        return self.pick([noun for noun, own in _nouns("person")[0] if own == gender])

    def _sum(self) -> str:
        """A true sum, in words or digits."""
        left, right = self.between(2, 60), self.between(2, 39)
        if self.chance(0.5):
            return f"{spanish.number(left)} más {spanish.number(right)} son {spanish.number(left + right)}."
        return f"{left} más {right} son {left + right}."

    def _price(self) -> str:
        euros = self.between(2, 48)
        return self.pick((f"{euros} euros", f"{euros},50 euros"))

    def _time(self) -> str:
        hour = self.between(1, 12)
        start = "la una" if hour == 1 else f"las {spanish.number(hour, 'f')}"
        return start + self.pick(("", " y media", " y cuarto", " menos cuarto", " en punto"))
