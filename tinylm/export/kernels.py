"""Whether a graph is integer inside, on every kind of core that budgets ship for and on this machine.

`tinylm.onnx.kernel_audit` knows which kernel ONNX Runtime takes for a product on a processor. A format that has none on
some of them turns whole matrices into floats at every token there, 30 times slower (MatMulNBits on a Cortex-A53),
which no test on the machine that exports would show.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tinylm.machine.device import device_facts
from tinylm.onnx.graph_file import parse_onnx
from tinylm.onnx.kernel_audit import audit
from tinylm.onnx.kernels import ATTENTION, Cpu

CORES = {
    "Cortex-A53 (Zero 2 W, Pi 3)": Cpu(arch="aarch64", isa=frozenset({"asimd"})),
    "Cortex-A72 (Pi 4)": Cpu(arch="aarch64", isa=frozenset({"asimd"})),
    "Cortex-A76 (Pi 5)": Cpu(arch="aarch64", isa=frozenset({"asimd", "asimddp"})),
}
"""The cores of the boards that budgets ship for and ONNX Runtime runs on, with the flags that the budgets state."""


@dataclass(frozen=True, kw_only=True)
class CoreKernels:
    """What the matrix products of a graph become on one kind of core."""

    core: str
    products: int
    integer: int
    kernels: tuple[str, ...]
    """Names, the one of most products first."""

    @property
    def shown(self) -> str:
        """One line, for people."""
        return f"{self.core}: {self.integer} of {self.products} products integer: {', '.join(self.kernels)}"


def audit_cores(graph: bytes) -> tuple[CoreKernels, ...]:
    """Audit the bytes of an ONNX file on CORES and on this machine."""
    model = parse_onnx(graph)
    facts = device_facts()
    here = Cpu(arch=facts.arch, isa=frozenset(facts.isa) or None)
    found = []
    for core, cpu in {**CORES, f"this machine ({facts.arch})": here}.items():
        rows = [row for row in audit(model, cpu) if row.op not in ATTENTION]
        kernels: Counter[str] = Counter()
        for row in rows:
            kernels[row.kernel] += row.count
        found.append(
            CoreKernels(
                core=core,
                products=kernels.total(),
                integer=sum(row.count for row in rows if row.integer),
                kernels=tuple(kernel for kernel, _ in kernels.most_common()),
            )
        )
    return tuple(found)
