"""The kernels that ONNX Runtime has for matrix products, by operator and processor.

Read in its source (core/mlas/lib/platform.cpp, qgemm.h, qnbitgemm*.cpp, contrib_ops/cpu/quantization/matmul_nbits.cc)
and tried with onnxruntime 1.31 on x86; instruction counts were measured with its aarch64 wheel under emulation.

    choose_kernel(operator, Cpu(arch="aarch64", isa=frozenset({"asimd"})))   # pure
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "problem"]
"""How bad it is, in rising order."""
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "problem")

INTEGER_OPS = {"MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QLinearMatMul", "QGemm"}
FLOAT_OPS = {"MatMul", "Gemm", "FusedMatMul", "FusedGemm"}
PACKED_OPS = {"MatMulNBits", "MatMulBnb4", "MatMulFpQ4"}
ATTENTION = {"Attention", "MultiHeadAttention", "GroupQueryAttention", "DecoderMaskedMultiHeadAttention"}

DEQUANTIZED_WEIGHTS = "dequantized first"
DEQUANTIZED_PAIR = "pair of dequantized inputs"
CAST_WEIGHTS = "cast to float"

_BLOCK_SIZES = {16, 32, 64, 128, 256}  # of MatMulNBits, in qnbitgemm.cpp
_TO_FLOATS = "whole matrix to floats, then float product"


@dataclass(frozen=True, kw_only=True)
class Cpu:
    arch: str
    """As `uname -m` says."""
    isa: frozenset[str] | None
    """Flags of /proc/cpuinfo; None where they cannot be read."""

    @property
    def family(self) -> Literal["arm64", "x86_64", "other"]:
        name = self.arch.lower()
        if name in ("aarch64", "arm64"):
            return "arm64"
        return "x86_64" if name in ("x86_64", "amd64") else "other"

    def has(self, *flags: str) -> bool:
        """Whether any of the flags is there."""
        return self.isa is not None and bool(self.isa & set(flags))

    @property
    def multiplies_blocks(self) -> bool:
        """Whether MatMulNBits has integer kernels here."""
        return self.has("asimddp", "i8mm") if self.family == "arm64" else self.has("avx2")


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One kind of compute operator in a graph, as far as it decides the kernel."""

    op: str
    weights: str | None
    """Data type of the constant matrix; None when both sides are computed."""
    detail: str = ""
    """`scalar scale`, `column scales`, `accuracy level 4, blocks of 32`, `dequantized first`, ..."""
    signed_activations: bool = False
    """int8 and not uint8."""
    bits: int = 0
    accuracy_level: int = 0
    block_size: int = 0


@dataclass(frozen=True)
class Kernel:
    """What a product becomes on a processor."""

    name: str
    integer: bool
    level: Level
    reason: str = ""
    """Why it has this level; empty when it is `ok`."""


def choose_kernel(operator: Operator, cpu: Cpu) -> Kernel:
    """The kernel that `operator` gets on `cpu`, and what that is worth."""
    if operator.op in ATTENTION:
        return Kernel("float attention over the cache", False, "ok")
    if operator.op in FLOAT_OPS and operator.detail not in (DEQUANTIZED_WEIGHTS, DEQUANTIZED_PAIR):
        return _float_product(operator)
    if cpu.isa is None or cpu.family == "other":
        what = "flags are not readable" if cpu.family != "other" else f"kernels are not known for {cpu.arch}"
        return Kernel("unknown", operator.op in INTEGER_OPS, "note", f"the processor's {what}")
    if operator.op in INTEGER_OPS:
        return _integer_product(operator, cpu)
    if operator.op in PACKED_OPS:
        return _packed_product(operator, cpu)
    if operator.detail == DEQUANTIZED_PAIR:
        fused = _integer_product(operator, cpu)
        reason = fused.reason or "integer only where ONNX Runtime recognises the pair and fuses it (1.31 does)"
        return Kernel(fused.name, True, max("note", fused.level, key=LEVELS.index), reason)
    return _dequantized_product(cpu)


def _float_product(operator: Operator) -> Kernel:
    if operator.detail == CAST_WEIGHTS:
        return Kernel("float product", False, "warning", "weights become floats at load: 4 times the memory of int8")
    if operator.weights is None:
        return Kernel("float product of two computed matrices", False, "ok")
    if operator.weights == "float32":
        return Kernel("float product", False, "note", "4 bytes a weight to read for every token, where int8 reads 1")
    return Kernel("float product", False, "note", f"{operator.weights} weights, where int8 reads 1 byte a weight")


