"""The engine trusts no byte and no number: an error code, the right one, and the sequence stays as it was."""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Iterator, Sequence
from ctypes import byref, c_double, c_float, c_int32, c_void_p

import pytest

from tests.fixtures.small_images import PRECISIONS, SHAPES, small_image
from tinylm.native.library import Sampling, instruction_sets, load

BAD_IMAGE, BAD_NUMBERS, NO_INSTRUCTIONS, BAD_TOKEN, CONTEXT_FULL = -1, -2, -3, -4, -5
NOT_FINITE, BAD_ARGUMENT, WINDOW_PASSED = -6, -7, -8
HEADER = struct.Struct("<4sIQ10ifI")
FIELDS = ("magic", "interface", "bytes", "architecture", "int8_parts", "vocab_size", "context_length", "n_layer")
FIELDS += ("n_head", "n_kv_head", "d_model", "d_ff", "window", "norm_eps", "unused")
INT_MAX, INT_MIN = 2**31 - 1, -(2**31)
NAN, INFINITY = math.nan, math.inf
VOCAB_SIZE, CONTEXT = 20, 9


class Memory:
    """So many bytes at a multiple of 64, zeros or a copy."""

    def __init__(self, content: bytes | int) -> None:
        size = content if isinstance(content, int) else len(content)
        self._buffer = ctypes.create_string_buffer(size + 64)
        self.address = (ctypes.addressof(self._buffer) + 63) // 64 * 64
        if isinstance(content, bytes):
            ctypes.memmove(self.address, content, size)


class Model:
    """An open model of an image, with one sequence; `error` where it was refused."""

    def __init__(self, image: bytes, *, instructions: bytes | None = None, threads: int = 1) -> None:
        library = load()
        self._image = Memory(image)
        room = library.tinylm_model_bytes(self._image.address, len(image), threads)
        self._model = Memory(room or 4096)
        model = self._model.address
        self.error: int = library.tinylm_model_open(model, self._image.address, len(image), instructions, threads)
        assert room or self.error in (BAD_IMAGE, BAD_ARGUMENT)
        if not self.error:
            self._sequence = Memory(library.tinylm_sequence_bytes(model))
            self.sequence = self._sequence.address
            library.tinylm_sequence_open(self.sequence, model)

    @property
    def length(self) -> int:
        return int(load().tinylm_length(self.sequence))

    def prefill(self, ids: Sequence[int], count: int | None = None) -> int:
        return int(
            load().tinylm_prefill(self.sequence, (c_int32 * len(ids))(*ids), len(ids) if count is None else count)
        )

    def logits(self, token: int) -> int:
        return int(load().tinylm_logits(self.sequence, token, byref(c_void_p())))

    def step(self, token: int, uniform: float = 0.5, **settings: float) -> int:
        how = Sampling(**{"temperature": 0.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0, **settings})
        return int(load().tinylm_step(self.sequence, token, byref(how), uniform, byref(c_float())))

    def score(self, ids: Sequence[int], count: int | None = None) -> int:
        nats = (c_double * max(len(ids), 1))()
        number = len(ids) if count is None else count
        return int(load().tinylm_score(self.sequence, (c_int32 * len(ids))(*ids), number, nats))

    def truncate(self, length: int) -> int:
        return int(load().tinylm_truncate(self.sequence, length))

    def hash(self) -> int:
        """Of the logits that one more token gives, which is forgotten again."""
        assert self.logits(7) == 0
        found = int(load().tinylm_hash_logits(self.sequence, 0))
        assert self.truncate(self.length - 1) == 0
        return found


@pytest.fixture(scope="module")
def image() -> bytes:
    return small_image("llama", "int8-cache")


@pytest.fixture
def model(image: bytes) -> Iterator[Model]:
    """With three tokens read, and checked to be as it was in the end."""
    opened = Model(image)
    assert opened.prefill([1, 5, 6]) == 0
    before = opened.hash()
    yield opened
    assert (opened.length, opened.hash()) == (3, before)


def changed(image: bytes, **fields: object) -> bytes:
    """The image with other fields in its header."""
    header = dict(zip(FIELDS, HEADER.unpack(image[: HEADER.size]), strict=True)) | fields
    return HEADER.pack(*header.values()) + image[HEADER.size :]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_kind_is_opened_whole_and_refused_cut(shape: str, precision: str) -> None:
    image = small_image(shape, precision)
    assert Model(image).error == 0
    for size in range(0, len(image), 61):  # with `bytes` as it was, and as a shorter file would say it
        cut = image[:size]
        assert Model(cut).error == BAD_IMAGE
        assert size < HEADER.size or Model(changed(cut, bytes=size)).error == BAD_IMAGE


