"""The checker lets the whole corpus pass and catches what we break in it."""

import re
from collections.abc import Callable
from random import Random

import pytest
from sample_corpus import agreement, english, holdout, lexicon_es, spanish

from tinylm.text.documents import Document

Mutation = Callable[[list[str], Random], list[str] | None]
SAMPLE = 1500


@pytest.fixture(scope="module")
def by_language(corpus: list[Document]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"en": [], "es": []}
    for document in corpus:
        found[document.language] += agreement.complete_sentences(document.text)
    return found


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_whole_corpus_passes(by_language: dict[str, list[str]], language: str) -> None:
    faults = {s: f for s in by_language[language] if (f := agreement.check_sentence(s, language))}
    assert not faults


def test_the_language_is_detected(by_language: dict[str, list[str]]) -> None:
    for language, sentences in by_language.items():
        wrong = [sentence for sentence in sentences[:4000] if agreement.detect(sentence) != language]
        assert len(wrong) <= 0.002 * 4000, wrong


def choose(words: list[str], random: Random, fits: Callable[[int], bool]) -> int | None:
    places = [at for at in range(len(words)) if fits(at)]
    return places[int(random.random() * len(places))] if places else None


def replaced(words: list[str], at: int | None, make: Callable[[int], str]) -> list[str] | None:
    return None if at is None else [*words[:at], make(at), *words[at + 1 :]]


def swap_a_an(words: list[str], random: Random) -> list[str] | None:
    at = choose(words, random, lambda i: words[i] in ("a", "an"))
    return replaced(words, at, lambda i: "an" if words[i] == "a" else "a")


def verb_person_en(words: list[str], random: Random) -> list[str] | None:
    """After a subject pronoun: 'she reads' -> 'she read' would be the past, so only verbs whose base form is not."""
    forms = holdout.lemmas("en").verbs
    other = {"is": "are", "are": "is", "am": "is", "was": "were", "were": "was", "has": "have", "have": "has"}

    def fits(at: int) -> bool:
        word = words[at].lower()
        base = forms.get(word, "")
        present = word in other or (base and word in (base, english.third_person(base)) and english.past(base) != base)
        before = words[at - 1].lower() if at else ""
        ahead = words[at - 2].lower() if at > 1 else ""
        return bool(present) and before in ("i", "he", "she", "we", "they") and ahead not in QUESTIONS

    def make(at: int) -> str:
        word = words[at].lower()
        base = forms.get(word, word)
        return other.get(word) or (english.third_person(base) if word == base else base)

    return replaced(words, choose(words, random, fits), make)


QUESTIONS = frozenset(["do", "does", "did", "can", "could", "will", "would", "must", "should", "may", "might", "shall"])


def impossible_tense_en(words: list[str], random: Random) -> list[str] | None:
    """'will go' -> 'will went', 'to read' -> 'to reads'."""
    forms = holdout.lemmas("en").verbs
    helps = ("to", "will", "would", "can", "did", "must", "should", "not")

    def fits(at: int) -> bool:
        return at > 0 and words[at - 1].lower() in helps and forms.get(words[at]) == words[at] and words[at] != "be"

    return replaced(
        words, choose(words, random, fits), lambda at: RARE_PAST.get(words[at], english.third_person(words[at]))
    )


RARE_PAST = {"go": "went", "see": "saw", "take": "took", "write": "wrote", "eat": "ate"}


def number_en(words: list[str], random: Random) -> list[str] | None:
    """'a red hammer' -> 'a red hammers'."""
    nouns, adjectives = holdout.lemmas("en").nouns, holdout.lemmas("en").adjectives

    def fits(at: int) -> bool:
        if (
            at < 1
            or nouns.get(words[at]) != words[at]
            or english.plural(words[at]) not in nouns
            or words[at] in adjectives
        ):
            return False
        return words[at - 1] in ("a", "an") or (at > 1 and words[at - 2] in ("a", "an") and words[at - 1] in adjectives)

    return replaced(words, choose(words, random, fits), lambda at: english.plural(words[at]))


