"""Messages of a chat become the one text that a model continues, as token ids.

    template = ChatTemplate(bundle.manifest.chat_template)
    ids = template.render([Message("user", "Once upon")], tokenizer=tokenizer)
    fitted = fit_messages(template, messages, tokenizer=tokenizer, context_length=256, max_tokens=64)
    fitted.ids, fitted.dropped_messages

A model of plain text has no template: it knows no turns and only continues what it reads. Its default needs no Jinja:
an assistant's text directly follows the user's, with one space where neither side has white space at the border, and
every other message begins a new line. So "Once upon" is continued by " a time", and the next turn continues both.

A bundle with a template has it as Hugging Face writes them (`tinylm.runtime.jinja_sandbox`): `messages`, `bos_token`,
`eos_token`, `add_generation_prompt`. Special tokens are marks that no message can hold, and become ids after the
template has run: a message that says `</s>` says four characters of text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tinylm.base.errors import TinylmError
from tinylm.runtime.generation import check_text, fit_prompt
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK, Tokenizer, normalise

if TYPE_CHECKING:
    from tinylm.runtime.jinja_sandbox import Sandbox

Role = Literal["system", "user", "assistant"]

# Halves of surrogate pairs, which `normalise` takes out of every message.
_MARKS = {"bos_token": "\udc00", "eos_token": "\udc01", "pad_token": "\udc02", "unk_token": "\udc03"}
_IDS = dict(zip(_MARKS.values(), (BOS, EOS, PAD, UNK), strict=True))
_SPECIAL = re.compile("([\udc00-\udc03])")


@dataclass(frozen=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str


class ChatTemplate:
    """How messages become one text."""

    def __init__(self, source: str | None) -> None:
        """A bundle's `chat_template`; None is the default of a model of plain text.

        TinylmError for a template with an error, which names the line, and for one where jinja2 is not installed.
        """
        self._sandbox: Sandbox | None = None
        if source is not None:
            try:
                from tinylm.runtime.jinja_sandbox import compile_template
            except ImportError as error:
                raise TinylmError(
                    f"the bundle has a chat template, and {error.name} is not installed",
                    'install what serving needs: pip install "tinylm[serve]"',
                ) from error
            self._sandbox = compile_template(source)

    @property
    def is_default(self) -> bool:
        """The model has no template: it continues text, and knows no turns."""
        return self._sandbox is None

    def render(self, messages: Sequence[Message], *, tokenizer: Tokenizer, generation_prompt: bool = True) -> list[int]:
        """The token ids of `messages`, BOS first and once; with `generation_prompt` the assistant is to speak next.

        TinylmError for no message, more text than `MAX_TEXT_CHARACTERS`, and what the template says or does wrong.
        """
        if not messages:
            raise TinylmError("there is no message", "send at least one, such as what the user says")
        check_text("".join(message.content for message in messages), what="the text of all messages together")
        said = [Message(message.role, normalise(message.content)) for message in messages]
        if self._sandbox is None:
            return [BOS, *tokenizer.encode(continued_text(said))]
        text = self._sandbox.rendered(
            {
                "messages": [{"role": message.role, "content": message.content} for message in said],
                "add_generation_prompt": generation_prompt,
                "tools": None,
                "documents": None,
                **_MARKS,
            }
        )
        check_text(text, what="what the chat template makes of the messages")
        ids: list[int] = []
        for part in _SPECIAL.split(text):
            ids.extend([_IDS[part]] if part in _IDS else tokenizer.encode(part))
        start = next((place for place, token in enumerate(ids) if token != BOS), len(ids))
        return [BOS, *ids[start:]]


def continued_text(messages: Sequence[Message]) -> str:
    """The text of a model without a template: what assistant and user wrote, one after the other."""
    text, before = "", None
    for message in messages:
        content = message.content
        if message.role == "assistant" and before == "user":
            touching = text and content and not text[-1].isspace() and not content[0].isspace()
            text += f" {content}" if touching else content
        else:
            text += f"\n{content}" if text and not text.endswith("\n") else content
        before = message.role
    return text


@dataclass(frozen=True, kw_only=True)
class FittedMessages:
    """What of a chat the model will see."""

    ids: list[int]
    """Token ids, BOS first; at most a context."""
    dropped_messages: int = 0
    """The oldest, left out."""
    cut_tokens: int = 0
    """The first tokens after BOS of what cannot be left out; 0 where that fits the context."""


def fit_messages(
    template: ChatTemplate,
    messages: Sequence[Message],
    *,
    tokenizer: Tokenizer,
    context_length: int,
    max_tokens: int,
) -> FittedMessages:
    """Token ids that leave room for `max_tokens`, or half of the context, without the messages that were in the way.

    The system message at the start and the newest message always stay. Of the others the oldest go first, and those
    that stay begin with the user's: templates want that. The least may take the whole context; where it is longer, it
    is cut as a long prompt is (`fit_prompt`): BOS and its last tokens stay. TinylmError as in `ChatTemplate.render`.
    """
    room = context_length - min(max_tokens, context_length // 2)
    head = [message for message in messages[:1] if message.role == "system"]
    rest = messages[len(head) :]
    # From where the rest can begin: everywhere a user speaks, and with the newest message.
    starts = [0, *(place for place in range(1, len(rest)) if rest[place].role == "user" or place == len(rest) - 1)]
    fewest, most = 0, len(starts) - 1
    ids = template.render(messages, tokenizer=tokenizer)
    if len(ids) <= room:
        return FittedMessages(ids=ids)
    # Fewer messages are fewer tokens: the earliest start that fits, by halves, since a template can be slow.
    while fewest < most:
        middle = (fewest + most) // 2
        fits = len(template.render([*head, *rest[starts[middle] :]], tokenizer=tokenizer)) <= room
        fewest, most = (fewest, middle) if fits else (middle + 1, most)
    ids = template.render([*head, *rest[starts[fewest] :]], tokenizer=tokenizer)
    kept = fit_prompt(ids, context_length=context_length, max_new_tokens=max_tokens)
    return FittedMessages(ids=kept, dropped_messages=starts[fewest], cut_tokens=len(ids) - len(kept))
