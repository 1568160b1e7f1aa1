"""The lean backend in one process: the bits of onnxruntime's own module, clear errors, lifetime, threads.

What could end the interpreter, or depends on how it ends, is in `test_lean_processes.py`.
"""

from __future__ import annotations

import gc
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends import contract
from tinylm.runtime.backends.contract import Buffer
from tinylm.runtime.backends.lean import LeanSession
from tinylm.runtime.backends.reference import ReferenceSession

MakeBundle = Callable[..., Bundle]
CONTEXT = 48
IDS = [0, *np.random.default_rng(0).integers(4, 128, CONTEXT - 1).tolist()]


class Sequence:
    """A cache and memory for everything else that the graph has, driven token by token or in chunks."""

    def __init__(self, session: contract.Session) -> None:
        self.session = session
        self.ids = Buffer((1, 16), "int32")
        self.given = {name: buffer_of(value) for name, value in session.inputs.items() if name != "input_ids"}
        self.found = {
            name: self.given[name.replace("present.", "past.")] if name.startswith("present.") else buffer_of(value)
            for name, value in session.outputs.items()
        }
        self.total, self.logits = self.given["total_length"], self.found["logits"]
        if "sampling" in self.given:  # temperature, top-k, top-p, repetition penalty
            self.given["sampling"].data[:] = memoryview(struct.pack("4f", 0.8, 0, 0.9, 1.1)).cast("f")
            self.given["uniform"].data[0] = 0.37

    def inputs(self, width: int) -> dict[str, Buffer]:
        return {"input_ids": self.ids.view((1, width)), **self.given}

    def bind(self, width: int) -> contract.Binding:
        return self.session.bind(self.inputs(width), self.found)

    def read(self, ids: list[int], *, start: int, binding: contract.Binding | None = None) -> list[float]:
        """Append `ids` to the `start` tokens before them; the logits."""
        binding = binding or self.bind(len(ids))
        for position, token in enumerate(ids):
            self.ids.data[position] = token
        self.total.data[0] = start + len(ids)
        binding.run()
        return self.logits.data.tolist()


def buffer_of(value: contract.Value) -> Buffer:
    return Buffer([size or 0 for size in value.shape], value.type)


class Reference:
    """The same by onnxruntime's own module, with caches that are copied."""

    def __init__(self, model: Path, sequence: Sequence) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.values = {name: array_of(buffer).copy() for name, buffer in sequence.given.items()}

    def read(self, ids: list[int], *, start: int) -> dict[str, NDArray[np.generic]]:
        """Append `ids`; all outputs."""
        self.values["input_ids"] = np.array([ids], np.int32)
        self.values["total_length"] = np.array([start + len(ids)], np.int32)
        names = [value.name for value in self.session.get_outputs()]
        found = dict(zip(names, self.session.run(names, self.values), strict=True))
        self.values.update({name.replace("present.", "past."): found[name] for name in names if "present." in name})
        return found


def array_of(buffer: Buffer) -> NDArray[np.generic]:
    return np.asarray(buffer.data).reshape(buffer.shape)


@pytest.fixture(params=["fp32", "int8"])
def model(request: pytest.FixtureRequest, make_bundle: MakeBundle) -> Path:
    return make_bundle(scheme=request.param).model


@pytest.fixture
def session(model: Path) -> Iterator[LeanSession]:
    opened = LeanSession(model)
    yield opened
    opened.close()


@pytest.mark.parametrize("width", range(1, 17))
def test_all_outputs_are_bit_identical_to_onnxruntimes_module(session: LeanSession, model: Path, width: int) -> None:
    sequence = Sequence(session)
    reference = Reference(model, sequence)
    start = 0
    for length in (width, 1, 1, width, 1):
        ids = IDS[start : start + length]
        expected = reference.read(ids, start=start)
        sequence.read(ids, start=start)
        start += length
        for name, buffer in sequence.found.items():
            found, wanted = array_of(buffer), expected[name]
            if name.startswith("present."):
                assert not found[:, :, start:].any()  # written in place, and no further
                found, wanted = found[:, :, :start], wanted[:, :, :start]
            assert np.array_equal(found, wanted), name
        assert array_of(sequence.logits).any()