def nonsense(words: list[str], random: Random) -> list[str] | None:
    at = choose(words, random, lambda i: words[i].isalpha() and words[i].islower())
    return replaced(words, at, lambda i: words[i][::-1] + "q")


def swap_neighbours(words: list[str], random: Random) -> list[str] | None:
    def fits(at: int) -> bool:
        two = words[at : at + 2]
        return at > 0 and len(two) == 2 and all(w.isalpha() and w.islower() for w in two) and two[0] != two[1]

    at = choose(words, random, fits)
    return None if at is None else [*words[:at], words[at + 1], words[at], *words[at + 2 :]]


def double_word(words: list[str], random: Random) -> list[str] | None:
    at = choose(words, random, lambda i: words[i].isalpha() and words[i] not in ("that", "had"))
    return None if at is None else [*words[: at + 1], words[at].lower(), *words[at + 1 :]]


def lower_start(words: list[str], random: Random) -> list[str] | None:
    return [words[0].lower(), *words[1:]] if words[0][0].isupper() else None


def drop_opening(words: list[str], random: Random) -> list[str] | None:
    at = choose(words, random, lambda i: words[i][0] in "¿¡" and len(words[i]) > 1)
    return replaced(words, at, lambda i: words[i][1:].capitalize())


def adjective_gender(words: list[str], random: Random) -> list[str] | None:
    """'una caja roja' -> 'una caja rojo'."""
    nouns = holdout.lemmas("es").nouns
    described = " ".join(lexicon_es.ADJECTIVES[name] for name in ("colour", "age", "trait", "charm", "site")).split()
    two = {a: spanish.feminine(a) for a in described if spanish.feminine(a) != a}
    pairs = two | {f: m for m, f in two.items()}
    pairs |= {spanish.plural(one): spanish.plural(other) for one, other in pairs.items()}
    at = choose(words, random, lambda i: i > 0 and words[i] in pairs and words[i - 1] in nouns)
    return replaced(words, at, lambda i: pairs[words[i]])


def article_gender(words: list[str], random: Random) -> list[str] | None:
    swaps = {"un": "una", "una": "un", "unos": "unas", "unas": "unos", "el": "la", "del": "de la", "al": "a la"}
    nouns = holdout.lemmas("es").nouns

    def fits(at: int) -> bool:
        return words[at] in swaps and at + 1 < len(words) and words[at + 1].strip(".,?!") in nouns

    return replaced(words, choose(words, random, fits), lambda at: swaps[words[at]])


def noun_number(words: list[str], random: Random) -> list[str] | None:
    nouns = holdout.lemmas("es").nouns

    def fits(at: int) -> bool:
        singular = nouns.get(words[at]) == words[at] and spanish.plural(words[at]) != words[at]
        return at > 0 and singular and words[at - 1] in ("un", "una", "el", "su", "mi", "tu")

    return replaced(words, choose(words, random, fits), lambda at: spanish.plural(words[at]))


def verb_person_es(words: list[str], random: Random) -> list[str] | None:
    """'Ana compró' -> 'Ana compraron', where the subject is a name at the start or a pronoun."""
    forms = holdout.lemmas("es").verbs

    def other(word: str) -> str | None:
        for tense in ("pret", "pres", "imp", "fut"):
            persons = spanish.conjugate(forms[word], tense)
            if word in persons:
                return persons[4] if persons[4] != word else persons[2]
        return None

    def fits(at: int) -> bool:
        subject = words[at - 1] if at else ""
        named = at == 1 and subject in agreement.proper_names() and bool(agreement.proper_names()[subject])
        return words[at] in forms and other(words[at]) is not None and (named or subject in ("yo", "él", "ella"))

    return replaced(words, choose(words, random, fits), lambda at: other(words[at]) or "")


def impossible_tense_es(words: list[str], random: Random) -> list[str] | None:
    """'va a comer' -> 'va a come'."""
    forms = holdout.lemmas("es").verbs

    def fits(at: int) -> bool:
        return (
            at > 0
            and words[at - 1] in ("a", "de", "para", "puede", "quiere", "sin")
            and forms.get(words[at]) == words[at]
        )

    return replaced(words, choose(words, random, fits), lambda at: spanish.conjugate(words[at], "pret")[2])


