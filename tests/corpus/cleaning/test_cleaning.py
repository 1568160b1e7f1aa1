"""Unwrapping: prose becomes whole paragraphs, and every newline that means something stays."""

from __future__ import annotations

import random
import textwrap

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinylm.corpus.cleaning.cleaning import clean
from tinylm.tokenizer.tokenizer import normalise

PARAGRAPHS = [
    "The harbour master walked down to the quay every morning before the first boats came in, and counted the gulls "
    "that sat on the wall, because his father had told him that an even number meant calm water until the evening.",
    "Nobody in the village believed it, of course, but they asked him all the same, and he answered them gravely, "
    "with his cap in his hand, as if the question had been put to him by a minister of the crown in full dress.",
    "One day there was a single gull, and he went home again, took the long oilskin from its nail and waited for "
    "the wind that he knew would come before noon out of the north, and it came, and it stayed for eleven days.",
]


def wrap(*paragraphs: str, width: int = 70, between: str = "\n\n", first: str = "") -> str:
    return between.join(textwrap.fill(p, width, initial_indent=first, break_on_hyphens=True) for p in paragraphs)


@pytest.mark.parametrize("width", [55, 65, 72, 79, 100])
def test_wrapped_paragraphs_are_restored(width: int) -> None:
    assert clean(wrap(*PARAGRAPHS, width=width)) == "\n\n".join(PARAGRAPHS)


def test_lines_of_chinese_are_joined_without_a_space() -> None:
    random_ = random.Random(0)
    text = "".join(chr(random_.randrange(0x4E00, 0x4F00)) + "，" * (random_.random() < 0.1) for _ in range(2000)) + "。"
    wrapped = "\n".join(text[place : place + 60] for place in range(0, len(text), 60))
    cleaned = clean(wrapped)
    assert cleaned.count("\n") < wrapped.count("\n") / 2
    assert cleaned.replace("\n", "") == text


def test_raggedly_set_paragraphs_are_restored() -> None:
    lines = textwrap.wrap(PARAGRAPHS[0], 72)
    words = " ".join(lines[1:]).split()
    ragged = [lines[0], " ".join(words[:9]), *textwrap.wrap(" ".join(words[9:]), 72)]
    assert len(ragged[1]) < 60, "the second line is short, though the next word would fit"
    assert clean("\n".join(ragged) + "\n\n" + wrap(*PARAGRAPHS[1:], width=72)).split("\n\n")[0] == PARAGRAPHS[0]


def test_indented_paragraphs_without_blank_lines_are_parted() -> None:
    assert clean(wrap(*PARAGRAPHS, between="\n", first="   ")) == "\n\n".join(PARAGRAPHS)


VERSE = "The sea came up, the sea went down,\nIt took the lamp and oar,\nIt took the roof, it took the town."
SPANISH_VERSE = "Vino la mar por la noche,\ny se llevó la barquilla,\ny se llevó los luceros\nque dormían en la orilla."
LIST = "Bring with you:\n\n- a lamp\n- a coil of rope, forty fathoms or thereabouts\n- bread"
NUMBERED = "1. The quay\n2. The oilskin\n3. The eleventh day"
TABLE = "boat        owner     length\nMarta       Ruiz          12\nSan Telmo   Otero          9"
DIALOGUE = "—¿Ha vuelto?\n—No, señor.\n—Entonces esperaremos.\n—¿Hasta cuándo?\n—Hasta que vuelva."
CODE = "def tide(hour):\n    if hour < 6:\n        return 'low'\n    return 'high'"
RULE = "Part two\n========"


@pytest.mark.parametrize("block", [VERSE, SPANISH_VERSE, LIST, NUMBERED, TABLE, DIALOGUE, CODE, RULE])
def test_lines_that_mean_something_stay(block: str) -> None:
    assert clean(block) == block
    assert clean(wrap(*PARAGRAPHS) + "\n\n" + block + "\n\n" + wrap(PARAGRAPHS[0])) == "\n\n".join(
        [*PARAGRAPHS, block, PARAGRAPHS[0]]
    )


def test_wrapped_list_items_become_one_line_each() -> None:
    items = [f"- {' '.join(PARAGRAPHS[n].split()[:12])} at length." for n in range(3)]
    lines = [textwrap.wrap(item, 60) for item in items]
    width = max(len(line) for item in lines for line in item)
    full = "- " + "x" * (width - 3) + "."
    block = "\n".join([full, *(line for item in lines for line in item)])
    text = wrap(*PARAGRAPHS, width=width) + "\n\n" + block
    assert clean(text) == "\n\n".join([*PARAGRAPHS, "\n".join([full, *items])])


def test_indented_verse_inside_prose_keeps_its_shape() -> None:
    verse = textwrap.indent("Twas noon, and the oars\n  lay still in the boat,", "     ")
    assert verse in clean(wrap(*PARAGRAPHS) + "\n\n" + verse + "\n\n" + wrap(*PARAGRAPHS))


def test_one_paragraph_per_line_stays() -> None:
    text = "\n".join(PARAGRAPHS)
    assert clean(text) == text


def test_short_sentences_on_lines_of_their_own_stay() -> None:
    text = "\n".join(
        f"Boat number {n} came home {'very ' * (n % 5)}late{'.' if n % 2 else ' again.'}" for n in range(40)
    )
    assert clean(text) == text