def test_every_prefix_is_refused(image: bytes) -> None:
    for size in range(len(image)):
        assert Model(image[:size]).error == BAD_IMAGE
        assert size < HEADER.size or Model(changed(image[:size], bytes=size)).error == BAD_IMAGE


def test_what_is_left_over_is_refused(image: bytes) -> None:
    longer = image + bytes(64)
    assert Model(longer).error == Model(changed(longer, bytes=len(longer))).error == BAD_IMAGE


EXTREMES = (INT_MIN, -65536, -1, 0, 1 << 16, (1 << 16) + 1, 1 << 24, INT_MAX - 15, INT_MAX)


@pytest.mark.parametrize("field", FIELDS[3:13])
@pytest.mark.parametrize("value", EXTREMES)
def test_extreme_numbers_in_the_header_are_refused(field: str, value: int, image: bytes) -> None:
    unchanged = dict(zip(FIELDS, HEADER.unpack(image[: HEADER.size]), strict=True))[field] == value
    assert Model(changed(image, **{field: value})).error == (0 if unchanged else BAD_IMAGE)


@pytest.mark.parametrize(
    "fields",
    [
        {"magic": b"TLMP"},
        {"interface": 0},
        {"interface": 2**32 - 1},
        {"bytes": 0},
        {"bytes": 2**64 - 1},
        {"unused": 1},
        {"norm_eps": 0.0},
        {"norm_eps": -1e-5},
        {"norm_eps": NAN},
        {"norm_eps": INFINITY},
        {"n_head": 3},  # which does not divide d_model
        {"n_head": 16},  # heads of one value cannot be rotated
        {"n_kv_head": 2},  # more than n_head
        {"vocab_size": 3},  # no room for BOS, EOS, PAD and UNK
        {"architecture": 1},  # its parts are others
    ],
    ids=str,
)
def test_other_fields_are_refused(fields: dict[str, object], image: bytes) -> None:
    assert Model(changed(image, **fields)).error == BAD_IMAGE


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY], ids=str)
def test_scales_and_norms_that_are_not_finite_are_refused(value: float, image: bytes) -> None:
    config = SHAPES["llama"]
    cos = sin = 4 * math.ceil(config.context_length * config.head_dim / 2 / 16) * 16
    key_scale = HEADER.size + cos + sin
    norm = key_scale + 2 * 64
    qkv_scale = norm + 64
    last_norm = len(image) - (2 * 128 + 32 * 16) - 64  # before the embedding's scales, sums and values
    for at in (HEADER.size, key_scale, norm, qkv_scale, last_norm):
        assert Model(image[:at] + struct.pack("<f", value) + image[at + 4 :]).error == BAD_NUMBERS


def test_any_weights_give_an_error_or_a_token_that_may_be_chosen(image: bytes) -> None:
    for weights in (b"\x80", b"\x7f", b"\x00", b"\xff\xff\x7f\x7f", b"\xff\xff\x7f\xff"):  # and the largest floats
        filled = (image[: HEADER.size] + weights * len(image))[: len(image)]
        opened = Model(filled)
        assert opened.error in (0, BAD_NUMBERS)
        if not opened.error:
            assert opened.step(5) in (NOT_FINITE, 1, *range(4, VOCAB_SIZE))
            assert opened.step(5, temperature=0.001) in (NOT_FINITE, 1, *range(4, VOCAB_SIZE))
            assert opened.score([5, 6, 7]) in (0, NOT_FINITE)


def test_what_else_opening_refuses(image: bytes) -> None:
    assert Model(image, instructions=b"mmx").error == NO_INSTRUCTIONS
    assert Model(image, instructions=b"").error == NO_INSTRUCTIONS
    for threads in (INT_MIN, -1, 0, 65, INT_MAX):
        assert Model(image, threads=threads).error == BAD_ARGUMENT
    library, at = load(), Memory(image)
    assert library.tinylm_model_bytes(None, len(image), 1) == 0
    assert library.tinylm_model_bytes(at.address + 4, len(image), 1) == 0
    room = Memory(library.tinylm_model_bytes(at.address, len(image), 1) + 64)
    assert library.tinylm_model_open(None, at.address, len(image), None, 1) == BAD_ARGUMENT
    assert library.tinylm_model_open(room.address + 8, at.address, len(image), None, 1) == BAD_ARGUMENT


