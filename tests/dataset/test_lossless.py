"""A tokenizer that would learn another text than it is given is refused, and says by which of its rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sentencepiece_models import edited_model, learned_model

from tinylm.base.errors import TinylmError
from tinylm.dataset.build import Reuse, make_dataset
from tinylm.dataset.dataset import Dataset
from tinylm.dataset.lossless import check_lossless
from tinylm.settings.run import RunRequest


def rule(folder: Path, *lines: str) -> str:
    """A table of characters, as SentencePiece's trainer reads it: from, tab, to, in hexadecimal."""
    path = folder / "rule.tsv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("name", "examples"),
    [
        ("nfkc_cf", "'A' becomes 'a', 'É' becomes 'é', '…' becomes '...'"),
        ("nmt_nfkc_cf", "becomes 'a'"),
        ("nfkc", "'…' becomes '...', 'ﬁ' becomes 'fi', 'Ａ' becomes 'A'"),
        ("nmt_nfkc", "'…' becomes '...'"),
    ],
)
def test_the_rule_is_named_with_what_it_does(tmp_path: Path, name: str, examples: str) -> None:
    model = learned_model(tmp_path / "a.model", normalization_rule_name=name)
    with pytest.raises(TinylmError) as caught:
        check_lossless(model)
    assert f"its rule `{name}` turns characters into others" in caught.value.message
    assert examples in caught.value.message
    assert "normalization_rule_name=identity" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ("41\t61", "identity"),
        ("F1\t6E", "user_defined"),
        ("2014\t2D 2D", ""),
        ("A9CF\t78", "nmt_nfkc"),
        ("1F427\t70", "identity"),
        ("20 20\t20", "identity"),
        ("200D\t20", "identity"),
    ],
)
def test_a_table_is_found_whatever_it_is_called_and_maps(tmp_path: Path, line: str, stated: str) -> None:
    model = learned_model(tmp_path / "a.model", normalization_rule_tsv=rule(tmp_path, line))

    def rename(message: Any) -> None:
        message.normalizer_spec.name = stated

    with pytest.raises(TinylmError) as caught:
        check_lossless(edited_model(model, rename))
    assert f"its rule `{stated or 'without a name'}` turns characters into others; " in caught.value.message
    before = "".join(chr(int(code, 16)) for code in line.split("\t")[0].split())
    assert before == "\u200d" or before in caught.value.message  # a joiner shows as an escape


def test_a_table_for_decoding_is_found(tmp_path: Path) -> None:
    model = learned_model(tmp_path / "a.model", denormalization_rule_tsv=rule(tmp_path, "F1\t6E"))
    with pytest.raises(TinylmError, match="for decoding turns characters into others; 'ñ' becomes 'n'"):
        check_lossless(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"add_dummy_prefix": True}, "puts a space before every text .*' a' becomes '  a'"),
        ({"remove_extra_whitespaces": True}, "drops spaces .*'a  b' becomes 'a b'"),
        ({"user_defined_symbols": []}, "no piece for the newline"),
        ({"model_type": "word"}, "is `word`, neither `unigram` nor `bpe`"),
        ({"model_type": "char"}, "is `char`, neither"),
    ],
)
def test_what_else_a_model_does(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TinylmError, match=message):
        check_lossless(learned_model(tmp_path / "a.model", **options))


def test_spaces_must_be_marked(tmp_path: Path) -> None:
    def plain_spaces(message: Any) -> None:
        message.normalizer_spec.escape_whitespaces = False

    with pytest.raises(TinylmError, match="does not write spaces as U\\+2581"):
        check_lossless(edited_model(learned_model(tmp_path / "a.model"), plain_spaces))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"model_type": "bpe"},
        {"byte_fallback": True, "vocab_size": 320},
        {"treat_whitespace_as_suffix": True},
        {"split_digits": True, "allow_whitespace_only_pieces": True},
        {"control_symbols": ["<sep>"], "user_defined_symbols": ["\n", "<br>", "the"]},
        {"unk_surface": "?", "character_coverage": 0.98},
    ],
)
def test_what_keeps_text_is_taken(tmp_path: Path, options: dict[str, Any]) -> None:
    check_lossless(learned_model(tmp_path / "a.model", **options))


def test_a_dataset_of_an_earlier_version_is_checked_too(
    dataset: Dataset, small_run: RunRequest, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    learned_model(tmp_path / "old" / "tokenizer.model", normalization_rule_name="nfkc_cf")
    reuse = Reuse(dataset=Dataset(tmp_path / "old", dataset.record), corpus=True, tokenizer=True)
    with pytest.raises(TinylmError, match="its rule `nfkc_cf`"):
        make_dataset(small_run, reuse=reuse, root=tmp_path, progress=print)
