"""onnxruntime-genai: its own model builder, fed with the model in Hugging Face's LLaMA format, and its own loop."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PACKAGES = ("onnxruntime-genai", "onnxruntime", "numpy")


def convert(source, variant, folder):
    """Run the builder for the CPU with the precision `variant`, and hold the session to one thread."""
    import onnxruntime_genai  # noqa: F401 - says what is missing before the long way

    with_weights = folder / "hugging-face"
    _write_hugging_face(source, with_weights)
    builder = [sys.executable, "-P", "-m", "onnxruntime_genai.models.builder"]
    options = ["-i", with_weights, "-o", folder, "-p", variant, "-e", "cpu", "-c", folder / "cache"]
    if subprocess.run([*builder, *options]).returncode:
        sys.exit(1)  # its last words are the reason

    settings = json.loads((folder / "genai_config.json").read_text(encoding="utf-8"))
    decoder = settings["model"]["decoder"]
    decoder["session_options"] |= {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
    (folder / "genai_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return sorted(folder.glob("model.onnx*"))


def _write_hugging_face(source, folder):
    """`config.json` and `model.safetensors` as LlamaForCausalLM reads them; nothing is permuted: both rotate halves."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir()
    model = source.model
    tensors = {
        "model.embed_tokens.weight": source.weights["embedding.weight"],
        "model.norm.weight": source.weights["norm.weight"],
    }
    for number in range(model["n_layer"]):
        layer = source.layer(number)
        tensors |= {f"model.layers.{number}.{name}.weight": weight for name, weight in layer.items()}
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(contiguous, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "float32",
        "vocab_size": model["vocab_size"],
        "max_position_embeddings": model["context_length"],
        "num_hidden_layers": model["n_layer"],
        "num_attention_heads": model["n_head"],
        "num_key_value_heads": model["n_kv_head"],
        "hidden_size": model["d_model"],
        "intermediate_size": model["d_ff"],
        "rope_theta": model["rope_theta"],
        "rms_norm_eps": model["norm_eps"],
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        # No text of fixed length may end early; the last id is as good as any that a trained model rarely writes.
        "bos_token_id": 1,
        "eos_token_id": model["vocab_size"] - 1,
        "pad_token_id": 0,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    # The builder copies a tokenizer, whatever it is. Ids go in and out here, so each id stands for its own number.
    words = {
        "type": "WordLevel",
        "vocab": {str(token): token for token in range(model["vocab_size"])},
        "unk_token": "0",
    }
    tokenizer = {"version": "1.0", "added_tokens": [], "model": words}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


class _GenAi:
    def __init__(self, folder: Path) -> None:
        import onnxruntime_genai

        self.model = onnxruntime_genai.Model(str(folder))
        parameters = onnxruntime_genai.GeneratorParams(self.model)
        settings = json.loads((folder / "genai_config.json").read_text(encoding="utf-8"))
        parameters.set_search_options(max_length=settings["model"]["context_length"], do_sample=False)
        self.generator = onnxruntime_genai.Generator(self.model, parameters)

    def reset(self):
        self.generator.rewind_to(0)

    def read(self, ids):
        if len(ids) > 1:
            self.generator.append_tokens(ids)
        self.generator.generate_next_token()
        return int(self.generator.get_next_tokens()[0])

    def read_logits(self, ids):
        self.generator.append_tokens(ids)
        return self.generator.get_logits()[0, -1]


def load(folder: Path, variant: str):
    return _GenAi(folder)
