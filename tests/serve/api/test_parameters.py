"""The declarations: reading is strict and total, and agrees with the schema that is made of the same bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.serve.api.errors import ApiError
from tinylm.serve.api.kinds import Integer, Neutral, Number, Object, Parameter, Text
from tinylm.serve.api.parameters import CHAT, COMPLETION, GENERATE

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_MINIMAL: dict[str, dict[str, Any]] = {
    "completion": {"prompt": "a"},
    "chat": {"messages": [{"role": "user", "content": "a"}]},
}
_BOTH = {"completion": COMPLETION, "chat": CHAT}
_ALL = [(which, one) for which, owner in _BOTH.items() for one in owner.parameters]


@given(st.sampled_from([COMPLETION, CHAT, GENERATE]), st.data())
def test_any_body_is_read_or_refused_by_name(owner: Object, data: st.DataObject) -> None:
    names = st.sampled_from([one.name for one in owner.parameters]) | st.text(max_size=5)
    document = data.draw(st.dictionaries(names, _VALUES, max_size=6))
    refused: ApiError | None = None
    try:
        values = owner.read(document, "")
    except ApiError as error:
        refused = error
    if refused is None:
        assert set(values) == {one.name for one in owner.parameters}
    else:
        assert (refused.status, refused.param is None) == (400, False)
        refused.body()


@pytest.mark.parametrize(("which", "parameter"), _ALL, ids=lambda value: getattr(value, "name", value))
def test_null_is_as_good_as_absent(which: str, parameter: Parameter) -> None:
    owner, minimal = _BOTH[which], _MINIMAL[which]
    if parameter.required:
        with pytest.raises(ApiError, match=f"`{parameter.name}` is missing"):
            owner.read({**minimal, parameter.name: None}, "")
    else:
        assert owner.read({**minimal, parameter.name: None}, "") == owner.read(minimal, "")


@pytest.mark.parametrize(("which", "parameter"), _ALL, ids=lambda value: getattr(value, "name", value))
def test_what_cannot_be_honoured_is_accepted_where_it_asks_for_nothing(which: str, parameter: Parameter) -> None:
    if not isinstance(parameter.kind, Neutral):
        return
    for value in parameter.kind.values:
        assert _BOTH[which].read({**_MINIMAL[which], parameter.name: value}, "")[parameter.name] is None
    for value in ("yes", 17, [1], {"a": 1}, 0.5):
        with pytest.raises(ApiError, match=f"`{parameter.name}` is .* does not support it") as refused:
            _BOTH[which].read({**_MINIMAL[which], parameter.name: value}, "")
        assert (refused.value.param, refused.value.code) == (parameter.name, "unsupported_parameter")


@pytest.mark.parametrize(("which", "parameter"), _ALL, ids=lambda value: getattr(value, "name", value))
def test_the_schema_has_every_parameter_with_its_bounds(which: str, parameter: Parameter) -> None:
    schema = _BOTH[which].schema()
    assert schema["additionalProperties"] is False
    said = schema["properties"][parameter.name]
    assert said["description"] == parameter.help
    assert (parameter.name in schema.get("required", ())) == parameter.required
    kind = parameter.kind
    if isinstance(kind, Integer | Number):
        low = said.get("minimum", said.get("exclusiveMinimum"))
        for value, good in ((low - 1, False), (said["maximum"], True), (said["maximum"] * 2 + 1, False)):
            document = {**_MINIMAL[which], parameter.name: value}
            if good:
                assert _BOTH[which].read(document, "")[parameter.name] == value
            else:
                with pytest.raises(ApiError, match=f"`{parameter.name}` is"):
                    _BOTH[which].read(document, "")


@pytest.mark.parametrize(
    ("document", "param", "says"),
    [
        ({"prompt": "a", "temprature": 1}, "temprature", "did you mean `temperature`"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens", "`max_tokens` is 0; 1 to"),
        ({"prompt": "a", "max_tokens": "9"}, "max_tokens", 'is "9"; a whole number was expected'),
        ({"prompt": "a", "max_tokens": True}, "max_tokens", "is true"),
        ({"prompt": "a", "max_tokens": 2.5}, "max_tokens", "is 2.5; a whole number was expected"),
        ({"prompt": "a", "temperature": float("inf")}, "temperature", "0 to 100 is needed"),
        ({"prompt": "a", "temperature": 10**400}, "temperature", "a whole number of 1329 bits"),
        ({"prompt": "a", "top_p": 0}, "top_p", "above 0, and at most 1"),
        ({"prompt": []}, "prompt", "0 entries"),
        ({"prompt": ["a", [1]], "n": 9}, "n", "1 to 8"),
        ({"prompt": [["a"]]}, "prompt", "a string, a list of strings or a list of token ids"),
        ({"prompt": [1, "a"]}, "prompt[1]", "a whole number was expected"),
        ({"prompt": [1, None]}, "prompt[1]", "null"),
        ({"prompt": "\ud800"}, "prompt", "surrogate"),
        ({"prompt": "a" * 100_001}, "prompt", "100001 characters"),
        ({"prompt": "a", "stop": "x" * 1_000_000}, "stop", "1000000 characters"),
        ({"prompt": "a", "stop": ["x"] * 17}, "stop", "17 entries"),
        ({"prompt": "a", "stop": ""}, "stop", "0 characters"),
        ({"prompt": "a", "stream_options": {"include_use": True}}, "stream_options.include_use", "include_usage"),
        ({"prompt": "a", "metadata": {"a": 1}}, "metadata", "a string was expected"),
    ],
)
def test_errors_name_the_parameter_the_value_and_the_limit(document: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        COMPLETION.read(document, "")
    assert refused.value.param == param


def test_a_message_of_an_answer_can_be_sent_back() -> None:
    message = {"role": "assistant", "content": "a", "refusal": None, "tool_calls": None, "annotations": []}
    assert CHAT.read({"messages": [message]}, "")["messages"][0]["content"] == "a"


@pytest.mark.parametrize(
    ("message", "param", "says"),
    [
        ({"role": "tool", "content": "a"}, "messages[0].role", "no tools"),
        ({"role": "wizard", "content": "a"}, "messages[0].role", "known: "),
        ({"role": "user", "content": [{"type": "image_url", "text": "a"}]}, "messages[0].content[0].type", "text only"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text", "missing"),
        ({"role": "user"}, "messages[0].content", "missing"),
        ({"role": "assistant", "content": "a", "tool_calls": [{}]}, "messages[0].tool_calls", "not support"),
    ],
)
def test_messages_that_cannot_be_read_are_refused_by_name(message: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        CHAT.read({"messages": [message]}, "")
    assert refused.value.param == param


@given(st.integers() | st.floats() | st.booleans() | st.text(max_size=3))
def test_numbers_are_read_within_their_bounds_and_of_their_type_alone(value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    for kind, whole in ((Integer(-3, 9), True), (Number(-3, 9), False)):
        good = number and -3 <= value <= 9 and (not whole or value == int(value))
        try:
            assert kind.read(value, "x") == value
            assert good
        except ApiError:
            assert not good


def test_half_a_surrogate_pair_never_breaks_an_error() -> None:
    for document in ({"\ud800": 1}, {"prompt": "a", "user": "\udfff"}, {"prompt": "a", "store": "\ud800"}):
        with pytest.raises(ApiError) as refused:
            COMPLETION.read(document, "")
        refused.value.body()
    assert Text(3).read("añ€", "x") == "añ€"
