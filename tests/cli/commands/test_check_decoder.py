"""`tinylm check-budgets` on a decoder that was exported elsewhere: what is measured, and what is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import typer
from onnx.reference import ReferenceEvaluator
from typer.testing import CliRunner

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.budget.report import read_report
from tinylm.bundle.reading import Bundle
from tinylm.cli.commands.check_budgets import check_budgets

MakeGraph = Callable[..., Any]
ROOT = Path(tinylm.__file__).resolve().parents[1]
DESCRIPTION = 'schema = "1.0"\nname = "elsewhere"\ncontext_length = 64\n'

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(check_budgets)
runner = CliRunner()


@pytest.fixture
def budget(tmp_path: Path) -> Path:
    """The host's budget with one process, a time limit that no busy machine misses, and no limit on quality."""
    text = (ROOT / "budgets" / "host.toml").read_text(encoding="utf-8")
    for old, new in (
        ("latency_p95_ms = 250", "latency_p95_ms = 60000"),
        ("looks = [124, 250, 500]", "looks = [59]"),
        ("processes = 4", "processes = 2\nmemory_requests = 40"),
        ("bpb_increase = 0.02\n", ""),
        ("growth_mb = 1\n", ""),
    ):
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def folder(make_decoder_graph: MakeGraph, tmp_path: Path) -> Path:
    """A decoder with a cache and no tokenizer."""
    made = tmp_path / "decoder"
    made.mkdir()
    onnx.save(make_decoder_graph(cached=True, extra=("attention_mask", "position_ids")), made / "model.onnx")
    (made / "decoder.toml").write_text(DESCRIPTION, encoding="utf-8")
    return made


def checked(path: Path, budget: Path, *options: str) -> tuple[int, Any]:
    """Exit code and decoded report."""
    result = runner.invoke(app, [str(path), "--budget", str(budget), "--json", *options])
    assert result.stdout, result.exception
    return result.exit_code, json.loads(result.stdout)


def refused(path: Path, budget: Path, *options: str) -> TinylmError:
    result = runner.invoke(app, [str(path), "--budget", str(budget), *options])
    assert isinstance(result.exception, TinylmError), result.output
    assert result.exception.exit_code == 2
    assert result.stdout == ""
    return result.exception


def test_a_decoder_is_measured_like_a_bundle(folder: Path, budget: Path) -> None:
    code, report = checked(folder, budget)
    assert (code, report["verdict"]) == (0, "pass")
    assert [limit["name"] for limit in report["limits"]] == ["bundle_mb", "peak_rss_mb", "latency_p95_ms"]
    files = {name: (folder / name).stat().st_size for name in ("decoder.toml", "model.onnx")}
    assert report["limits"][0]["measured"] == pytest.approx(sum(files.values()) / 1e6, abs=1e-6)
    assert (report["bundle"]["kind"], report["bundle"]["name"]) == ("decoder", "elsewhere")
    assert {name: entry["bytes"] for name, entry in report["bundle"]["files"].items()} == files
    assert sum(len(process["latency_ms"]) for process in report["samples"]) == 59
    assert all("golden" not in json.dumps(process) for process in report["samples"])
    assert "a key/value cache of 2 layers" in report["notes"][0]
    assert "encoding and decoding of text is not included" in report["notes"][1]
    assert read_report(report, "the report").bundle.files["model.onnx"].bytes == files["model.onnx"]


def test_a_folder_whose_name_is_not_utf_8(folder: Path, budget: Path) -> None:
    other = folder.rename(folder.with_name(os.fsdecode(b"ni\xf1o")))
    assert checked(other, budget)[1]["verdict"] == "pass"
    assert checked(other / "decoder.toml", budget)[1]["verdict"] == "pass"


def test_the_table_says_what_was_not_included(folder: Path, budget: Path) -> None:
    result = runner.invoke(app, [str(folder / "decoder.toml"), "--budget", str(budget)])
    assert result.exit_code == 0
    assert "elsewhere fits the budget host." in result.stdout
    assert "decoding of text is not included" in " ".join(result.stdout.split())
    assert "golden" not in result.stdout + result.stderr