def test_one_binding_serves_token_after_token(session: LeanSession, model: Path) -> None:
    sequence = Sequence(session)
    reference, binding = Reference(model, sequence), sequence.bind(1)
    for position, token in enumerate(IDS):
        expected = reference.read([token], start=position)
        sequence.read([token], start=position, binding=binding)
        assert np.array_equal(array_of(sequence.logits), expected["logits"])


def test_outputs_that_nobody_wants_need_no_memory(session: LeanSession) -> None:
    with_logits, without = Sequence(session), Sequence(session)
    with_logits.read(IDS[:5], start=0)
    outputs = {name: buffer for name, buffer in without.found.items() if name.startswith("present.")}
    without.read(IDS[:5], start=0, binding=session.bind(without.inputs(5), outputs))
    assert without.read([IDS[5]], start=5) == with_logits.read([IDS[5]], start=5)


@pytest.mark.parametrize(("threads", "exact_int8"), [(1, True), (2, False), (2, True)])
def test_options_give_the_bits_of_the_reference_backend(model: Path, threads: int, exact_int8: bool) -> None:
    options = {"threads": threads, "exact_int8": exact_int8}
    lean, reference = LeanSession(model, **options), ReferenceSession(model, **options)
    logits = [Sequence(session).read(IDS[:9], start=0) for session in (lean, reference)]
    lean.close()
    reference.close()
    assert any(logits[0])
    assert logits[0] == logits[1]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux /proc")
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_session_starts_no_more_threads_than_it_is_given(model: Path, threads: int) -> None:
    before = len(list(Path("/proc/self/task").iterdir()))
    session = LeanSession(model, threads=threads)
    assert len(list(Path("/proc/self/task").iterdir())) == before + threads - 1  # the caller's own is one of them
    session.close()


def replaced(buffers: dict[str, Buffer], name: str, buffer: Buffer | None) -> dict[str, Buffer]:
    return {key: value for key, value in buffers.items() if key != name} | ({} if buffer is None else {name: buffer})


@pytest.mark.parametrize(
    ("side", "name", "buffer", "message"),
    [
        ("input", "total_length", None, "the graph's input `total_length` is not bound"),
        ("input", "past.0.key", None, "the graph's input `past.0.key` is not bound"),
        ("input", "past.2.key", ((1,), "float32"), "the graph has no input `past.2.key`"),
        ("input", "logits", ((1, 128), "float32"), "the graph has no input `logits`"),
        ("output", "tokens", ((1,), "int32"), "the graph has no output `tokens`"),
        ("input", "input_ids", ((1, 1), "int64"), r"is int32 \[1, None\]; int64 \[1, 1\] was bound"),
        ("input", "input_ids", ((1,), "int32"), r"is int32 \[1, None\]; int32 \[1\] was bound"),
        ("input", "input_ids", ((2, 1), "int32"), r"is int32 \[1, None\]; int32 \[2, 1\] was bound"),
        ("input", "past.0.key", ((1, 2, 47, 16), "float32"), r"is float32 \[1, 2, 48, 16\]; float32 \[1, 2, 47, 16\]"),
        ("output", "logits", ((1, 127), "float32"), r"is float32 \[1, 128\]; float32 \[1, 127\] was bound"),
        ("output", "logits", ((1, 128), "int32"), r"is float32 \[1, 128\]; int32 \[1, 128\] was bound"),
    ],
)
def test_what_does_not_fit_the_graph_is_refused(
    session: LeanSession, side: str, name: str, buffer: tuple[tuple[int, ...], str] | None, message: str
) -> None:
    sequence = Sequence(session)
    made = None if buffer is None else Buffer(*buffer)
    inputs, outputs = sequence.inputs(1), sequence.found
    if side == "input":
        inputs = replaced(inputs, name, made)
    else:
        outputs = replaced(outputs, name, made)
    with pytest.raises(TinylmError, match=message):
        session.bind(inputs, outputs)
    assert any(sequence.read(IDS[:1], start=0))


