"""What every contestant is made of: one trained model, as files that need nothing but numpy to read.

The parent, where tinylm's training side is installed, writes them once; each contestant's own interpreter reads them.

    model.json     shape of the model, and the folder of its bundle
    weights.npz    fp32 weights under tinylm's names
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy would count in the memory of a contestant that does without
    import numpy as np
    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model of tinylm's architecture `llama`: RMSNorm, rotary positions on head halves, SwiGLU, a tied embedding."""

    model: dict[str, int | float | str]
    """The fields of `tinylm.settings.run.ModelConfig`."""
    bundle: Path
    weights: Weights

    @property
    def head_dim(self) -> int:
        return int(self.model["d_model"]) // int(self.model["n_head"])

    def layer(self, number: int) -> dict[str, NDArray[np.float32]]:
        """One block's weights under the names of Hugging Face's LLaMA, with what tinylm packs unpacked."""
        own = {name: self.weights[f"blocks.{number}.{name}.weight"] for name in _IN_A_BLOCK}
        queries = int(self.model["n_head"]) * self.head_dim
        keys = int(self.model["n_kv_head"]) * self.head_dim
        qkv, gate_up, d_ff = own["attention.qkv"], own["mlp.gate_up"], int(self.model["d_ff"])
        return {
            "input_layernorm": own["attention_norm"],
            "self_attn.q_proj": qkv[:queries],
            "self_attn.k_proj": qkv[queries : queries + keys],
            "self_attn.v_proj": qkv[queries + keys :],
            "self_attn.o_proj": own["attention.output"],
            "post_attention_layernorm": own["mlp_norm"],
            "mlp.gate_proj": gate_up[:d_ff],
            "mlp.up_proj": gate_up[d_ff:],
            "mlp.down_proj": own["mlp.down"],
        }


_IN_A_BLOCK = ("attention_norm", "attention.qkv", "attention.output", "mlp_norm", "mlp.gate_up", "mlp.down")


def write_source(folder: Path, source: Source) -> None:
    import numpy as np

    record = {"model": source.model, "bundle": str(source.bundle.resolve())}
    (folder / "model.json").write_text(json.dumps(record), encoding="utf-8")
    np.savez(folder / "weights.npz", **source.weights)


def read_source(folder: Path) -> Source:
    import numpy as np

    record = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    with np.load(folder / "weights.npz") as weights:
        return Source(model=record["model"], bundle=Path(record["bundle"]), weights=dict(weights))