def test_a_limit_on_quality_is_not_measured_and_never_a_pass(folder: Path, budget: Path) -> None:
    text = budget.read_text(encoding="utf-8").replace("bundle_mb = 10", "bundle_mb = 10\nbpb_increase = 0.02")
    budget.write_text(text, encoding="utf-8")
    code, report = checked(folder, budget)
    quality = next(limit for limit in report["limits"] if limit["name"] == "bpb_increase")
    assert (code, report["verdict"], quality["verdict"], quality["measured"]) == (3, "undecided", "not_measured", None)
    assert "leave `bpb_increase` out of a copy of the budget" in quality["evidence"]


def test_a_limit_that_is_exceeded(folder: Path, budget: Path) -> None:
    text = budget.read_text(encoding="utf-8").replace("peak_rss_mb = 400", "peak_rss_mb = 12")
    budget.write_text(text, encoding="utf-8")
    code, report = checked(folder, budget)
    assert (code, report["verdict"]) == (1, "fail")


def test_text_with_the_decoders_own_tokenizer_and_sampling(
    tiny_bundle: Bundle, make_decoder_graph: MakeGraph, folder: Path, budget: Path
) -> None:
    (folder / "tokenizer.model").write_bytes(tiny_bundle.tokenizer.read_bytes())
    onnx.save(make_decoder_graph(cached=False, vocab_size=448), folder / "model.onnx")  # 400 pieces, padded
    text = DESCRIPTION + 'tokenizer = "tokenizer.model"\n[sampling]\ntemperature = 0.8\ntop_p = 0.9\n'
    (folder / "decoder.toml").write_text(text, encoding="utf-8")
    code, report = checked(folder, budget)
    assert code == 0
    assert report["notes"] == ["no key/value cache: the whole text is run again for every token"]
    assert "tokenizer.model" in report["bundle"]["files"]


def golden(model: Any, *, prompt: list[int], count: int) -> list[int]:
    """Greedy tokens by another implementation."""
    evaluator, ids = ReferenceEvaluator(model), list(prompt)
    for _ in range(count):
        (logits,) = evaluator.run(["logits"], {"input_ids": np.array([ids], np.int64)})
        ids.append(int(logits[0, -1].argmax()))
    return ids[len(prompt) :]


def test_golden_tokens_from_elsewhere_are_compared(make_decoder_graph: MakeGraph, folder: Path, budget: Path) -> None:
    prompt = [5, 9, 60, 2]
    ids = golden(make_decoder_graph(cached=False), prompt=prompt, count=12)
    for wrong, code in ((0, 0), (1, 1)):
        expected = [*ids[:-1], (ids[-1] + wrong) % 64]
        text = f"{DESCRIPTION}[[golden]]\nprompt_ids = {prompt}\nids = {expected}\n"
        (folder / "decoder.toml").write_text(text, encoding="utf-8")
        found, report = checked(folder, budget)
        row = next(limit for limit in report["limits"] if limit["name"] == "golden_tokens")
        assert (found, row["measured"], row["verdict"]) == (code, wrong, "fail" if wrong else "pass")
        assert ("golden text 1, position 11" if wrong else "12 tokens after 1 prompts: as exported") in row["evidence"]


