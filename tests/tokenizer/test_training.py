"""Learning a vocabulary, what it says about its fit, and what it says when it cannot."""

from __future__ import annotations

import contextlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from tinylm.base.errors import TinylmError
from tinylm.settings.run import TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import UNK, normalise
from tinylm.tokenizer.training import (
    UnfitVocabulary,
    cover_terms,
    measure_fit,
    read_statistics,
    read_terms,
    train_tokenizer,
)

Pieces = Callable[[], Iterable[Piece]]


def of(*texts: str) -> Pieces:
    pieces = [Piece(text, "en", "t", start=True, end=True) for text in texts]
    return lambda: pieces


@pytest.fixture(scope="module")
def pieces(texts: Path) -> Pieces:
    return of(*((texts / f"{name}.txt").read_text(encoding="utf-8") for name in ("en", "es")))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_both_kinds_learn_and_repeat_to_the_byte(pieces: Pieces, tmp_path: Path, kind: str) -> None:
    config = TokenizerConfig(kind=kind, vocab_size=100)  # type: ignore[arg-type]
    tokenizer = train_tokenizer(pieces, config, tmp_path / "a")
    train_tokenizer(pieces, config, tmp_path / "b")
    assert (tokenizer.kind, tokenizer.vocab_size) == (kind, 100)
    for name in ("tokenizer.model", "tokenizer.vocab"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    text = "El rey abrió la puerta.\n\nThe king!"
    assert tokenizer.decode(tokenizer.encode(text.replace("!", "."))) == text.replace("!", ".")
    assert len(tokenizer.encode(" the king")) < 9  # it learned words, not letters only


def test_the_vocab_file_has_a_line_for_every_piece(pieces: Pieces, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(pieces, TokenizerConfig(vocab_size=90), tmp_path)
    lines = (tmp_path / "tokenizer.vocab").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert len(lines) == 90
    names = [line.split("\t")[0] for line in lines]
    assert names == [tokenizer.piece(i).replace("\n", "\\n") for i in range(90)]
    assert all(float(line.split("\t")[1]) <= 0 for line in lines)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("byte_fallback", [False, True])
def test_too_large_names_the_largest_that_works(pieces: Pieces, tmp_path: Path, kind: str, byte_fallback: bool) -> None:
    def config(size: int) -> TokenizerConfig:
        return TokenizerConfig(kind=kind, vocab_size=size, byte_fallback=byte_fallback)  # type: ignore[arg-type]

    with pytest.raises(TinylmError, match="a vocabulary of 20000 pieces is too large") as caught:
        train_tokenizer(pieces, config(20000), tmp_path)
    match = re.search(r"largest that works is (\d+)", caught.value.message)
    assert match
    largest = int(match[1])
    assert f"--vocab-size {largest}," in caught.value.hint
    assert not list(tmp_path.iterdir())
    assert train_tokenizer(pieces, config(largest), tmp_path).vocab_size == largest
    with pytest.raises(TinylmError, match="too large"):
        train_tokenizer(pieces, config(largest + 1), tmp_path)


@pytest.mark.parametrize("byte_fallback", [False, True])
def test_too_small_names_what_is_needed(pieces: Pieces, tmp_path: Path, byte_fallback: bool) -> None:
    with pytest.raises(TinylmError, match="does not hold the corpus's characters; they need") as caught:
        train_tokenizer(pieces, TokenizerConfig(vocab_size=20, byte_fallback=byte_fallback), tmp_path)
    needed = int(re.findall(r"--vocab-size (\d+)", caught.value.hint)[0])
    config = TokenizerConfig(vocab_size=needed, byte_fallback=byte_fallback)
    assert train_tokenizer(pieces, config, tmp_path).vocab_size == needed


HAN = "".join(chr(0x4E00 + i) for i in range(900))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize(
    "text",
    [
        "the cat sat on the mat.\n" * 500,
        "One short line, and nothing else.",
        "\n".join(HAN[at : at + 9] for at in range(0, len(HAN), 9)),
    ],
)
def test_what_fits_is_taken_where_no_number_was_asked_for(tmp_path: Path, kind: str, text: str) -> None:
    config = TokenizerConfig(kind=kind, vocab_size=8000)  # type: ignore[arg-type]
    with pytest.raises(UnfitVocabulary) as caught:
        train_tokenizer(of(text), config, tmp_path)
    assert train_tokenizer(of(text), config, tmp_path, fitting=True).vocab_size == caught.value.works < 8000


def test_a_text_of_many_characters_gets_the_pieces_that_it_needs(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(of(HAN * 3), TokenizerConfig(vocab_size=500), tmp_path, fitting=True)
    assert tokenizer.vocab_size > 900
    assert UNK not in tokenizer.encode(HAN)


def test_a_number_that_fits_is_kept(pieces: Pieces, tmp_path: Path) -> None:
    config = TokenizerConfig(vocab_size=90)
    models = [train_tokenizer(pieces, config, tmp_path, fitting=fitting).model_bytes() for fitting in (False, True)]
    assert models[0] == models[1]


def test_a_text_for_which_no_vocabulary_works(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="too large for this corpus") as caught:
        train_tokenizer(of("aaaa\n" * 9), TokenizerConfig(vocab_size=50), tmp_path, fitting=True)
    assert caught.value.hint == "add text"


def test_coverage_leaves_rare_characters_out(tmp_path: Path) -> None:
    text = "the king and the queen of the house went in. " * 200 + "日"
    few = train_tokenizer(of(text), TokenizerConfig(vocab_size=24, character_coverage=0.99), tmp_path)
    assert few.encode("日") == [UNK]
    every = train_tokenizer(of(text), TokenizerConfig(vocab_size=26, character_coverage=1.0), tmp_path)
    assert UNK not in every.encode("日")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "line", ["a" * 9000, " " + "b" * 9000, "x " + "c" * 9000 + " " + "d" * 9000, "日" * 3000, ("word " * 2000)]
)
def test_lines_of_any_length_are_learned_from(pieces: Pieces, tmp_path: Path, line: str) -> None:
    """A run of over 4000 bytes after a space went round for ever."""
    made = train_tokenizer(lambda: [*pieces(), *of(line)()], TokenizerConfig(vocab_size=90), tmp_path)
    assert made.decode(made.encode("the king")) == normalise("the king")


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), TinylmError("`train.jsonl`, line 7 breaks off")])
def test_what_goes_wrong_in_the_corpus_is_not_sentencepiece_s(problem: BaseException, tmp_path: Path) -> None:
    def broken() -> Iterator[Piece]:
        yield Piece("the king", "en", "t", start=True, end=True)
        raise problem

    with pytest.raises(type(problem)) as caught:
        train_tokenizer(broken, TokenizerConfig(vocab_size=20), tmp_path)
    assert caught.value is problem


