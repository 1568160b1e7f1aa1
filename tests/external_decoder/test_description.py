"""decoder.toml and its files: what is read, what is refused, and what a refusal says."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.external_decoder.description import DecoderOrders, find_decoder, open_decoder, reopen_decoder

MakeGraph = Callable[..., Any]

MINIMAL = 'schema = "1.0"\nname = "test"\ncontext_length = 64\n'


@pytest.fixture
def folder(make_decoder_graph: MakeGraph, tmp_path: Path) -> Path:
    """A decoder with a cache, and a file where its tokenizer would be."""
    onnx.save(make_decoder_graph(cached=True), tmp_path / "model.onnx")
    (tmp_path / "tokenizer.model").write_bytes(b"opened by the probe")
    (tmp_path / "decoder.toml").write_text(MINIMAL, encoding="utf-8")
    return tmp_path


def described(folder: Path, text: str) -> Path:
    (folder / "decoder.toml").write_text(text, encoding="utf-8")
    return folder / "decoder.toml"


def refusal(path: Path) -> TinylmError:
    with pytest.raises(TinylmError) as caught:
        open_decoder(path)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value


def test_the_shortest_description(folder: Path) -> None:
    decoder = open_decoder(folder / "decoder.toml")
    assert (decoder.description.model, decoder.description.sampling.temperature) == ("model.onnx", 0)
    assert decoder.tokenizer is None
    assert decoder.graph.vocab_size == 64
    assert [part.past for part in decoder.graph.cache[:2]] == ["past_key_values.0.key", "past_key_values.0.value"]
    assert decoder.size_bytes == sum((folder / name).stat().st_size for name in ("decoder.toml", "model.onnx"))


def test_a_description_that_notepad_saved(folder: Path) -> None:
    assert open_decoder(described(folder, "\ufeff" + MINIMAL)).description.model == "model.onnx"


def test_everything_that_can_be_said(folder: Path) -> None:
    text = MINIMAL + (
        'tokenizer = "tokenizer.model"\nbos_id = 3\n[sampling]\ntemperature = 0.7\ntop_k = 5\n'
        "[[golden]]\nprompt_ids = [3, 5]\nids = [7, 8, 9]\n"
    )
    decoder = open_decoder(described(folder, text))
    assert decoder.tokenizer == folder / "tokenizer.model"
    assert decoder.description.golden[0].ids == (7, 8, 9)
    assert set(decoder.files) == {"decoder.toml", "model.onnx", "tokenizer.model"}
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(decoder.files)
    ]  # what `sha256sum` prints
    assert decoder.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_graph_in_a_folder_below(folder: Path) -> None:
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
    assert open_decoder(described(folder, MINIMAL + 'model = "onnx/model.onnx"\n')).graph.cache


def test_a_probe_is_told_the_same_and_notices_a_change(folder: Path) -> None:
    decoder = open_decoder(folder / "decoder.toml")
    orders = read(DecoderOrders, decoder.orders(), "the orders")
    assert reopen_decoder(folder, orders) == decoder
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"\0")
    with pytest.raises(TinylmError, match=r"model.onnx` changed while it was checked"):
        reopen_decoder(folder, orders)
    same = dataclasses.replace(orders, files={})
    with pytest.raises(TinylmError):
        reopen_decoder(folder.parent, same)


BAD = [
    ("", "has schema None"),
    ("schema = ", "is not valid TOML"),
    ("[" * 100_000, "is not valid TOML"),
    (MINIMAL.replace("1.0", "2.0"), "has schema 2.0; this tinylm reads 1.x"),
    (MINIMAL + "contxt = 1\n", "has the unknown key `contxt`"),
    (MINIMAL + "[sampling]\ntemprature = 1\n", "has the unknown key `temprature`"),
    (MINIMAL.replace("context_length = 64\n", ""), "lacks the key `context_length`"),
    (MINIMAL.replace("64", '"64"'), "`context_length` is a string"),
    (MINIMAL.replace("64", "0"), "`context_length` is 0; at least 1 is needed"),
    (MINIMAL.replace("test", "a\\nb"), "1 to 100 printable characters are needed"),
    (MINIMAL + "bos_id = 64\n", "names the token 64; the graph's vocabulary has 64"),
    (MINIMAL + "[[golden]]\nprompt_ids = [1]\nids = [-1]\n", "names the token -1"),
    (MINIMAL + "[[golden]]\nprompt_ids = []\nids = [1]\n", "`prompt_ids` is empty"),
    (MINIMAL + f"[[golden]]\nprompt_ids = [1]\nids = {[1] * 64}\n", "has 65 tokens; `context_length` is 64"),
    (MINIMAL + 'model = "/etc/passwd"\n', "names the file `/etc/passwd`, which is not allowed"),
    (MINIMAL + 'model = "../model.onnx"\n', r"names the file `../model.onnx`, which is not allowed"),
    (MINIMAL + 'model = "a/../../model.onnx"\n', "which is not allowed"),
    (MINIMAL + 'model = ".hidden"\n', "which is not allowed"),
    (MINIMAL + 'model = ""\n', "which is not allowed"),
    (MINIMAL + 'tokenizer = "other.model"\n', "other.model` cannot be read: No such file"),
    (MINIMAL + 'model = "tokenizer.model"\n', "tokenizer.model`"),  # garbage for a graph
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_descriptions(folder: Path, text: str, message: str) -> None:
    assert message in refusal(described(folder, text)).message


def test_bad_files(folder: Path) -> None:
    assert "cannot be read: No such file" in refusal(folder / "nowhere" / "decoder.toml").message
    (folder / "binary.toml").write_bytes(b"\xff\xfe")
    assert "is not valid TOML" in refusal(folder / "binary.toml").message
    (folder / "long.toml").write_bytes(b"#" * 1_000_001)
    assert "at most 1000000 are read" in refusal(folder / "long.toml").message
    (folder / "link.toml").symlink_to(folder / "decoder.toml")
    assert "is a link" in refusal(folder / "link.toml").message
    (folder / "folder.toml").mkdir()
    assert "is no plain file" in refusal(folder / "folder.toml").message


@pytest.mark.parametrize("where", ["file", "folder"])
def test_links_are_refused(folder: Path, where: str) -> None:
    (folder / "real").mkdir()
    (folder / "model.onnx").rename(folder / "real" / "model.onnx")
    if where == "file":
        (folder / "model.onnx").symlink_to(folder / "real" / "model.onnx")
        path = folder / "decoder.toml"
    else:
        (folder / "other").symlink_to(folder / "real")
        path = described(folder, MINIMAL + 'model = "other/model.onnx"\n')
    assert "is a link; a decoder's files are plain files" in refusal(path).message


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x08\x0a" * 50], ids=["nothing", "garbage", "protobuf"])
def test_garbage_is_refused_before_onnxruntime_sees_it(folder: Path, data: bytes) -> None:
    (folder / "model.onnx").write_bytes(data)
    assert "docs/other-models.md" in refusal(folder / "decoder.toml").hint


def test_weights_in_another_file_are_refused_with_the_way_out(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    error = refusal(folder / "decoder.toml")
    assert "lies outside the file, in `weights.bin`; a decoder is one file here" in error.message
    assert "onnx.save(onnx.load(" in error.hint


def test_an_unknown_operator_domain_is_refused(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    model.opset_import.append(onnx.helper.make_opsetid("my.company", 1))
    onnx.save(model, folder / "model.onnx")
    assert open_decoder(folder / "decoder.toml").graph.cache  # optimizers import more than they use
    model.graph.node[-1].domain = "my.company"
    onnx.save(model, folder / "model.onnx")
    assert "operator domain `my.company`, which tinylm does not know" in refusal(folder / "decoder.toml").message


def test_what_names_a_decoder(folder: Path, tmp_path: Path) -> None:
    assert find_decoder(None) is None
    assert find_decoder(folder) == find_decoder(folder / "decoder.toml") == folder / "decoder.toml"
    assert find_decoder(tmp_path / "nowhere") is None
    (folder / "manifest.json").write_text("{}")
    assert find_decoder(folder) is None  # a bundle
    with pytest.raises(TinylmError, match=r"model.onnx` is a graph alone"):
        find_decoder(folder / "model.onnx")