def test_spanish_dialogue_inside_wrapped_prose() -> None:
    speech = "--No puedo equivocarme--murmuró el viajero, mirando a todas partes--. Me dijeron que atravesara el río."
    text = wrap(*PARAGRAPHS, speech, "--Pues atraviéselo--le respondí.")
    assert clean(text) == "\n\n".join([*PARAGRAPHS, speech, "--Pues atraviéselo--le respondí."])


@pytest.mark.parametrize(
    ("typeset", "restored"),
    [
        ("the well-\nknown lamp", "the well-known lamp"),  # a compound that stands elsewhere with its hyphen
        ("the har-\nbour master", "the harbour master"),  # a word that stands elsewhere whole
        ("a cross-\nbeam of oak", "a cross-beam of oak"),  # neither: nothing is lost
        ("he waited--\nnobody came", "he waited--nobody came"),  # dashes without spaces, as the document has them
    ],
)
def test_hyphens_and_dashes_at_line_ends(typeset: str, restored: str) -> None:
    sentence = "The harbour knew the well-known lamp--and the lamp knew the harbour--as lamps do in every harbour town."
    head, tail = typeset.split("\n")
    lead = "So it was that on the eleventh day of the wind, at noon,"
    block = f"{lead} {head}\n{tail} and then they all of them went back home again to bed."
    width = len(f"{lead} {head}")
    text = wrap(sentence, *PARAGRAPHS, width=width) + "\n\n" + block
    assert restored in clean(text)


@pytest.mark.parametrize("hyphen", ["-", "\u2010", "\u00ad", "¬"])
def test_words_parted_by_any_hyphen_are_whole_again(hyphen: str) -> None:
    lead = "So it was that on the eleventh day of the wind, at noon, the"
    text = wrap(*PARAGRAPHS, width=70) + f"\n\n{lead} har{hyphen}\nbour was as full of boats as it had ever been."
    assert f"{lead} harbour was as full" in clean(normalise(text))


def test_a_soft_hyphen_in_verse_parts_no_word() -> None:
    assert clean("The sea came up to the har\u00ad\nbour wall\nand the wind stood o\u00adver it") == (
        "The sea came up to the harbour\nwall\nand the wind stood over it"
    )


@pytest.mark.parametrize("number", ["17", "[Pg 17]", "- 17 -", "                                 17", "Page 17"])
def test_a_page_number_inside_a_sentence_goes(number: str) -> None:
    first, second = PARAGRAPHS[0][:70].rsplit(" ", 1)[0], PARAGRAPHS[0][len(PARAGRAPHS[0][:70].rsplit(" ", 1)[0]) + 1 :]
    text = wrap(*PARAGRAPHS) + f"\n\n{first}\n\n{number}\n\n{wrap(second)}"
    assert clean(text) == "\n\n".join([*PARAGRAPHS, PARAGRAPHS[0]])


def test_a_number_between_paragraphs_stays() -> None:
    text = "\n\n".join([wrap(PARAGRAPHS[0]), "17", wrap(PARAGRAPHS[1])])
    assert clean(text) == "\n\n".join([PARAGRAPHS[0], "17", PARAGRAPHS[1]])


def test_lists_keep_their_shape() -> None:
    block = (
        "- the lamp, and the rope of forty fathoms that hangs in the net loft, if\n  it hangs there\n  - bread\n- oil"
    )
    assert (
        "- the lamp, and the rope of forty fathoms that hangs in the net loft, if it hangs there\n  - bread\n- oil"
        in (clean(wrap(*PARAGRAPHS) + "\n\n" + block))
    )


def test_two_spaces_after_a_sentence_become_one() -> None:
    assert clean(wrap(*PARAGRAPHS) + "\n\nIt blew.  He slept.") == "\n\n".join([*PARAGRAPHS, "It blew. He slept."])


def test_blank_lines_and_trailing_whitespace() -> None:
    assert clean("\n\n  \nOne. \t\n\n\n \nTwo.\n\n") == "One.\n\nTwo."
    assert clean(" \n\t\n") == ""


LINES = st.one_of(
    st.text(alphabet="ab cé.,-—\"'|#*1\t", max_size=90),
    st.lists(st.sampled_from(["the", "rabbit-", "hole", "--", "Alice", "«sí»", "end.", "1.", "-"]), max_size=16).map(
        " ".join
    ),
    st.builds(lambda n, line: " " * n + line, st.integers(0, 8), st.sampled_from(PARAGRAPHS[0].split(", "))),
    st.just(""),
)


@given(st.lists(LINES, max_size=40).map("\n".join))
@example("1\n" + PARAGRAPHS[0][:89] + "\n.\n" + PARAGRAPHS[0][-87:] + "\n-1")  # one pass alone is not idempotent here
@settings(max_examples=300, deadline=None)
def test_clean_is_idempotent_and_loses_no_letter(text: str) -> None:
    text = normalise(text)
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert "\n\n\n" not in cleaned
    assert all(line == line.rstrip() for line in cleaned.split("\n"))
    letters = [c for c in text if c.isalpha()]  # a page's number inside a sentence may go
    assert [c for c in cleaned if c.isalpha()] == letters


@given(st.lists(st.sampled_from(PARAGRAPHS), min_size=4, max_size=6), st.integers(55, 120))
@settings(max_examples=60, deadline=None)
def test_any_width_is_undone(paragraphs: list[str], width: int) -> None:
    assert clean(wrap(*paragraphs, width=width)) == "\n\n".join(paragraphs)