def split_contraction(words: list[str], random: Random) -> list[str] | None:
    at = choose(words, random, lambda i: words[i] in ("al", "del"))
    return replaced(words, at, lambda i: f"{words[i][:-1]} el")


# mutation, language, the least share of broken sentences that must be caught
CLASSES: list[tuple[Mutation, str, float]] = [
    (swap_a_an, "en", 1.0),
    (verb_person_en, "en", 0.9),
    (impossible_tense_en, "en", 0.9),
    (number_en, "en", 0.9),
    (nonsense, "en", 0.99),
    (swap_neighbours, "en", 0.5),  # many swaps stay grammatical: "some red old", "and then later"
    (double_word, "en", 1.0),
    (lower_start, "en", 1.0),
    (drop_opening, "es", 1.0),
    (adjective_gender, "es", 0.9),
    (article_gender, "es", 0.9),
    (noun_number, "es", 0.9),
    (verb_person_es, "es", 0.9),
    (impossible_tense_es, "es", 0.9),
    (split_contraction, "es", 1.0),
    (nonsense, "es", 0.99),
    (swap_neighbours, "es", 0.5),
    (double_word, "es", 1.0),
]


@pytest.mark.parametrize(("mutate", "language", "least"), CLASSES, ids=lambda value: getattr(value, "__name__", None))
def test_mutations_are_caught(by_language: dict[str, list[str]], mutate: Mutation, language: str, least: float) -> None:
    random = Random(7)
    broken = []
    for sentence in by_language[language]:
        if len(broken) == SAMPLE:
            break
        mutated = mutate(sentence.split(" "), random)
        if mutated is not None:
            broken.append(" ".join(mutated))
    missed = [sentence for sentence in broken if not agreement.check_sentence(sentence, language)]
    caught = 1 - len(missed) / len(broken)
    print(f"{mutate.__name__} {language}: {caught:.3f} of {len(broken)}")
    assert len(broken) >= 300
    assert caught >= least, missed[:10]


@pytest.mark.parametrize(
    "text",
    [
        "She have a cat.", "He did went home.", "Anna is walk to the park.", "They was happy.", "I saw an dog.",
        "These apple are sweet.", "The the dog sleeps.", "The cats sleeps here.", "Ana están cansada.",
        "La casa es blanco.", "Voy a come una manzana.", "Fue a el parque.", "¿Cómo estás.", "Hola, cómo estás?",
        "Los perros duerme mucho.", "Me gusta los gatos.", "Yo tiene un perro.", "Luis y Inés leen.",
        "hello, how are you?", "The zorgle sleeps.", "Las casa es grande.", "Ella compró un mesa.",
    ],
)  # fmt: skip
def test_plain_errors_are_named(text: str) -> None:
    assert agreement.check(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello, how are you?", "She has a cat and an old dog.", "Where does Anna live?", "The children were happy.",
        "Hola, ¿cómo estás?", "El agua está fría.", "Me gustan los gatos.", "Ana e Inés leen un libro.",
        "Mi hermana y yo compramos pan.", "La casa es blanca. Vive en un piso.", "I don't know. It's late.",
    ],
)  # fmt: skip
def test_correct_sentences_pass(text: str) -> None:
    assert agreement.check(text) == []


def test_an_unfinished_tail_is_not_judged() -> None:
    assert agreement.complete_sentences("Hello, Ann. She went to th") == ["Hello, Ann."]
    assert agreement.check("The dog sleeps. A apple xq") == []
    assert agreement.complete_sentences("Dear Ann,\nIt costs 2.50 euros. Goo") == ["Dear Ann,", "It costs 2.50 euros."]


def test_faults_quote_the_words() -> None:
    faults = agreement.check("She have a apple.")
    assert any("she have" in fault for fault in faults)
    assert any(re.search("a apple.*an", fault) for fault in faults)