def test_a_graph_that_fails_while_running_says_so_and_runs_again(session: LeanSession) -> None:
    sequence = Sequence(session)
    expected = sequence.read([5], start=0)
    with pytest.raises(TinylmError, match=r"the model failed while running: .*Gather") as caught:
        sequence.read([128], start=0)  # an id outside the embedding
    assert caught.value.hint == "export the bundle again"
    assert sequence.read([5], start=0) == expected
    with pytest.raises(TinylmError, match="the model failed while running: At least one output"):
        session.bind(sequence.inputs(1), {}).run()


@pytest.mark.parametrize("content", [None, b"", b"not a graph", b"\x00" * 1000])
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mödel.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TinylmError, match=r"ONNX Runtime [\d.]+ cannot load `.*mödel\.onnx`: ") as caught:
        LeanSession(path)
    assert caught.value.hint


def test_a_path_of_any_letters_opens(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "ñ 語.onnx"
    path.write_bytes(model.read_bytes())
    LeanSession(path).close()


def test_a_closed_session_says_so(model: Path) -> None:
    session = LeanSession(model)
    sequence = Sequence(session)
    binding = sequence.bind(1)
    session.close()
    session.close()
    with pytest.raises(TinylmError, match="the session is closed"):
        binding.run()
    with pytest.raises(TinylmError, match="the session is closed"):
        sequence.bind(1)


def test_a_binding_keeps_its_session_and_buffers_alive(model: Path) -> None:
    sequence = Sequence(LeanSession(model))
    expected = sequence.read([5], start=0)
    binding, ids, total, logits = sequence.bind(1), sequence.ids, sequence.total, sequence.logits
    del sequence
    gc.collect()
    ids.data[0], total.data[0] = 5, 1
    binding.run()
    assert logits.data.tolist() == expected


def test_what_is_dropped_is_freed_at_once_and_only_once(model: Path) -> None:
    session = LeanSession(model)
    binding = session.bind(Sequence(session).inputs(1), Sequence(session).found)
    ends = [binding.end, session._end]
    gc.disable()  # No cycles: counting references is enough.
    try:
        del binding
        assert [end.alive for end in ends] == [False, True]
        del session
        assert [end.alive for end in ends] == [False, False]
    finally:
        gc.enable()


def test_a_refused_binding_leaves_the_session_usable(session: LeanSession, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = Sequence(session)
    expected = sequence.read([5], start=0)

    bind = session._api.bind

    def refuse(binding: int, kind: Literal["Input", "Output"], name: str, buffer: Buffer) -> None:
        if kind == "Output":
            raise TinylmError("refused")
        bind(binding, kind, name, buffer)

    with monkeypatch.context() as patched:
        patched.setattr(session._api, "bind", refuse)
        with pytest.raises(TinylmError, match="refused"):
            sequence.bind(1)
    assert sequence.read([5], start=0) == expected


def test_bindings_run_at_the_same_time(session: LeanSession) -> None:
    def answers(sequence: Sequence) -> list[list[float]]:
        binding = sequence.bind(1)
        return [sequence.read([token], start=start, binding=binding) for start, token in enumerate(IDS)]

    expected = answers(Sequence(session))
    found: list[list[list[float]]] = []

    def work() -> None:
        found.extend(answers(Sequence(session)) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert all(answer == expected for answer in found)


def test_one_binding_in_many_threads_runs_once_at_a_time(session: LeanSession) -> None:
    sequence = Sequence(session)
    expected = sequence.read([5], start=0)
    binding = sequence.bind(1)
    threads = [threading.Thread(target=lambda: [binding.run() for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sequence.logits.data.tolist() == expected


def test_closing_waits_for_what_runs(model: Path) -> None:
    for _ in range(5):
        session = LeanSession(model)
        sequences = [Sequence(session) for _ in range(3)]
        for sequence in sequences:
            sequence.total.data[0] = 4
        errors: list[str] = []
        running = threading.Barrier(len(sequences) + 1)

        def work(binding: contract.Binding, errors: list[str] = errors, running: threading.Barrier = running) -> None:
            running.wait()
            try:
                while True:
                    binding.run()
            except TinylmError as error:
                errors.append(error.message)

        threads = [threading.Thread(target=work, args=(sequence.bind(4),)) for sequence in sequences]
        for thread in threads:
            thread.start()
        running.wait()
        session.close()
        for thread in threads:
            thread.join()
        assert errors == ["the session is closed"] * 3
