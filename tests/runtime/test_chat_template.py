"""Messages to token ids: the default of a model of plain text, templates in the forms that are published, evil ones."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.chat_template import ChatTemplate, Message, Role, continued_text, fit_messages
from tinylm.runtime.generation import MAX_TEXT_CHARACTERS
from tinylm.runtime.jinja_sandbox import MOST_CHARACTERS, compile_template
from tinylm.tokenizer.tokenizer import BOS, EOS, UNK, Tokenizer, normalise

CHATML = """{% for message in messages %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\\n' }}
{%- endif %}"""
INSTRUCT = """{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set turns = messages[1:] %}
{%- else %}{% set turns = messages %}{% endif %}
{%- for turn in turns %}
{%- if (turn.role == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('user and assistant must take turns') }}
{%- endif %}
{%- if turn.role == 'user' -%}
{{ bos_token + '[INST] ' }}{% if loop.first and system is defined %}{{ '<<SYS>>\\n' ~ system ~ '\\n<</SYS>>\\n\\n' }}
{%- endif %}{{ turn.content | trim }} [/INST]
{%- else %}
{{- ' ' + turn.content | trim + ' ' + eos_token }}
{%- endif %}
{%- endfor %}"""
MARKED = """{% for message in messages %}
{% if message['role'] == 'assistant' %}
<|assistant|>
{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}

{% else %}
<|{{ message['role'] }}|>
{{ message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
<|assistant|>
{% endif %}
{% endfor %}"""
TALK = [
    Message("system", "Be kind."),
    Message("user", " Hi "),
    Message("assistant", "Hello"),
    Message("user", "Who?"),
]

texts = st.text(max_size=20)
roles: st.SearchStrategy[Role] = st.sampled_from(["system", "user", "assistant"])
talks = st.lists(st.builds(Message, roles, texts), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def tokenizer(make_bundle: Callable[..., Bundle]) -> Tokenizer:
    return Tokenizer(make_bundle(byte_fallback=True).tokenizer)


def shown(ids: Sequence[int], tokenizer: Tokenizer) -> str:
    """The text of `ids`, with the special tokens as people write them."""
    names, text, run = {BOS: "<s>", EOS: "</s>"}, "", list[int]()
    for token in [*ids, BOS]:
        if token in names:
            text, run = text + tokenizer.decode(run) + names[token], []
        else:
            run.append(token)
    return text.removesuffix("<s>")


@pytest.mark.parametrize(
    ("source", "messages", "text"),
    [
        (
            CHATML,
            TALK,
            "<s><|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n"
            "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            INSTRUCT,
            TALK,
            "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Hello </s><s>[INST] Who? [/INST]",
        ),
        (INSTRUCT, TALK[1:2], "<s>[INST] Hi [/INST]"),
        (
            MARKED,
            TALK,
            "<s><|system|>\nBe kind.</s>\n<|user|>\n Hi </s>\n<|assistant|>\nHello</s>\n<|user|>\nWho?</s>\n"
            "<|assistant|>\n",
        ),
        ("{{ bos_token }}{{ bos_token }}a{{ eos_token }}", TALK, "<s>a</s>"),
        ("", TALK, "<s>"),
        # What templates use of the language.
        (
            "{% set ns = namespace(said='') %}{% for m in messages if m.role != 'system' %}"
            "{% if m.role == 'assistant' %}{% continue %}{% endif %}{% set ns.said = ns.said ~ m.content|trim ~ '; ' %}"
            "{% endfor %}{{ ns.said }}",
            TALK,
            "<s>Hi; Who?; ",
        ),
        (
            "{% macro turn(m) %}{{ m.role | upper }}: {{ m.content.split('.')[0].strip() }}{% endmacro %}"
            "{{ turn(messages[0]) }} {{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content')"
            " | join('|') }} {{ messages | length }} {{ messages[-1] | tojson }} {{ 'x' if tools is none }}",
            TALK,
            '<s>SYSTEM: Be kind  Hi |Who? 4 {"role": "user", "content": "Who?"} x',
        ),
        ("{% for n in range(2, 5) %}{{ loop.index }}{{ n }}{% endfor %}{{ {'á': [1, true]} | tojson }}", TALK,
         '<s>122334{"á": [1, true]}'),
    ],
)  # fmt: skip
def test_templates_as_they_are_published(source: str, messages: list[Message], text: str, tokenizer: Tokenizer) -> None:
    template = ChatTemplate(source)
    assert not template.is_default
    assert shown(template.render(messages, tokenizer=tokenizer), tokenizer) == text


def test_a_template_can_leave_the_last_word_open(tokenizer: Tokenizer) -> None:
    ids = ChatTemplate(CHATML).render(TALK, tokenizer=tokenizer, generation_prompt=False)
    assert tokenizer.decode(ids).endswith("Who?<|im_end|>\n")


def test_a_template_can_tell_the_time(tokenizer: Tokenizer) -> None:
    ids = ChatTemplate("{{ strftime_now('%Y') }}").render(TALK, tokenizer=tokenizer)
    assert int(tokenizer.decode(ids)) - dt.datetime.now().year in (0, -1)  # over New Year


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([("user", "Once upon")], "Once upon"),
        ([("user", "Once upon"), ("assistant", " a time")], "Once upon a time"),
        ([("user", "Once upon"), ("assistant", "a time")], "Once upon a time"),
        ([("user", "Once\n"), ("assistant", "a")], "Once\na"),
        ([("user", "Once"), ("assistant", ""), ("user", "upon")], "Once\nupon"),
        ([("user", "A"), ("assistant", " b."), ("user", "C"), ("assistant", "d")], "A b.\nC d"),
        ([("system", "Rhyme."), ("user", "A"), ("user", "B")], "Rhyme.\nA\nB"),
        ([("system", "Rhyme.\n"), ("assistant", "A"), ("assistant", "B")], "Rhyme.\nA\nB"),
        ([("assistant", "A")], "A"),
        ([("user", "")], ""),
    ],
)
def test_a_model_of_plain_text_continues(messages: list[tuple[Role, str]], text: str, tokenizer: Tokenizer) -> None:
    template = ChatTemplate(None)
    assert template.is_default
    said = [Message(role, content) for role, content in messages]
    assert continued_text(said) == text
    assert template.render(said, tokenizer=tokenizer) == [BOS, *tokenizer.encode(text)]


def test_the_default_needs_no_jinja() -> None:
    script = (
        "import sys; from tinylm.runtime.chat_template import ChatTemplate; ChatTemplate(None);"
        "assert 'jinja2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_template_without_jinja_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from tinylm.base.errors import TinylmError\n"
        "from tinylm.runtime.chat_template import ChatTemplate\n"
        "try: ChatTemplate('{{ messages }}')\n"
        "except TinylmError as error: print(error.message, error.hint, sep='|')"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == (
        "the bundle has a chat template, and jinja2 is not installed|"
        'install what serving needs: pip install "tinylm[serve]"\n'
    )


@given(messages=talks, source=st.sampled_from([CHATML, MARKED, "{{ messages[-1].content }}{{ eos_token }}"]))
def test_no_message_can_say_a_special_token(messages: list[Message], source: str, tokenizer: Tokenizer) -> None:
    """Whatever is said, the template alone makes BOS and EOS: as many as of messages that say nothing."""
    spelled = ["<s>", "</s>", "\udc00", "\udc01", "<pad>", "{{ eos_token }}", "\u2047"]
    said = [Message(m.role, m.content + text) for m, text in zip(messages, spelled, strict=False)]
    silent = [Message(m.role, "") for m in said]
    template = ChatTemplate(source)
    ids, fewest = (template.render(m, tokenizer=tokenizer) for m in (said, silent))
    special = [token for token in ids if token <= UNK and token != UNK]
    assert special == [token for token in fewest if token <= UNK and token != UNK]
    assert ids[0] == BOS
    assert ids.count(BOS) == 1
    for message in said[-1:]:
        assert normalise(message.content) in tokenizer.decode(ids)


def test_a_message_is_no_template(tokenizer: Tokenizer) -> None:
    ids = ChatTemplate("{{ messages[0].content }}").render([Message("user", "{{ 6 * 7 }}{%")], tokenizer=tokenizer)
    assert tokenizer.decode(ids) == "{{ 6 * 7 }}{%"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{% if %}", "in line 1: Expected an expression"),
        ("a\n{{ b }}\n{% for m in %}", "in line 3: Expected an expression"),
        ("a\n{% for m in messages %}", "in line 2: Unexpected end of template"),
        ("{{ messages | pprint }}", "in line 1: No filter named 'pprint'"),
        ("\n{% include 'secret' %}", "in line 2: `include` is not known here"),
        ("{% block a %}{% endblock %}", "in line 1: `block` is not known here"),
        ("{% import 'a' as b %}", "in line 1: `import` is not known here"),
        ("x" * (MOST_CHARACTERS + 1), f"has {MOST_CHARACTERS + 1} characters; at most {MOST_CHARACTERS} are read"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "cannot be compiled"),
        ("{% for a in [1] %}" * 30 + "{% endfor %}" * 30, "cannot be compiled"),
        ("{{ x" + ".a" * 15_000 + " }}", "cannot be compiled"),
    ],
)
def test_a_template_with_an_error_is_refused_when_it_is_opened(source: str, problem: str) -> None:
    with pytest.raises(TinylmError) as caught:
        ChatTemplate(source)
    assert problem in caught.value.message
    assert "chat_template" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (INSTRUCT, "in line 5: user and assistant must take turns"),
        ("\n{{ nobody.content }}", "in line 2: 'nobody' is undefined"),
        ("{{ messages }}", "it prints a list"),
        ("{{ messages[0].content + 1 }}", "can only concatenate str"),
        ("{{ messages | tojson(indent=100000) }}", "0 to 8"),
        ("{{ strftime_now('%Y' * 51) }}", "at most 100"),
    ],
)
def test_what_goes_wrong_with_messages_is_told(source: str, problem: str, tokenizer: Tokenizer) -> None:
    template = ChatTemplate(source)
    with pytest.raises(TinylmError) as caught:
        template.render([Message("user", "a"), Message("user", "b")], tokenizer=tokenizer)
    assert problem in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("source", [None, CHATML])
def test_nothing_and_too_much_are_refused(source: str | None, tokenizer: Tokenizer) -> None:
    template = ChatTemplate(source)
    with pytest.raises(TinylmError, match="there is no message"):
        template.render([], tokenizer=tokenizer)
    half = Message("user", "a" * (MAX_TEXT_CHARACTERS // 2))
    with pytest.raises(TinylmError, match=f"at most {MAX_TEXT_CHARACTERS}"):
        template.render([half, half, Message("user", "b")], tokenizer=tokenizer)
    # What a template makes of as much as is allowed may be too long, and is not too much work.
    with pytest.raises(TinylmError, match=f"at most {MAX_TEXT_CHARACTERS} are read"):
        ChatTemplate(CHATML).render([half, half], tokenizer=tokenizer)


DOUBLED = "{{% set ns = namespace(x={start}) %}}{{% for i in range(99) %}}{{% set ns.x = {twice} %}}{{% endfor %}}{use}"


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) if false %}{% endfor %}{% endfor %}",
        "{% for a in range(10 ** 9) %}{% endfor %}",
        "{% for a in range(10 ** 9) | map('string') %}{% endfor %}",
        "{% for a in range(9999) %}" + "x" * 9999 + "{% endfor %}",
        "{% macro f(n) %}{{ f(n + 1) }}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(99) }}",
        "{% for a in [[1]] recursive %}{{ loop([a]) }}{{ loop([a]) }}{% endfor %}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ 10 ** 9 * 'a' }}",
        "{{ ['a'] * 10 ** 9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ (2 ** 63) * (2 ** 63) }}",
        "{% set x = ('f' * 99999) | int(0, 16) %}{% for i in range(9999) %}{{ x * x is none }}{% endfor %}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{x:1000000000}'.format_map({'x': 1}) }}",
        "{{ 'a'.ljust(10 ** 9) }}",
        "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
        "{{ ('a' * 99999) | replace('a', 'b' * 99999) }}",
        "{{ ('b' * 99999).join('a' * 99999) }}",
        "{{ range(9999) | list | join('b' * 9999) }}",
        "{% set x = 'b' * 99999 %}{% for i in range(9999) %}{{ 'a' in x }}{% endfor %}",
        "{% set x = 'b' * 99999 %}{% for i in range(9999) %}{{ x.find('a') }}{% endfor %}",
        "{% set x = 'b' * 99999 %}{% for i in range(9999) %}{{ x is eq x }}{% endfor %}",
        "{% set x = 'b' * 99999 %}{% for i in range(9999) %}{{ x[1:] is none }}{% endfor %}",
        "{% set x = range(9999) | list %}{% for i in range(9999) %}{% set y = x | map('string') %}{% endfor %}",
        DOUBLED.format(start="'aa'", twice="ns.x ~ ns.x", use=""),
        DOUBLED.format(start="'aa'", twice="ns.x + ns.x", use=""),
        DOUBLED.format(start="'aa'", twice="[ns.x, ns.x]", use="{{ ns.x | string }}"),
        DOUBLED.format(start="'aa'", twice="[ns.x, ns.x]", use="{{ ns.x | tojson }}"),
        DOUBLED.format(start="'aa'", twice="[ns.x, ns.x]", use="{{ ns.x == ns.x }}"),
        DOUBLED.format(start="'aa'", twice="[ns.x, ns.x]", use="{{ 1 in ns.x }}"),
        DOUBLED.format(start="'aa'", twice="(ns.x, ns.x)", use="{{ {ns.x: 1} }}"),
        DOUBLED.format(start="'aa'", twice="(ns.x, ns.x)", use="{{ {}[ns.x] }}"),
        DOUBLED.format(start="'aa'", twice="(ns.x, ns.x)", use="{{ {}.get(ns.x) }}"),
        DOUBLED.format(start="'aa'", twice="{'a': ns.x, 'b': ns.x}", use="{{ ns.x | tojson }}"),
        "{% set ns = namespace(x='aa') %}"
        "{% for i in range(99) %}{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.x = ns %}{{ [ns] | string }}",
        "{{ messages.append(messages[0]) }}",
        "{{ messages.__class__.__mro__ }}",
        "{{ ''['__class__'].x }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ messages | map(attribute='__class__') | list | tojson }}",
    ],
)  # fmt: skip
def test_an_evil_template_takes_neither_time_nor_memory(source: str, tokenizer: Tokenizer) -> None:
    """None would end, or fit, if it were let: that the test ends is the point."""
    template = ChatTemplate(source)
    for _ in range(2):  # the meter begins anew
        with pytest.raises(TinylmError, match="the chat template failed in line 1"):
            template.render([Message("user", "a")], tokenizer=tokenizer)


def test_a_long_chat_is_not_too_much_work(tokenizer: Tokenizer) -> None:
    messages = [Message("user" if n % 2 == 0 else "assistant", "what a day " * 20) for n in range(401)]
    ids = ChatTemplate(INSTRUCT).render(messages, tokenizer=tokenizer)
    assert ids.count(EOS) == 200


def test_renders_of_many_threads_do_not_share_what_they_may_cost() -> None:
    sandbox = compile_template("{% for i in range(999) %}{{ loop.index % 7 }}{% endfor %}")
    expected, found = sandbox.rendered({}), list[str]()
    threads = [threading.Thread(target=lambda: found.append(sandbox.rendered({}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


@pytest.mark.parametrize("source", [None, CHATML, INSTRUCT])
@pytest.mark.parametrize("system", [[], [Message("system", "Be kind.")]])
def test_the_oldest_messages_go_first(source: str | None, system: list[Message], tokenizer: Tokenizer) -> None:
    template = ChatTemplate(source)
    turns = [Message("user" if n % 2 == 0 else "assistant", f"casa {n}") for n in range(9)]
    whole = template.render([*system, *turns], tokenizer=tokenizer)
    seen = set()
    for room in range(len(whole), 4, -3):
        context, asked = room + 4, 4
        fitted = fit_messages(
            template, [*system, *turns], tokenizer=tokenizer, context_length=context, max_tokens=asked
        )
        ids, dropped = fitted.ids, fitted.dropped_messages
        seen.add(dropped)
        kept = template.render([*system, *turns[dropped:]], tokenizer=tokenizer)
        assert len(ids) <= room or dropped == 8
        assert fitted.cut_tokens == len(kept) - len(ids)
        if len(kept) <= context:
            assert ids == kept
        else:
            assert ids == [BOS, *kept[len(kept) - room + 1 :]]
        if dropped:  # it was needed
            assert len(template.render([*system, *turns[dropped - 2 :]], tokenizer=tokenizer)) > room
    assert {0, 2, 4, 6, 8} == seen


@given(messages=talks, context_length=st.integers(4, 60), max_tokens=st.integers(1, 80))
def test_messages_fit_whatever_they_are(
    messages: list[Message], context_length: int, max_tokens: int, tokenizer: Tokenizer
) -> None:
    fitted = fit_messages(
        ChatTemplate(None), messages, tokenizer=tokenizer, context_length=context_length, max_tokens=max_tokens
    )
    ids, room = fitted.ids, context_length - min(max_tokens, context_length // 2)
    assert 1 <= len(ids) <= context_length
    assert len(ids) <= room or fitted.dropped_messages >= len(messages) - 2
    assert fitted.cut_tokens == 0 or len(ids) == room
    assert ids[0] == BOS or len(ids) == 1
    assert 0 <= fitted.dropped_messages < len(messages)