def learning() -> psutil.Process:
    """The child that learns; pytest's process may have others, of other tests."""
    (child,) = (
        child for child in psutil.Process().children() if "tinylm.tokenizer.training_process" in child.cmdline()
    )
    return child


def test_the_learning_process_that_is_killed_is_told_of(pieces: Pieces, tmp_path: Path) -> None:
    def killing() -> Iterator[Piece]:
        yield from pieces()
        learning().kill()
        yield from pieces()

    with pytest.raises(TinylmError, match="ended by signal 9"):
        train_tokenizer(killing, TokenizerConfig(vocab_size=90), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("of_python", [True, False])
def test_ctrl_c_while_it_learns_leaves_nothing(tmp_path: Path, of_python: bool) -> None:
    """Ctrl-C in a terminal reaches both processes; `kill -INT` only the first."""
    letters = random.Random(0).choices("abcdefghijklmnopqrstuvwxyz", k=2_000_000)
    text = " ".join("".join(letters[at : at + 8]) for at in range(0, len(letters), 8))  # takes seconds to learn
    children: list[psutil.Process] = []

    def press() -> None:
        for process in (*([] if of_python else children), psutil.Process()):
            process.send_signal(signal.SIGINT)

    timer = threading.Timer(0.5, press)  # by then SentencePiece has the text

    def pressing() -> Iterator[Piece]:
        yield from of(text)()
        children.append(learning())
        timer.start()

    try:
        with pytest.raises(KeyboardInterrupt):
            train_tokenizer(pressing, TokenizerConfig(vocab_size=8_000), tmp_path)
    finally:
        timer.cancel()  # else it would press in another test
    assert len(children) == 1
    assert not children[0].is_running()
    assert not list(tmp_path.iterdir())


def test_it_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """A parent that is killed leaves no process behind that learns for minutes, or waits for ever."""
    program = f"""
import os, time
from pathlib import Path
import psutil
from tinylm.settings.run import TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.tokenizer.training import train_tokenizer

def pieces():
    yield Piece("the king", "en", "t", start=True, end=True)
    child = psutil.Process().children()[0].pid
    if not (holder := os.fork()):  # holds the other end of the pipe: its end is not what the child ends by
        time.sleep(300)
        os._exit(0)
    print(child, holder, flush=True)
    time.sleep(300)

train_tokenizer(pieces, TokenizerConfig(vocab_size=20), Path({str(tmp_path)!r}))
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, encoding="utf-8")
    assert parent.stdout is not None
    child, holder = (psutil.Process(int(pid)) for pid in parent.stdout.readline().split())
    try:
        # It waits for text when it has loaded SentencePiece, and has then said that it wants to end with its parent.
        waiting = 0
        while waiting < 5:
            loaded = any("sentencepiece" in mapped.path for mapped in child.memory_maps())
            waiting = waiting + 1 if loaded and child.status() == psutil.STATUS_SLEEPING else 0
            time.sleep(0.1)
        parent.kill()
        psutil.wait_procs([child], timeout=30)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    finally:
        for process in (holder, child):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        parent.kill()
        parent.communicate()


def test_fit_counts_by_hand(pieces: Pieces, tmp_path: Path) -> None:
    config = TokenizerConfig(vocab_size=90)
    tokenizer = train_tokenizer(pieces, config, tmp_path)
    text = "The king 日 opened\n"
    statistics = measure_fit(of(text, text)(), tokenizer, config, tmp_path, terms=["the", "xylophone"])
    ids = tokenizer.encode(text)
    fit = statistics.languages["en"]
    assert fit.bytes_per_token == pytest.approx(len(text.encode()) / len(ids))
    assert fit.tokens_per_word == pytest.approx(len(ids) / 4)
    assert fit.tokens_per_character == pytest.approx(len(ids) / len("Theking日opened"))
    assert fit.fertility == f"{len(ids) / 4:.2f} tokens per word"
    assert fit.unknown_rate == pytest.approx(ids.count(UNK) / len(ids))
    assert fit.unknown_rate > 0
    assert statistics.terms == cover_terms(["the", "xylophone"], tokenizer)
    assert read_statistics(tmp_path) == statistics
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(TinylmError, match="is not valid JSON"):
        read_statistics(tmp_path)


def test_scripts_without_spaces_have_no_tokens_per_word(tmp_path: Path) -> None:
    text = "从前有一座山，山里有一座庙。\n庙里有个老和尚。\n" * 20
    config = TokenizerConfig(vocab_size=19)
    fit = measure_fit(of(text)(), train_tokenizer(of(text), config, tmp_path), config, tmp_path).languages["en"]
    assert fit.tokens_per_word is None
    assert fit.tokens_per_character is not None
    assert 0 < fit.tokens_per_character < 2
    assert fit.fertility.endswith("tokens per character")


def test_terms(pieces: Pieces, tmp_path: Path) -> None:
    tokenizer = train_tokenizer(pieces, TokenizerConfig(vocab_size=100), tmp_path)
    coverage = cover_terms(["the", "xylophone", "a"], tokenizer)
    assert (coverage.terms, coverage.single_tokens, coverage.split) == (3, 2, ("xylophone",))
    path = tmp_path / "terms.txt"
    path.write_bytes("the\r\n\r\n  niña \n".encode())
    assert read_terms(path) == ["the", "niña"]
    for content, message in ((b"\n \n", "is empty"), (b"\xff", "cannot read the term list")):
        path.write_bytes(content)
        with pytest.raises(TinylmError, match=message):
            read_terms(path)