@pytest.mark.parametrize("token", [-1, VOCAB_SIZE, 1 << 16, INT_MAX, INT_MIN])
def test_tokens_that_the_vocabulary_does_not_have(token: int, model: Model) -> None:
    assert model.prefill([4, token, 5]) == BAD_TOKEN
    assert model.logits(token) == BAD_TOKEN
    assert model.step(token) == BAD_TOKEN
    for ids in ([token, 5], [5, token], [5, 6, token, 7]):
        assert model.score(ids) == BAD_TOKEN


def test_negative_counts(model: Model) -> None:
    for count in (-1, -16, INT_MIN):
        assert model.prefill([], count) == BAD_ARGUMENT
        assert model.score([], count) == BAD_ARGUMENT
        assert model.truncate(count) == BAD_ARGUMENT
    assert model.score([], 0) == BAD_ARGUMENT
    assert model.prefill([]) == 0
    assert model.score([5]) == 0  # one token costs nothing and is not read


def test_more_than_the_context_holds(model: Model) -> None:
    left = CONTEXT - model.length
    for count in (left + 1, 1 << 16, INT_MAX):  # refused before an id is read
        assert model.prefill([], count) == CONTEXT_FULL
    for count in (left + 2, INT_MAX):
        assert model.score([], count) == CONTEXT_FULL
    assert model.truncate(4) == model.truncate(INT_MAX) == BAD_ARGUMENT
    assert model.prefill([5] * left) == 0
    assert model.logits(5) == model.step(5) == model.prefill([5]) == CONTEXT_FULL
    assert model.length == CONTEXT
    assert model.truncate(3) == 0


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("temperature", (NAN, INFINITY, -INFINITY, -1.0, -1e-30, 0.0009, 100.1)),
        ("top_k", (-1, INT_MIN)),
        ("top_p", (NAN, INFINITY, 0.0, -0.5, 1.0001)),
        ("repetition_penalty", (NAN, INFINITY, 0.0, -1.0, 0.0099, 101.0, 1.5)),  # and one in range, without `seen`
        ("uniform", (NAN, INFINITY, 1.0, -1e-30, 2.0)),
    ],
)
def test_settings_out_of_their_range(setting: str, values: Sequence[float], model: Model) -> None:
    for value in values:
        settings = {"temperature": 1.0, setting: value}
        assert model.step(5, **settings) == BAD_ARGUMENT, settings
        assert model.step(INT_MAX, **settings) == BAD_TOKEN


def test_settings_at_the_ends_of_their_range(image: bytes) -> None:
    for settings in (
        {"top_k": INT_MAX},
        {"top_k": 1},
        {"top_p": 1e-45},
        {"temperature": 0.001},
        {"temperature": 100.0},
        {"uniform": 1 - 2**-24},
        {"uniform": 0.0},
        {"top_k": INT_MAX, "top_p": 1e-45},
    ):
        opened = Model(image)
        assert opened.step(5, **{"temperature": 1.0, **settings}) in (1, *range(4, VOCAB_SIZE)), settings
        assert opened.length == 1


