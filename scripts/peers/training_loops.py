"""Training steps of one model in three ways, for `scripts/bench_training`: a process that steps when it is told.

    python training_loops.py WAY PRESET     reads a number of steps a line, answers with one JSON line each

    ours          tinylm's step: what the trainer calls, compiled
    fp32          a plain loop in the manner of nanoGPT: torch's attention, whole logits, F.cross_entropy, fp32, eager
    compiled      the same loop under bf16 autocast, with the whole model and its loss compiled
    roofline      no steps: the matrix products of one, each alone, in bf16

Everyone trains the same weights on the same random tokens with fused AdamW and a clipped gradient.
"""

import json
import resource
import sys
import time
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F

from tinylm.dataset.batches import Batch
from tinylm.model import attention, build
from tinylm.settings.run import preset
from tinylm.training.allocator import keep_freed_memory
from tinylm.training.device import use_physical_cores
from tinylm.training.step.optimizer import build_optimizer, set_learning_rate
from tinylm.training.step.step import loss_sum
from tinylm.training.tuning.compiler_cache import prepare_cache

PEAK_SIZE = 2048
"""Rows and columns of the square product that stands for the processor's peak."""


def rows(config):
    """(batch, context + 1) random ids."""
    shape = (config.training.batch_size, config.model.context_length + 1)
    return np.random.default_rng(0).integers(4, config.model.vocab_size, shape)


def ours(config):
    """One step of tinylm's: `loss_sum` is the trainer's own."""
    keep_freed_memory()
    prepare_cache()
    torch.manual_seed(0)
    model = build(config.model)
    model.compiled = True
    setup = SimpleNamespace(
        model=model,
        device=torch.device("cpu"),
        dtype=torch.bfloat16,
        training=SimpleNamespace(separate_documents=False),
    )
    ids = rows(config)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    batch = Batch(inputs, targets, np.zeros(inputs.shape, np.int32))

    def loss():
        return loss_sum(setup, batch) / targets.size

    return _stepper(model, config, loss)


def plain(config, *, dtype, compiled):
    """One step as nanoGPT has it: https://github.com/karpathy/nanoGPT/blob/master/train.py."""
    attention.attention_by_products = lambda q, k, v, mask: F.scaled_dot_product_attention(
        q, k, v, is_causal=True, enable_gqa=q.shape[1] != k.shape[1]
    )
    torch.manual_seed(0)
    model = build(config.model)
    ids = torch.from_numpy(rows(config))

    def forward(inputs, targets):
        logits = model(inputs)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))

    if compiled:
        prepare_cache()
        forward = torch.compile(forward)

    def loss():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            return forward(ids[:, :-1], ids[:, 1:])

    return _stepper(model, config, loss)


def _stepper(model, config, loss):
    optimizer = build_optimizer(model, config.training)
    set_learning_rate(optimizer, 1e-4)

    def step():
        value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(value.detach())

    return step


def products(config):
    """Every matrix product of one step: (how often, batch, M, K, N), forward and backward."""
    model = build(config.model)
    tokens = config.training.batch_size * config.model.context_length
    linear = [module.weight for module in model.modules() if isinstance(module, torch.nn.Linear)]
    if model.head is None:
        linear.append(model.output_weight)
    found = []
    for weight in linear:
        outputs, inputs = weight.shape
        # the layer itself, the gradient of its input, the gradient of its weight
        found += [(1, 1, tokens, inputs, outputs), (1, 1, tokens, outputs, inputs), (1, 1, outputs, tokens, inputs)]
    shape = config.model
    batch, rows_ = config.training.batch_size * shape.n_kv_head, shape.n_head // shape.n_kv_head * shape.context_length
    length, size = shape.context_length, shape.head_dim
    layers = shape.n_layer
    # queries by keys, and the gradient of the shares; shares by values, and the gradient of queries; of keys and values
    found += [(2 * layers, batch, rows_, size, length), (2 * layers, batch, rows_, length, size)]
    found += [(2 * layers, batch, length, rows_, size)]
    counted = {}
    for count, *dimensions in found:
        counted[tuple(dimensions)] = counted.get(tuple(dimensions), 0) + count
    return [(count, *dimensions) for dimensions, count in counted.items()]


def flops(product):
    """Two a multiply-add."""
    count, batch, m, k, n = product
    return 2 * count * batch * m * k * n


def roofline(config, *, repeats):
    """Best seconds of every product alone, all times it occurs; last, of one large square product for the peak."""
    keep_freed_memory()
    seconds = []
    for count, batch, m, k, n in [*products(config), (1, 1, PEAK_SIZE, PEAK_SIZE, PEAK_SIZE)]:
        a, b = torch.randn(batch, m, k, dtype=torch.bfloat16), torch.randn(batch, k, n, dtype=torch.bfloat16)
        a, b = (a[0], b[0]) if batch == 1 else (a, b)
        wall, processor = zip(*(timed(lambda a=a, b=b: a @ b)[:2] for _ in range(repeats)), strict=True)
        seconds.append((count * min(wall), count * min(processor)))
    return {"seconds": [pair[0] for pair in seconds], "processor_seconds": [pair[1] for pair in seconds]}


def timed(work):
    """Wall-clock seconds, processor seconds of all threads, and the result."""
    started, processor = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - started, time.process_time() - processor, result


def main():
    """Answer each line until there are no more."""
    way, name = sys.argv[1:]
    config = preset(name)
    threads = use_physical_cores()
    step = {
        "ours": lambda: ours(config),
        "fp32": lambda: plain(config, dtype=torch.float32, compiled=False),
        "compiled": lambda: plain(config, dtype=torch.bfloat16, compiled=True),
        "roofline": lambda: None,
    }[way]()
    for line in sys.stdin:
        steps = int(line)
        if step is None:
            answer = roofline(config, repeats=steps)
        else:
            wall, processor, losses = zip(*(timed(step) for _ in range(steps)), strict=True)
            answer = {"seconds": wall, "processor_seconds": processor, "loss": losses[-1]}
        answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        answer["threads"] = threads
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
