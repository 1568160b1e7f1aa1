"""The split: nothing stands on both sides, nothing is lost, and about a tenth is held out."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.corpus.building.parallel import Workers
from tinylm.corpus.building.parts import BLOCK_BYTES, SIDES, render_part, store_part
from tinylm.corpus.building.splitting import MINIMUM_BYTES, plan_split
from tinylm.corpus.cleaning.paragraphs import DUPLICATE_CHARACTERS
from tinylm.corpus.statistics import CorpusStatistics, Dropped
from tinylm.text.documents import Document, Piece

WORDS = "harbour lamp gull wind north boat rope anchor morning quiet señal río niño mañana luz barca".split()  # noqa: SIM905


def build(
    documents: list[Document], *, dropped: Dropped | None = None, part_documents: int = 1000, near: float | None = None
) -> tuple[list[Piece], list[Piece], CorpusStatistics]:
    """The pieces of cleaned documents, which go in parts of so many, and what is counted."""
    statistics = CorpusStatistics(dropped=Dropped() if dropped is None else dropped)
    pieces: dict[str, list[Piece]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder, Workers(cores=1) as workers:
        paths = []
        for start in range(0, len(documents), part_documents):
            paths.append(Path(folder) / f"part-{start}.jsonl")
            store_part(documents[start : start + part_documents], paths[-1], signatures=near is not None)
        plan = plan_split(paths, workers, near_duplicate_threshold=near, dropped=statistics.dropped)
        for path, part in zip(paths, plan.parts, strict=True):
            lines, counted = render_part(path, part, plan.block_bytes)
            statistics.merge(counted)
            for side in SIDES:
                pieces[side] += [Piece(**json.loads(line)) for line in lines[side].splitlines()]
    return pieces["train"], pieces["val"], statistics


def split(documents: list[Document], *, dropped: Dropped | None = None) -> tuple[list[Piece], list[Piece]]:
    train, val, _ = build(documents, dropped=dropped)
    return train, val


def sentence(random_: random.Random) -> str:
    return " ".join(random_.choices(WORDS, k=random_.randint(5, 14))).capitalize() + "."


def paragraph(random_: random.Random, sentences: int = 5) -> str:
    return " ".join(sentence(random_) for _ in range(sentences))


def documents(count: int, *, paragraphs: int = 6, language: str = "en", seed: int = 0) -> list[Document]:
    random_ = random.Random(seed)
    return [
        Document("\n\n".join(paragraph(random_) for _ in range(paragraphs)), language, f"{language}/{n}.txt")
        for n in range(count)
    ]


def folded(text: str) -> str:
    return " ".join(text.casefold().split())


def size(pieces: list[Piece]) -> int:
    return sum(len(piece.text.encode()) for piece in pieces)


def words(pieces: list[Piece]) -> Counter[str]:
    return Counter(word for piece in pieces for word in piece.text.split())


@pytest.mark.parametrize(("count", "paragraphs"), [(1, 2000), (40, 20), (700, 2)])
def test_a_tenth_is_held_out_in_each_language(count: int, paragraphs: int) -> None:
    corpus = documents(count, paragraphs=paragraphs) + documents(count, paragraphs=paragraphs, language="es", seed=1)
    train, val = split(corpus)
    for language in ("en", "es"):
        held_out = size([piece for piece in val if piece.language == language])
        total = held_out + size([piece for piece in train if piece.language == language])
        assert total > 20 * BLOCK_BYTES
        assert 0.08 < held_out / total < 0.11


def test_pieces_are_whole_paragraphs_in_order_and_know_the_ends_of_their_document() -> None:
    corpus = documents(30, paragraphs=20)
    train, val = split(corpus)
    for document in corpus:
        pieces = [piece for piece in [*train, *val] if piece.source == document.source]
        pieces.sort(key=lambda piece: document.text.index(piece.text))
        assert "\n\n".join(piece.text for piece in pieces) == document.text
        assert [piece.start for piece in pieces] == [True] + [False] * (len(pieces) - 1)
        assert [piece.end for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    positions = [int(re.sub(r"\D", "", piece.source)) for piece in train]
    assert positions == sorted(positions)


def test_newlines_inside_and_between_paragraphs_are_kept() -> None:
    random_ = random.Random(4)
    verse = "\n".join("short line" for _ in range(3))
    parts = [paragraph(random_), verse, paragraph(random_) + "\n" + paragraph(random_)] * 1
    corpus = [Document("\n\n".join(parts), "en", "poems", split="train"), *documents(40)]
    train, _ = split(corpus)
    assert train[0] == Piece("\n\n".join(parts), "en", "poems", start=True, end=True)


@pytest.mark.parametrize("disguise", [str, str.upper, lambda text: text.replace(" ", "  "), lambda text: " " + text])
def test_a_planted_paragraph_stands_once(disguise: object) -> None:
    assert callable(disguise)
    planted = "The planted paragraph stands in many places and must not be graded on what was read."
    corpus = documents(60, paragraphs=10)
    corpus = [
        Document(f"{document.text}\n\n{planted if n == 3 else disguise(planted)}", "en", document.source)
        if n % 7 == 3
        else document
        for n, document in enumerate(corpus)
    ]
    dropped = Dropped()
    train, val = split(corpus, dropped=dropped)
    found = [piece for piece in [*train, *val] if folded(planted) in folded(piece.text)]
    assert len(found) == 1
    assert planted in found[0].text
    assert dropped.duplicate_paragraphs == sum(n % 7 == 3 for n in range(60)) - 1
    assert dropped.duplicate_bytes >= dropped.duplicate_paragraphs * len(planted)


def test_lines_of_a_file_without_blank_lines_are_paragraphs() -> None:
    random_ = random.Random(9)
    lines = [sentence(random_) for _ in range(2000)]
    planted = "This one sentence comes back all through the file."
    text = "\n".join(line for n, line in enumerate(lines) for line in ([line, planted] if n % 50 == 0 else [line]))
    train, val = split([Document(text, "en", "lines.txt")])
    assert sum(piece.text.count(planted) for piece in [*train, *val]) == 1


@pytest.mark.parametrize("others", [0, 40])  # in blocks of a few hundred bytes, and in blocks of 4 KB
def test_refrains_stay(others: int) -> None:
    refrain = "Oh carry the lamp to the end of the quay tonight\nAnd nobody knows what has happened at sea\noh, oh"
    song = "\n".join(f"Verse {n} is about the boat with number {n}\n{refrain}" for n in range(120))
    response = "From the fog, good lamp, deliver us, and from the wind."
    litany = "\n".join(f"Petition number {n} is about the fog.\n{response}" for n in range(120))
    corpus = [Document(song, "en", "song"), Document(litany, "en", "litany"), *documents(others)]
    dropped = Dropped()
    train, val = split(corpus, dropped=dropped)
    for document in corpus[:2]:
        lines = Counter(line for p in [*train, *val] if p.source == document.source for line in p.text.split("\n"))
        assert lines == Counter(document.text.split("\n"))
    assert dropped.duplicate_paragraphs == 0


def test_short_lines_may_repeat() -> None:
    short = "Yes."
    assert len(short) < DUPLICATE_CHARACTERS
    corpus = [Document(f"{document.text}\n\n{short}", "en", document.source) for document in documents(60)]
    train, val = split(corpus)
    assert sum(piece.text.count(short) for piece in [*train, *val]) == 60


def test_documents_that_name_their_side_stay_there_and_still_deduplicate() -> None:
    held = documents(5, seed=2)
    forced = [Document(document.text, "en", f"forced/{n}", split="val") for n, document in enumerate(held)]
    free = documents(60)
    copies = [Document(document.text, "en", f"copy/{n}") for n, document in enumerate(held)]
    dropped = Dropped()
    train, val = split([*forced, *free, *copies], dropped=dropped)
    assert [piece for piece in val if piece.source.startswith("forced/")] == [
        Piece(document.text, "en", document.source, start=True, end=True) for document in forced
    ]
    assert not [piece for piece in [*train, *val] if piece.source.startswith("copy/")]
    assert dropped.empty_documents == 5
    alone_train, alone_val = split(free)
    assert (train, [piece for piece in val if piece.source.startswith("en/")]) == (alone_train, alone_val)


@pytest.mark.parametrize("total", [MINIMUM_BYTES + 100, 2_000, 5_000, 20_000, 60_000])
def test_a_small_corpus_has_a_validation_part(total: int) -> None:
    random_ = random.Random(total)
    text = ""
    while len(text.encode()) < total:
        text += ("\n\n" if text else "") + paragraph(random_)
    train, val = split([Document(text, "en", "small.txt")])
    assert size(train) > size(val) > 0
    assert 0.03 < size(val) / (size(train) + size(val)) < 0.5
    assert words(train) + words(val) == Counter(text.split())


def test_a_long_text_without_lines_or_sentences_is_cut_between_words() -> None:
    random_ = random.Random(0)
    text = " ".join(f"{random_.choice(WORDS)}{n}" for n in range(30_000))
    train, val = split([Document(text, "en", "stream.txt")])
    assert 0.08 < size(val) / len(text.encode()) < 0.11
    assert words(train) + words(val) == Counter(text.split())


@pytest.mark.parametrize(
    ("letters", "comma"),
    [("河边找旧灯笼窗户磨坊孩子桥风草地船", ""), ("河边找旧灯笼", "，"), (["แม่น้ำ", "ที่", "ผู้", "เก่า"], "")],
)
def test_a_script_without_spaces_is_cut_on_one_line_too(letters: Sequence[str], comma: str) -> None:
    random_ = random.Random(0)
    text = "".join(random_.choice(letters) + comma * (random_.random() < 0.1) for _ in range(50_000))
    train, val = split([Document(text, "zh", "stream.txt")])
    assert 0.08 < size(val) / len(text.encode()) < 0.12
    pieces = [piece.text for piece in [*train, *val]]
    assert Counter("".join(pieces)) == Counter(text)
    assert not any(unicodedata.category(piece[0]).startswith("M") for piece in pieces)
    assert not comma or sum(piece.endswith(comma) for piece in pieces) >= len(pieces) - 1


def test_one_long_word_is_no_corpus() -> None:
    with pytest.raises(TinylmError, match="the corpus is one word: 100,000 bytes of `en`, without a space"):
        split([Document("a" * 100_000, "en", "base64.txt")])


@pytest.mark.parametrize("text", ["", "One sentence is no corpus.", "One sentence is no corpus, however often. " * 400])
def test_too_small_a_corpus_is_an_error_with_the_minimum(text: str) -> None:
    with pytest.raises(TinylmError, match=f"at least {MINIMUM_BYTES} bytes") as caught:
        split([Document(text, "en", "one.txt")])
    assert "--corpus sample" in caught.value.hint


def test_a_small_second_language_trains_only() -> None:
    train, val = split([*documents(60), Document("Una sola frase en otro idioma.", "es", "es/1.txt")])
    assert [piece.text for piece in train if piece.language == "es"] == ["Una sola frase en otro idioma."]
    assert {piece.language for piece in val} == {"en"}


def test_empty_documents_are_counted() -> None:
    dropped = Dropped()
    train, val = split([Document(" \n", "en", "blank"), *documents(60)], dropped=dropped)
    assert dropped.empty_documents == 1
    assert "blank" not in {piece.source for piece in [*train, *val]}


def test_measured_figures_add_up() -> None:
    corpus = documents(60, paragraphs=10) + documents(60, paragraphs=10, language="es", seed=1)
    train, val, statistics = build(corpus)
    for language in ("en", "es"):
        sides = statistics.languages[language]
        assert sides["train"].paragraphs + sides["val"].paragraphs == 600
        assert sides["train"].sentences + sides["val"].sentences == 3000
        both = {p.source for p in train if p.language == language} & {p.source for p in val if p.language == language}
        assert sides["train"].documents + sides["val"].documents == 60 + len(both)
    assert statistics.total_bytes("train") == size(train)


@pytest.mark.parametrize("part_documents", [1, 3, 7])
def test_parts_change_nothing(part_documents: int) -> None:
    corpus = documents(20, paragraphs=9) + documents(7, language="es", seed=1) + documents(3, seed=0)
    corpus.insert(5, Document(" ", "fr", "blank"))
    corpus.append(Document(documents(1, seed=7)[0].text, "en", "held", split="val"))
    assert build(corpus, part_documents=part_documents) == build(corpus)


def sectioned(document: Document, count: int) -> list[Document]:
    """The document in so many sections of whole paragraphs."""
    paragraphs = document.text.split("\n\n")
    step = -(-len(paragraphs) // count)
    return [
        dataclasses.replace(document, text="\n\n".join(paragraphs[start : start + step]), continues=start > 0)
        for start in range(0, len(paragraphs), step)
    ]


@pytest.mark.parametrize("part_documents", [1, 2, 100])
def test_sections_of_a_document_are_one_document(part_documents: int) -> None:
    copied, *whole = documents(6, paragraphs=30)
    # All of the copy's first sections are duplicates: the document opens where its own text does.
    copy = Document(copied.text + "\n\n" + paragraph(random.Random(99)), "en", "copy")
    corpus = [copied, *(part for document in [*whole, copy] for part in sectioned(document, 4)), Document("", "en", "")]
    train, val, statistics = build(corpus, part_documents=part_documents)
    for document in whole:
        pieces = [piece for piece in [*train, *val] if piece.source == document.source]
        pieces.sort(key=lambda piece: document.text.index(piece.text))
        assert " ".join(" ".join(piece.text for piece in pieces).split()) == " ".join(document.text.split())
        assert [piece.start for piece in pieces] == [True] + [False] * (len(pieces) - 1)
        assert [piece.end for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    (last,) = (piece for piece in [*train, *val] if piece.source == "copy")
    assert (last.start, last.end) == (True, True)
    assert statistics.dropped.empty_documents == 1
    sides = statistics.languages["en"]
    assert sides["train"].documents == len({piece.source for piece in train})
    assert sides["val"].documents == len({piece.source for piece in val})


def test_near_duplicates_keep_the_first_only() -> None:
    corpus = documents(12, paragraphs=40)
    words = corpus[3].text.split(" ")
    words[7] = "otherwise"
    copy = Document(" ".join(words), "en", "copy")
    parts = sectioned(dataclasses.replace(copy, source="parts"), 3)
    dropped = Dropped()
    train, val, _ = build([*corpus, copy, *parts], near=0.8, part_documents=2, dropped=dropped)
    assert not [piece for piece in [*train, *val] if piece.source in ("copy", "parts")]
    assert dropped.near_duplicate_documents == 2
    assert dropped.near_duplicate_bytes == pytest.approx(2 * len(copy.text.encode()), rel=0.01)  # newlines
    assert dropped.empty_documents == dropped.duplicate_paragraphs == 0
    assert (train, val) == split(corpus)


PARAGRAPH = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(lambda chosen: " ".join(chosen).capitalize() + "."),
    min_size=1,
    max_size=8,
).map(" ".join)


@given(
    st.lists(st.lists(PARAGRAPH, min_size=1, max_size=12), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 11)), min_size=2, max_size=6),
    st.sampled_from(["\n\n", "\n"]),
)
@settings(max_examples=100, deadline=None)
def test_no_paragraph_on_both_sides_and_nothing_lost(
    texts: list[list[str]], places: list[tuple[int, int]], between: str
) -> None:
    planted = "This paragraph was planted in several places, to be found at most once. " * 3
    for text, position in places:
        texts[text % len(texts)].insert(position, planted.strip())
    corpus = [Document(between.join(text), ("en", "es")[n % 2], str(n)) for n, text in enumerate(texts)]
    try:
        train, val = split(corpus)
    except TinylmError:
        assert (
            max(size([Piece(d.text, "en", "", True, True) for d in corpus if d.language == x]) for x in ("en", "es"))
            < 20_000
        )
        return
    sides = [" \n".join(folded(piece.text) for piece in side) for side in (train, val)]
    assert sum(side.count("this paragraph was planted in several places") for side in sides) <= 3
    for distinct in {folded(line) for text in texts for line in text if len(line) >= 160}:
        assert not all(distinct in side for side in sides)
    seen = {folded(word) for piece in [*train, *val] for word in piece.text.split()}
    assert seen == {folded(word) for text in texts for line in text for word in line.split()}
    assert len({piece.text for piece in train} & {piece.text for piece in val if len(piece.text) >= 30}) == 0
