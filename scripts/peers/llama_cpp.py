"""llama.cpp by llama-cpp-python: a GGUF file with 8-bit weights in blocks of 32, decoded and chosen from in C.

The package's high-level `Llama` adds its own work in Python to every token; these are the calls underneath it.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

PACKAGES = ("llama-cpp-python", "numpy")


def convert(source, variant, folder):
    """Write `model.gguf`: matrices quantized by gguf's own Q8_0, norms fp32; a tokenizer in the variant `q8_0-text`."""
    import gguf

    path, model = folder / "model.gguf", source.model
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(model["context_length"])
    writer.add_embedding_length(model["d_model"])
    writer.add_block_count(model["n_layer"])
    writer.add_feed_forward_length(model["d_ff"])
    writer.add_head_count(model["n_head"])
    writer.add_head_count_kv(model["n_kv_head"])
    writer.add_rope_dimension_count(source.head_dim)
    writer.add_rope_freq_base(model["rope_theta"])
    writer.add_layer_norm_rms_eps(model["norm_eps"])
    writer.add_vocab_size(model["vocab_size"])
    if variant == "q8_0-text":
        _add_tokenizer(writer, source.bundle)
    else:
        writer.add_tokenizer_model("none")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)

    tensors = {"token_embd": source.weights["embedding.weight"], "output_norm": source.weights["norm.weight"]}
    for number in range(model["n_layer"]):
        layer = source.layer(number)
        layer["self_attn.q_proj"] = _interleaved(layer["self_attn.q_proj"], source.head_dim)
        layer["self_attn.k_proj"] = _interleaved(layer["self_attn.k_proj"], source.head_dim)
        tensors |= {f"blk.{number}.{_NAMES[name]}": weight for name, weight in layer.items()}
    q8_0 = gguf.GGMLQuantizationType.Q8_0
    for name, weight in tensors.items():
        if weight.ndim == 2:
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(weight, q8_0), raw_dtype=q8_0)
        else:
            writer.add_tensor(f"{name}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return [path]


def _add_tokenizer(writer, bundle):
    """The bundle's unigram pieces, for llama.cpp's tokenizer of that kind, which it calls `t5`."""
    from tinylm.bundle.reading import open_bundle
    from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

    normal, unknown, control, byte = 1, 2, 3, 6
    tokenizer = Tokenizer(open_bundle(bundle).tokenizer)
    pieces, scores = zip(*tokenizer.pieces(), strict=True)
    kinds = [byte if tokenizer.is_byte(token) else normal for token in range(tokenizer.vocab_size)]
    kinds[BOS] = kinds[EOS] = kinds[PAD] = control
    kinds[UNK] = unknown
    writer.add_tokenizer_model("t5")
    writer.add_token_list(pieces)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_pad_token_id(PAD)
    writer.add_unk_token_id(UNK)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)  # it is appended to every prompt unless this is said
    writer.add_add_space_prefix(False)
    writer.add_remove_extra_whitespaces(False)


_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def _interleaved(weight, head_dim):
    """Rows in the order of llama.cpp's rotary positions: it rotates neighbours where tinylm rotates head halves."""
    rows, columns = weight.shape
    halves = weight.reshape(rows // head_dim, 2, head_dim // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


class _LlamaCpp:
    def __init__(self, path: Path) -> None:
        import llama_cpp

        self.api = llama_cpp
        # The low-level calls do not take a logger; without one the library writes its loading log to stderr.
        self.quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.quiet, ctypes.c_void_p())
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise RuntimeError(f"llama.cpp cannot load {path.name}")
        self.vocab_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = llama_cpp.llama_model_n_ctx_train(self.model)
        settings.n_threads = settings.n_threads_batch = 1
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.memory = llama_cpp.llama_get_memory(self.context)
        self.greedy = llama_cpp.llama_sampler_init_greedy()

    def reset(self):
        self.api.llama_memory_clear(self.memory, False)

    def read(self, ids):
        self._decode(ids)
        return self.api.llama_sampler_sample(self.greedy, self.context, -1)

    def read_logits(self, ids):
        self._decode(ids)
        return self.api.llama_get_logits_ith(self.context, -1)[: self.vocab_size]

    def _decode(self, ids):
        tokens = (self.api.llama_token * len(ids))(*ids)
        status = self.api.llama_decode(self.context, self.api.llama_batch_get_one(tokens, len(ids)))
        if status:
            raise RuntimeError(f"llama_decode answers {status}")


def load(folder: Path, variant: str):
    return _LlamaCpp(folder / "model.gguf")