def test_logits_that_are_not_finite_are_said_after_the_token_was_read() -> None:
    fp32 = small_image("llama", "fp32")
    norm, embedding = 64, 4 * 32 * 16  # the last parts
    huge = fp32[: -norm - embedding] + struct.pack("<f", 3e38) * (norm // 4) + struct.pack("<f", 1e9) * (embedding // 4)
    opened = Model(huge)
    assert opened.error == 0
    assert opened.step(5) == NOT_FINITE
    assert opened.length == 1
    assert opened.score([5, 6, 7]) == NOT_FINITE


def test_a_text_that_is_not_finite_leaves_nothing_behind_when_it_is_forgotten() -> None:
    """The rows of this model are padded, and the padding is NaN once a row is."""
    fp32 = bytearray(small_image("padded", "fp32"))
    embedding, token = len(fp32) - 2 * 4 * 32 * 32, 5  # the head, of the same size, is the last part
    for k in range(24):  # both signs: their range is infinite in float32
        struct.pack_into("<f", fp32, embedding + 4 * (16 * k + token), 3e38 * (-1) ** k)
    opened, fresh = Model(bytes(fp32)), Model(bytes(fp32))
    assert opened.step(token) == NOT_FINITE
    assert opened.truncate(0) == 0
    assert opened.hash() == fresh.hash()


@pytest.mark.parametrize("name", instruction_sets())
def test_a_single_logit_that_is_nan(name: str) -> None:
    """Products of both signs that are too large: plus and minus infinity, whose sum is NaN."""
    fp32 = bytearray(small_image("llama", "fp32"))
    norm, embedding, lane = 64, 4 * 32 * 16, 9
    fp32[-norm - embedding : -embedding] = struct.pack("<f", 100) * (norm // 4)
    for k in range(16):
        at = len(fp32) - embedding + 4 * (16 * k + lane)
        fp32[at : at + 4] = struct.pack("<f", 3e38)
    opened = Model(bytes(fp32), instructions=name.encode())
    assert opened.error == 0
    for settings in ({}, {"temperature": 1.0}, {"temperature": 1.0, "top_k": 3}, {"temperature": 1.0, "top_p": 0.5}):
        assert opened.step(5, **settings) == NOT_FINITE


def choose(logits: Sequence[float], forbidden: int = 0, uniform: float = 0.5, **settings: float) -> int:
    how = Sampling(**{"temperature": 1.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0, **settings})
    scratch = (c_float * (3 * (len(logits) + 15)))()
    values = (c_float * len(logits))(*logits)
    return int(load().tinylm_choose(values, len(logits), forbidden, byref(how), uniform, scratch, byref(c_float())))


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.0}, {}, {"top_k": 2}, {"top_p": 0.5}, {"top_k": 2, "top_p": 0.5}]
)
def test_choosing_from_logits_that_may_be_anything(settings: dict[str, float]) -> None:
    assert choose([1.0, NAN, 2.0], **settings) == NOT_FINITE
    assert choose([1.0, INFINITY, 2.0], **settings) == NOT_FINITE
    assert choose([-INFINITY] * 3, **settings) == NOT_FINITE
    assert choose([1.0, 2.0, 3.0], forbidden=7, **settings) == NOT_FINITE  # nothing is left
    assert choose([1.0, 9.0, 3.0], forbidden=0b101, **settings) == 1
    assert choose([-INFINITY, -3.0, -INFINITY], **settings) == 1  # a mask
    assert choose([], **settings) == BAD_ARGUMENT


def top_logprobs(logits: Sequence[float], *, token: int = 0, count: int = 1) -> int:
    values, scratch = (c_float * len(logits))(*logits), (c_float * (len(logits) + 15))()
    room = max(count, 1)
    ids, logprobs, logprob = (ctypes.c_int32 * room)(), (ctypes.c_double * room)(), ctypes.c_double()
    return int(load().tinylm_top_logprobs(values, len(logits), 0, token, count, ids, logprobs, byref(logprob), scratch))


def test_log_probabilities_of_logits_that_may_be_anything() -> None:
    assert top_logprobs([1.0, 2.0, 3.0], count=3) == 3
    assert top_logprobs([1.0, 2.0, 3.0], count=0) == 0
    assert top_logprobs([1.0, -INFINITY, 3.0], token=1, count=3) == 2
    for bad in ([1.0, NAN, 2.0], [1.0, INFINITY, 2.0], [-INFINITY] * 3):
        assert top_logprobs(bad) == NOT_FINITE
    for token, count in ((-1, 1), (3, 1), (0, -1), (0, 4)):
        assert top_logprobs([1.0, 2.0, 3.0], token=token, count=count) == BAD_ARGUMENT
    assert top_logprobs([]) == BAD_ARGUMENT


def test_a_temperature_that_takes_logits_to_infinity() -> None:
    assert choose([3e38, 1.0, 2.0], temperature=0.001) == NOT_FINITE
    assert choose([3e38, 1.0, 2.0], temperature=0.001, top_k=2) == NOT_FINITE


def test_a_penalty_below_one_does_not_bring_back_what_is_forbidden() -> None:
    seen = (ctypes.c_uint8 * 3)(1, 0, 0)
    settings = {"temperature": 0.0, "repetition_penalty": 0.01, "seen": ctypes.addressof(seen)}
    assert choose([1.0, -3.3e38, -3.4e38], forbidden=1, **settings) == 1


def test_a_window_that_has_passed_on() -> None:
    opened = Model(small_image("window", "int8"))
    assert opened.prefill([5] * 7) == 0
    before = opened.hash()
    for length in (1, 4):
        assert opened.truncate(length) == WINDOW_PASSED
    assert (opened.length, opened.hash()) == (7, before)
    assert opened.truncate(0) == 0


def test_errors_have_texts() -> None:
    texts = {load().tinylm_error(code) for code in range(-9, 1)}
    assert len(texts) == 10
    for code in (1, -10, INT_MAX, INT_MIN):
        assert load().tinylm_error(code) == b"an unknown error"