def test_what_cannot_be_used(folder: Path, budget: Path, tmp_path: Path) -> None:
    assert "is a graph alone" in refused(folder / "model.onnx", budget).message
    assert "cannot be read" in refused(tmp_path / "nowhere" / "decoder.toml", budget).message
    assert "the native engine runs bundles only" in refused(folder, budget, "--backend", "native").message
    assert (
        "the virtual Pi checks bundles and programs only"
        in refused(folder, ROOT / "budgets" / "pi-3.toml", "--virtual-pi").message
    )
    (folder / "decoder.toml").write_text(DESCRIPTION.replace("64", "32"), encoding="utf-8")
    assert "16 + 20 tokens does not fit the decoder's context of 32" in refused(folder, budget).message
    (folder / "decoder.toml").write_text(DESCRIPTION + "[sampling]\ntop_p = 2\n", encoding="utf-8")
    assert "`top_p` is 2" in refused(folder, budget).message
    (folder / "tokenizer.model").write_bytes(b"garbage")
    (folder / "decoder.toml").write_text(DESCRIPTION + 'tokenizer = "tokenizer.model"\n', encoding="utf-8")
    assert "is not a SentencePiece model" in refused(folder, budget).message


def test_a_graph_that_onnxruntime_refuses_is_no_measurement(folder: Path, budget: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, folder / "model.onnx")
    error = refused(folder, budget)
    assert "ONNX Runtime" in error.message
    assert "export the bundle again" not in error.hint


def test_a_probe_of_a_bundle_loads_nothing_of_it(tiny_bundle: Bundle) -> None:
    code = (
        "import sys; from pathlib import Path; from tinylm.runtime.measurement.candidate import open_candidate;"
        "from tinylm.runtime.measurement.protocol import ProbeOrders;"
        "orders = ProbeOrders(schema='1.0', prompts=('a',), first_request=0, prompt_tokens=2, new_tokens=2, threads=1,"
        " warmup=1, requests=1, verify=False);"
        f"open_candidate(Path({str(tiny_bundle.path)!r}), orders); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONPATH": str(ROOT)}, check=True)
    loaded = set(done.stdout.decode().split())
    assert not loaded & {
        "tomllib",
        "numpy",
        "onnxruntime",
        "tinylm.external_decoder.description",
        "tinylm.runtime.external_engine",
    }


@pytest.mark.slow
def test_a_real_export_of_torch(folder: Path, budget: Path) -> None:
    """A small model through torch's own exporter, then through ONNX Runtime's quantization, as people do it."""
    torch = pytest.importorskip("torch", reason='exporting needs torch: pip install -e ".[train]"')
    quantization = pytest.importorskip("onnxruntime.quantization")
    functional = torch.nn.functional

    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(64, 32)
            self.parts = torch.nn.Linear(32, 96)
            self.head = torch.nn.Linear(32, 64, bias=False)

        def forward(self, input_ids: Any) -> Any:
            x = self.embedding(input_ids)
            batch, tokens, width = x.shape
            query, key, value = (
                part.view(batch, tokens, 2, 16).transpose(1, 2) for part in self.parts(x).split(width, dim=-1)
            )
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            return self.head(x + seen.transpose(1, 2).reshape(batch, tokens, width))

    torch.manual_seed(0)
    model = Model().eval()
    file = folder / "model.onnx"
    axes = {name: {0: "batch", 1: "sequence"} for name in ("input_ids", "logits")}
    torch.onnx.export(
        model,
        (torch.zeros((1, 5), dtype=torch.int64),),
        str(file),
        input_names=["input_ids"],
        output_names=["logits"],
        dynamic_axes=axes,
        dynamo=False,
    )
    ids = [5, 9, 60, 2]
    for _ in range(12):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    text = f"{DESCRIPTION}[[golden]]\nprompt_ids = {ids[:4]}\nids = {ids[4:]}\n"
    (folder / "decoder.toml").write_text(text, encoding="utf-8")
    code, report = checked(folder, budget)
    assert (code, report["limits"][-1]["name"], report["limits"][-1]["measured"]) == (0, "golden_tokens", 0)

    quantization.quantize_dynamic(str(file), str(folder / "int8.onnx"))
    (folder / "decoder.toml").write_text(DESCRIPTION + 'model = "int8.onnx"\n', encoding="utf-8")
    code, report = checked(folder, budget)
    assert code == 0
    assert report["bundle"]["files"]["int8.onnx"]["bytes"] < file.stat().st_size
