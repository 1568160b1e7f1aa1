"""The generated text: the one that is shipped, big and varied enough, and it keeps its held-out part."""

import io
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import sentencepiece
from sample_corpus import holdout
from sample_corpus.generator import generate, sentences, statistics

from tinylm.corpus import sample
from tinylm.text.documents import Document

VOCAB_SIZE = 8100  # the presets use 8000: the margin is what lets the corpus be edited


def test_the_shipped_file_is_what_is_generated(corpus: list[Document]) -> None:
    assert list(sample.read()) == corpus


def test_seeds_differ() -> None:
    assert [d.text for d in islice(generate(1), 50)] != [d.text for d in islice(generate(2), 50)]


def test_size_balance_and_variety(corpus: list[Document]) -> None:
    facts = statistics(corpus)
    total = sum(facts.bytes_per_language.values())
    assert 2_900_000 <= total <= 3_200_000
    assert 0.49 <= facts.bytes_per_language["en"] / total <= 0.51
    assert 43_000 <= facts.sentences <= 49_000
    assert facts.distinct_sentences / facts.sentences >= 0.85
    assert len({document.text for document in corpus}) / len(corpus) > 0.99


@pytest.mark.parametrize(("language", "greeting"), [("en", "Hello, how are you?"), ("es", "Hola, ¿cómo estás?")])
def test_many_documents_start_with_greetings(corpus: list[Document], language: str, greeting: str) -> None:
    texts = [document.text for document in corpus if document.language == language]
    opened = [text for text in texts if text.startswith(greeting.split(",")[0])]
    assert len(opened) > 0.05 * len(texts)
    continued = {text for text in texts if text.startswith(greeting)}
    assert len(continued) >= 10
    assert len({text.split()[0] for text in texts}) > 100


def described(text: str, language: str) -> set[tuple[str, str, str]]:
    """(noun, verb, adjective) of deeds, found another way than `holdout` does: by one pattern over the raw text."""
    known = holdout.lemmas(language)
    first, second = ("adjective", "noun") if language == "en" else ("noun", "adjective")
    found = set()
    for gap in range(3):
        pattern = rf"\b(?=(?P<verb>[^\W\d]+) (?:[^\W\d]+ ){{{gap}}}(?P<{first}>[^\W\d]+) (?P<{second}>[^\W\d]+))"
        for match in re.finditer(pattern, text.lower()):
            verb = known.verbs.get(match["verb"])
            noun = known.nouns.get(match["noun"])
            adjective = known.adjectives.get(match["adjective"])
            if verb and noun and adjective:
                found.add((noun, verb, adjective))
    return found


def test_held_out_combinations_never_stand_in_training(corpus: list[Document]) -> None:
    seen = 0
    for document in corpus:
        for combination in described(document.text, document.language):
            seen += 1
            assert document.split == "val" or not holdout.is_held_out(*combination), (combination, document.text)
    assert seen > 20_000


def test_validation_documents_hold_what_training_lacks(corpus: list[Document]) -> None:
    held = [document for document in corpus if document.split == "val"]
    assert all(holdout.uses_held_out(document.text, document.language) for document in held)
    facts = statistics(corpus)
    assert 0.02 < facts.validation_bytes / sum(facts.bytes_per_language.values()) < 0.04
    assert {document.split for document in corpus} == {None, "val"}


def test_about_one_combination_in_twenty_is_held_out() -> None:
    known = holdout.lemmas("en")
    nouns, verbs, adjectives = (
        sorted(set(words.values()))[:40] for words in (known.nouns, known.verbs, known.adjectives)
    )
    held = [holdout.is_held_out(n, v, a) for n in nouns for v in verbs for a in adjectives]
    assert 0.045 < sum(held) / len(held) < 0.055


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("She cut the ripe pears.", "en", ("pear", "cut", "ripe")),
        ("Cortamos unas peras maduras.", "es", ("pera", "cortar", "maduro")),
        ("Compró una pequeña caja.", "es", ("caja", "comprar", "pequeño")),
    ],
)
def test_combinations_are_found_in_base_forms(text: str, language: str, expected: tuple[str, str, str]) -> None:
    assert expected in set(holdout.combinations(text, language))


def test_a_large_vocabulary_trains(corpus: list[Document]) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([document.text for document in corpus]),
        model_writer=(model := io.BytesIO()),
        vocab_size=VOCAB_SIZE,
        model_type="unigram",
        normalization_rule_name="identity",
        character_coverage=0.9995,
        user_defined_symbols=["\n"],
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_digits=False,
        minloglevel=2,
    )
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    assert trained.get_piece_size() == VOCAB_SIZE


def test_sentences_end_at_marks_and_line_breaks() -> None:
    assert sentences("Dear Ann,\nIt costs 2.50 euros. Bye!") == ["Dear Ann,", "It costs 2.50 euros.", "Bye!"]


@pytest.mark.slow
def test_the_script_finds_nothing_wrong() -> None:
    script = Path(__file__).resolve().parents[3] / "scripts" / "make_sample_corpus"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "nothing wrong\n"), done.stderr
