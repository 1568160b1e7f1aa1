"""What work costs on each kind of core, in instructions: tables that `scripts/bench_instructions` fits and prints.

By the names of `tinylm.emulation.processors`, on which everything was counted: static programs of the compiler that
`tinylm export --standalone` uses. The boards' own cores do the same instructions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tinylm.budget.estimate.work import Work


class Around(NamedTuple):
    """What a request takes beside the engine: `requests`, `prompt_tokens` and `tokens` of Work."""

    requests: float
    prompt_tokens: float
    tokens: float


class Served(NamedTuple):
    """What a request takes of `tinylm serve` beyond the runtime, over one connection that is kept."""

    requests: float
    pieces: float
    """In which the text is streamed: on a board nearly every token is one."""


@dataclass(frozen=True, kw_only=True)
class Core:
    """One kind of core."""

    program: Work
    """Instructions for one of each quantity, in a standalone program."""
    python: Around
    """What stands around the engine where Python serves: counted on emulated boards with the two 64-bit ARM cores, on
    the others assumed to be a quarter more than on a Cortex-A53."""
    served: Served
    """What a server does beyond that, the system's part included: counted on an emulated Cortex-A53, assumed to be the
    same on the other 64-bit core and a quarter more on the others."""
    error: float
    """The largest relative error of a prediction, over all requests of all shapes, fitted or held out."""

    @property
    def costs(self) -> Work:
        """Those of a bundle that Python serves."""
        return self.program._replace(**self.python._asdict())


CORES = {
    "Cortex-A76": Core(
        program=Work(
            requests=217300,
            tokens=5086,
            layer_rows=493.7,
            products=252.6,
            int8_rows=0.09802,
            int8_fours=0.3079,
            float_rows=0.7174,
            float_fours=2.545,
            quantized=6.074,
            layer_norms=18.21,
            gates=7.644,
            gelus=5.793,
            rotated=11.85,
            remembered=2.27,
            int8_remembered=8.656,
            heads=373.9,
            masses=6.696,
            pairs=1.63,
            int8_pairs=2.841,
            logits=2.814,
            top_k_logits=2.847,
            penalised_logits=7.672,
            candidates=773.2,
        ),
        python=Around(requests=428000, prompt_tokens=0, tokens=39900),
        served=Served(requests=2950000, pieces=305000),
        error=0.09,
    ),
    "Cortex-A53": Core(
        program=Work(
            requests=219400,
            tokens=8312,
            layer_rows=382.7,
            products=229.6,
            int8_rows=0.2499,
            int8_fours=0.9987,
            float_rows=0.7073,
            float_fours=2.522,
            quantized=5.225,
            rms_norms=6.39,
            layer_norms=14.34,
            gates=10.56,
            gelus=7.027,
            rotated=0.5287,
            remembered=9.118,
            int8_remembered=15.28,
            heads=377.7,
            masses=6.465,
            pairs=1.678,
            int8_pairs=2.864,
            logits=3.605,
            top_k_logits=2.904,
            penalised_logits=7.665,
            candidates=775.5,
        ),
        python=Around(requests=433000, prompt_tokens=0, tokens=43600),
        served=Served(requests=2950000, pieces=305000),
        error=0.06,
    ),
    "Cortex-A7": Core(
        program=Work(
            requests=238700,
            tokens=10600,
            products=317.5,
            int8_rows=0.6223,
            int8_fours=2.481,
            float_rows=1.241,
            float_fours=6.661,
            outputs=4.171,
            quantized=7.472,
            rms_norms=11.94,
            layer_norms=24.41,
            gates=17.96,
            gelus=12.2,
            remembered=13.54,
            int8_remembered=33.68,
            heads=440.4,
            masses=8.436,
            pairs=3.351,
            int8_pairs=6.207,
            logits=6.463,
            top_k_logits=6.789,
            penalised_logits=12.8,
            candidates=1041,
        ),
        python=Around(requests=541000, prompt_tokens=0, tokens=54500),
        served=Served(requests=3690000, pieces=381000),
        error=0.05,
    ),
    "ARM1176": Core(
        program=Work(
            requests=234900,
            tokens=19600,
            products=410.9,
            int8_rows=1.503,
            int8_fours=5.98,
            float_rows=8.364,
            float_fours=32.93,
            quantized=50.27,
            rms_norms=9.043,
            layer_norms=32.74,
            gates=70.39,
            gelus=58.27,
            remembered=34.37,
            int8_remembered=70.42,
            heads=719.7,
            masses=44.99,
            pairs=12.74,
            int8_pairs=15.61,
            logits=24.16,
            top_k_logits=6.571,
            penalised_logits=16.69,
            candidates=1168,
        ),
        python=Around(requests=541000, prompt_tokens=0, tokens=54500),
        served=Served(requests=3690000, pieces=381000),
        error=0.05,
    ),
    "RV64GC": Core(
        program=Work(
            requests=282200,
            tokens=24810,
            int8_rows=4.405,
            int8_fours=17.6,
            float_rows=7.499,
            float_fours=29.35,
            quantized=34.71,
            layer_norms=57.88,
            gates=70.67,
            gelus=55.9,
            rotated=34.76,
            remembered=22.49,
            int8_remembered=38.52,
            heads=738.9,
            masses=36.75,
            pairs=12.11,
            int8_pairs=14.28,
            logits=20.4,
            top_k_logits=6.29,
            penalised_logits=19.05,
            candidates=1101,
        ),
        python=Around(requests=541000, prompt_tokens=0, tokens=54500),
        served=Served(requests=3690000, pieces=381000),
        error=0.05,
    ),
}
