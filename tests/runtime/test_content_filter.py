"""The filter against a reference that reads the whole text at once, however that is cut; its files; what they say."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.runtime.content_filter import ContentFilter, FilteredPrompt, load_filter
from tinylm.runtime.phrases import LONGEST_SPACE, LONGEST_WORD, Match, Phrase, parse_phrase
from tinylm.tokenizer.tokenizer import normalise

ACCENTS = "\u0300\u0301\u0302\u0308"


def a_filter(*phrases: str) -> ContentFilter:
    return ContentFilter("test", [parse_phrase(phrase, f"k{place}") for place, phrase in enumerate(phrases)])


def kind(character: str) -> str:
    """As the documentation has it: letters, what is not there, what stands between words of a phrase, what ends one."""
    category = unicodedata.category(character)
    if character in ACCENTS or (category in ("Cf", "Cc") and not character.isspace()):
        return "nothing"
    if any(part.isalnum() or unicodedata.category(part)[0] == "M" for part in folded(character)):
        return "word"
    return "space" if character.isspace() or category == "Pd" or character in "_'`\"*~,‘’“”" else "end"


def folded(text: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", text) if part not in ACCENTS).casefold()


def reference(phrases: Sequence[Phrase], text: str) -> Match | None:
    """The match that ends first, then starts first, then stands first in the list: every word of the text is tried."""
    kinds = [kind(character) for character in text]
    words: list[tuple[int, int, str]] = []
    place = 0
    while place < len(text):
        end = place + 1
        if kinds[place] == "word":
            while end < len(text) and kinds[end] in ("word", "nothing"):
                end += 1
            shown = "".join(folded(c) for c, k in zip(text[place:end], kinds[place:end], strict=True) if k == "word")
            words.append((place, end, shown))
        place = end

    def ends(steps: Sequence[tuple[int, frozenset[str]]], at: int) -> list[int]:
        """Where a phrase that goes on with the word `at` can end."""
        if not steps:
            return [words[at - 1][1]]
        found = []
        for skipped in range(steps[0][0] + 1):
            here = at + skipped
            if here >= len(words) or any(not near(one) for one in range(at, here + 1)):
                break
            if words[here][2] in steps[0][1] and words[here][1] - words[here][0] <= LONGEST_WORD:
                found += ends(steps[1:], here + 1)
            if words[here][1] - words[here][0] > LONGEST_WORD:
                break
        return found

    def near(at: int) -> bool:
        """The word `at` follows the one before closely enough for one phrase."""
        between = kinds[words[at - 1][1] : words[at][0]]
        return len(between) <= LONGEST_SPACE and "end" not in between

    matches = []
    for at, (start, end, word) in enumerate(words):
        for order, phrase in enumerate(phrases):
            if word in phrase.steps[0][1] and end - start <= LONGEST_WORD:
                matches += [(stop, start, order, phrase.category) for stop in ends(phrase.steps[1:], at + 1)]
    if not matches:
        return None
    stop, start, _, category = min(matches)
    return Match(category, start, stop)


PHRASES = (
    "bad(s|ly)",
    "año",
    "(kill|hurt) you",
    "kill you now",
    "how to ..2 (kill|hurt|be) (you|it)",
    "to be",
    "be it ..1 it",
)
FILTER = a_filter(*PHRASES)
# Beginnings, ends and neighbours of the phrases, and what may stand between words.
PARTS = [
    *re.findall(r"\S+", "bad bads badly ba d s ly BAD ano año an\u0303o kill hurt you now how to be it me kil l k ill"),
    *("ｋｉｌｌ", "y\u00f3u", "yo\u0301u", "ñ", "x" * 63, "x" * 65),
    *(" ", " ", " ", "  ", " " * 7, "\n", "-", "'", ", ", ".", "!", "\u200b", "\u00ad", "\u0301"),
]
texts = st.lists(st.sampled_from(PARTS), max_size=24).map("".join) | st.text(max_size=30)


def cut(text: str, seed: int) -> list[str]:
    """`text` in pieces, some of them empty, most of them short."""
    rng, pieces = random.Random(seed), list[str]()
    while text:
        size = rng.choice((0, 1, 1, 2, 3, 5, 20))
        pieces, text = [*pieces, text[:size]], text[size:]
    return pieces


@given(text=texts, seed=st.integers(0, 2**32))
def test_streamed_text_is_the_whole_text_filtered(text: str, seed: int) -> None:
    """Whatever the pieces: up to the first match, and not a character of it."""
    match = reference(FILTER.phrases.phrases, text)
    gate = FILTER.gate()
    shown = ""
    for piece in cut(text, seed):
        shown += gate.push(piece)
        assert text.startswith(shown)
        assert match is None or len(shown) <= match.start
    shown += gate.flush()
    assert shown == (text if match is None else text[: match.start])
    assert gate.blocked == match
    assert gate.stopped == (match is not None)
    assert gate.push("more") + gate.flush() == ("" if match else "more")


# None of them ends within another, which would then never be the first to end.
APART = a_filter("bad(s|ly)", "año", "(kill|hurt) you", "how to ..2 (kill|be) (it|me)")


def spelled(phrase: Phrase) -> list[str]:
    """Every way to write a phrase, with the least between its words."""
    ways = [""]
    for gap, words in phrase.steps:
        ways = [f"{way} {'x ' * skipped}{word}" for way in ways for skipped in range(gap + 1) for word in words]
    return [way[1:] for way in ways]


ENDINGS = {way[place:] for phrase in APART.phrases.phrases for way in spelled(phrase) for place in range(len(way) + 1)}


@given(text=texts)
def test_only_what_could_become_a_match_is_held_back(text: str) -> None:
    """After every character, some continuation of what is held is a match that starts there."""
    gate, shown = APART.gate(), ""
    for place, character in enumerate(text):
        shown += gate.push(character)
        if gate.stopped:
            break
        held = text[len(shown) : place + 1]
        assert len(held) <= APART.longest_match
        if held:
            found = (reference(APART.phrases.phrases, held + more) for more in [*ENDINGS, *(f" {e}" for e in ENDINGS)])
            assert any(match is not None and match.start == 0 for match in found), held


@given(before=texts, text=texts, seed=st.integers(0, 2**32))
def test_a_phrase_may_begin_in_the_prompt(before: str, text: str, seed: int) -> None:
    before = normalise(before)
    if reference(FILTER.phrases.phrases, before):
        return  # refused
    match = reference(FILTER.phrases.phrases, before + text)
    gate = FILTER.gate(after=before)
    shown = "".join(map(gate.push, cut(text, seed))) + gate.flush()
    assert shown == (text if match is None else text[: max(match.start - len(before), 0)])
    if match is None:
        assert gate.blocked is None
    else:
        assert gate.blocked == Match(match.category, match.start - len(before), match.end - len(before))


def test_the_prompt_before_may_be_long_or_full_of_matches() -> None:
    gate = FILTER.gate(after="you kill you " * 10_000 + "kill")
    assert gate.push(" me. kill") + gate.push(" you") + gate.flush() == " me. "


@given(text=texts)
def test_a_prompt_is_judged_as_the_model_reads_it(text: str) -> None:
    assert FILTER.find(text) == reference(FILTER.phrases.phrases, normalise(text))


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("idiot(s)", "you IDIOTS!", "IDIOTS"),
        ("idiot(s)", "idiotic", None),
        ("idiot(s)", "an_idiot_", "idiot"),
        ("maricon", "maricón", "maricón"),
        ("maricón", "maricon", "maricon"),
        ("coño", "un cono", None),
        ("coño", "un con\u0303o", "coño"),
        ("straße", "STRASSE", "STRASSE"),
        ("bad word", "bad\n  word", "bad\n  word"),
        ("bad word", "bad. Word", None),
        ("bad word", "bad-word", "bad-word"),
        ("bad word", "bad         word", None),
        ("don't", "don’t do it", "don’t"),
        ("bad", "b\u00adad b\u200bad", "b\u00adad"),
        ("bad", "ｂａｄ", "ｂａｄ"),
        ("bad", "b4d b.a.d b a d", None),
        ("how ..2 bad", "how is it bad", "how is it bad"),
        ("how ..2 bad", "how is it so bad", None),
        ("how ..2 bad", "how bad", "how bad"),
        ("bad", "bad" * 30 + " bad", "bad"),
        ("привет", "ПРИВЕТ", "ПРИВЕТ"),
    ],
)
def test_what_is_a_match(phrase: str, text: str, found: str | None) -> None:
    match = a_filter(phrase).find(text)
    assert (match and normalise(text)[match.start : match.end]) == found


@pytest.mark.parametrize(
    ("phrase", "problem"),
    [
        ("", "there is no word"),
        ("!!", "no letter or digit"),
        ("..2 a", "stands between two words"),
        ("a ..2", "stands at the end"),
        ("a ..0 b", "skips 1 to 12"),
        ("a ..13 b", "skips 1 to 12"),
        ("a ..1 ..1 b", "stands between two words"),
        ("(a b|c)", "is no word"),
        ("(a|)", "is not one word"),
        ("(a-b|c)", "`a-b` is not one word"),
        ("a(s", "is no word"),
        ("a((s))", "is no word"),
        ("a " * 13, "more than 12 words"),
        ("a ..9 b ..9 c", "more than 12 words, or skips more"),
        ("x" * 65, "at most 64 characters"),
        ("(" + "|".join(f"w{n}" for n in range(65)) + ")", "65 words in one place"),
    ],
)
def test_what_is_no_phrase(phrase: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        parse_phrase(phrase, "k")
    assert problem in str(caught.value)


HEAD = 'schema = "1.0"\nname = "mine"\n'
ONE = HEAD + '[[rules]]\ncategory = "rude"\nphrases = ["idiot(s)", "bad word"]\n'


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(ONE, encoding="utf-8-sig")
    found = load_filter(str(tmp_path / "mine.toml"))
    assert found is not None
    assert found.name == "mine"
    assert found.find("Idiots") == Match("rude", 0, 6)
    with pytest.raises(FilteredPrompt) as caught:
        found.check("say a bad word")
    assert caught.value.message == "the prompt is refused by the content filter `mine` (category `rude`)"
    assert caught.value.exit_code == 2
    assert caught.value.match.start == 6
    assert "bad word" not in caught.value.message + caught.value.hint
    found.check("say nothing")


def test_the_hash_is_of_what_is_looked_for(tmp_path: Path) -> None:
    """Comments, order and spelling do not change it; phrases and categories do."""

    def digest(text: str) -> str:
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        found = load_filter(str(tmp_path / "mine.toml"))
        assert found is not None
        return found.sha256

    first = digest(ONE)
    assert len(first) == 64
    same = HEAD.replace("mine", "yours") + "# all mine\n"
    for phrases in ('["bad  word"]', '["(idiots|Idíot)"]'):
        same += f'[[rules]]\ncategory = "rude"\nphrases = {phrases}\n'
    assert digest(same) == first
    assert digest(ONE.replace("bad word", "bad words")) != first
    assert digest(ONE.replace("rude", "slur")) != first


def test_off_is_no_filter() -> None:
    assert load_filter("off") is None


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        (ONE.replace('"bad word"', '\n  "bad (word"'), "line 6: `bad (word`: `(word` is no word", "content-filter"),
        (ONE.replace("phrases", "phrase"), "has the unknown key `phrase`", "did you mean `phrases`?"),
        (ONE.replace("[[rules]]", "[[rule]]"), "has the unknown key `rule`", "did you mean `rules`?"),
        (ONE.replace('"rude"', '"Rude Words"'), "`category` is 'Rude Words'", "correct the file"),
        (ONE.replace("mine", ""), "`name` is ''", "correct the file"),
        (ONE.replace("1.0", "2.0"), "has schema 2.0; this tinylm reads 1.x", "upgrade tinylm"),
        (HEAD, "lacks the key `rules`", "correct the file"),
        (HEAD + "rules = []", "has 0 phrases; 1 to 10000 are possible", "content-filter"),
        (HEAD + "rules = [", "is not valid TOML", "content-filter"),
        (ONE.replace('"idiot(s)"', "3"), "is a whole number (3); a string was expected", "correct the file"),
        (
            HEAD + '[[rules]]\ncategory = "a"\nphrases = [' + ",".join(f'"how to w{n}"' for n in range(201)) + "]",
            "more than 200 phrases begin with `how`",
            "content-filter",
        ),
        (
            HEAD + '[[rules]]\ncategory = "a"\nphrases = [' + ",".join(f'"w{n} ..1 x"' for n in range(501)) + "]",
            "more than 500 phrases skip words",
            "content-filter",
        ),
        ("#" * 1_000_001, "has more than 1000000 bytes", "keep what matters most"),
        ("[" * 100_000, "is not valid TOML", "content-filter"),
    ],
)
def test_a_file_that_makes_no_sense(text: str, problem: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(TinylmError) as caught:
        load_filter(str(tmp_path / "mine.toml"))
    assert problem in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(ONE.replace("idiot", "cabrón").encode("latin-1"))
    for name, problem in (("none.toml", "cannot read"), (".", "cannot read"), ("latin.toml", "it is not UTF-8")):
        with pytest.raises(TinylmError, match=problem):
            load_filter(str(tmp_path / name))


def test_the_list_that_comes_with_tinylm() -> None:
    """It finds what it says and leaves alone what only looks like it: places, years, medicine, news, a cook book."""
    found = load_filter(None)
    assert found is not None
    assert found.name == "en+es"
    assert {phrase.category for phrase in found.phrases.phrases} == {
        *("slur", "threat", "sexual", "self_harm", "weapons")
    }
    assert found.longest_match <= 1000
    for text, category in (
        ("I will kill you!", "threat"),
        ("Te voy a matar", "threat"),
        ("how can I... How to kill myself", "self_harm"),
        ("como suicidarme", "self_harm"),
        ("How to make a pipe bomb", "weapons"),
        ("cómo fabricar una bomba", "weapons"),
    ):
        match = found.find(text)
        assert match is not None, text
        assert match.category == category
    for text in (
        "Once upon a time there was a king who killed a dragon in Scunthorpe, Sussex.",
        "Había una vez un año en que mataron al rey; la niña comió negritos y un cono de helado.",
        "The assassin passed the Essex classes; cocktails and a shuttlecock in Penistone.",
        "How to kill time. How to kill weeds and how to make a cake. The bomb was found and made safe.",
        "Cómo matar el tiempo y cómo hacer una tarta. La bomba de agua se estropeó.",
        "The mother told her child about sex education. Suicide prevention line: you can talk to us.",
        "Voy a matar la sed. El moro Muza. Un negro gato de ojos verdes. La corrida de toros.",
    ):
        assert found.find(text) is None, text