def _dequantized_product(cpu: Cpu) -> Kernel:
    """Weights through DequantizeLinear, activations float: ONNX Runtime 1.31 makes a MatMulNBits of it (tried)."""
    if not cpu.multiplies_blocks:
        return Kernel(_TO_FLOATS, False, "problem", "every call turns the whole matrix into floats")
    reason = (
        "older releases of ONNX Runtime, and shapes it does not recognise, turn the matrix into floats at every call"
    )
    return Kernel("becomes MatMulNBits, or floats", False, "warning", reason)


def _integer_product(operator: Operator, cpu: Cpu) -> Kernel:
    if operator.signed_activations and not cpu.has("avx_vnni_int8"):
        if cpu.family == "x86_64":
            reason = "signed activations have no fast kernel on x86: 40 times slower than unsigned ones (measured)"
            return Kernel("generic integer product", True, "problem", reason)
        if operator.weights == "uint8":
            return Kernel(
                "unknown", True, "warning", "signed activations with unsigned weights may have no kernel here"
            )
    kernel, level, reason = _u8u8(cpu) if operator.weights == "uint8" else _u8s8(cpu)
    if operator.weights is None:
        return Kernel(kernel, True, "warning", "the matrix is no constant: it is packed again at every call")
    if operator.op == "DynamicQuantizeMatMul" and "column scales" in operator.detail and level == "ok":
        reason = "a scalar scale and a Mul after it are faster (14 us a token at 1.3 M parameters, measured)"
        return Kernel(kernel, True, "note", reason)
    return Kernel(kernel, True, level, reason)


def _u8s8(cpu: Cpu) -> tuple[str, Level, str]:
    if cpu.family == "arm64":
        if cpu.has("i8mm"):
            return "NEON int8 matrix multiply (i8mm)", "ok", ""
        return ("NEON int8 dot products" if cpu.has("asimddp") else "NEON int8 multiply-add"), "ok", ""
    if cpu.has("amx_int8"):
        return "AMX int8", "ok", ""
    if cpu.has("avx512_vnni", "avx_vnni"):
        return "VNNI int8 dot products", "ok", ""
    saturates = "without VNNI pairs of products are added in 16 bits and saturate: results may differ from other boards"
    if cpu.has("avx2"):
        return "AVX2 int8 multiply-add", "warning", saturates
    return "SSE int8 multiply-add", "warning", saturates + "; and it is slow"


def _u8u8(cpu: Cpu) -> tuple[str, Level, str]:
    if cpu.family == "arm64":
        return _u8s8(cpu)  # platform.cpp sets NEON, dot-product and i8mm kernels for u8 x u8 as well
    if cpu.has("avx_vnni_int8"):
        return "VNNI int8 dot products", "ok", ""
    if cpu.has("avx2"):
        return "AVX 16-bit multiply-add", "ok", ""  # widened first: it does not saturate, and is as fast (measured)
    return "SSE 16-bit multiply-add", "warning", "slow: this processor has no AVX2"


def _packed_product(operator: Operator, cpu: Cpu) -> Kernel:
    bits, level = operator.bits, operator.accuracy_level
    if operator.op != "MatMulNBits":
        return Kernel(_TO_FLOATS, False, "problem", "no kernel reads these packed weights directly")
    if operator.block_size not in _BLOCK_SIZES:
        reason = f"ONNX Runtime refuses blocks of {operator.block_size}; it takes 16, 32, 64, 128 and 256"
        return Kernel("none", False, "problem", reason)
    if bits not in (4, 8):
        return Kernel("unknown", False, "warning", f"kernels for {bits} bits are new and not known here")
    if level == 4 and cpu.multiplies_blocks:
        return Kernel(f"block int8 product of {bits}-bit weights", True, "ok")
    if not cpu.multiplies_blocks and (bits == 8 or cpu.family == "x86_64"):
        lacks = "dot products (asimddp)" if cpu.family == "arm64" else "AVX2"
        reason = f"this core has no {lacks}: every call turns the whole matrix into floats"
        if cpu.family == "arm64":
            reason += " (20 to 135 million instructions a token, where DynamicQuantizeMatMul takes 1 to 4; measured)"
        return Kernel(_TO_FLOATS, False, "problem", reason)
    if bits == 8:
        reason = f"accuracy level {level} has no 8-bit kernel, only level 4 has (20 to 80 times slower, measured)"
        return Kernel(_TO_FLOATS, False, "problem", reason)
    if cpu.multiplies_blocks:
        reason = f"accuracy level {level} is not 4: weights are unpacked to floats inside the kernel"
    else:
        reason = "this core has no dot products: weights are unpacked to floats inside the kernel"
        reason += " (5 times the instructions of an fp32 product, measured)"
    return Kernel("4-bit weights unpacked to floats", False, "warning", reason)
