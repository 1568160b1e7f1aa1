"""The template language of the scenes, and the part of writing that both languages share.

A scene is a block of text (see `scenes_en.py`). Its first line casts the characters; every further line is one step:

    cast S=any F=name       who takes part: any person, a named one, "I", a trade
    Hello. || Good day.     one step, with alternatives divided by "||"; inside one, [this|that] is a choice
    ? It was raining.       a step that happens half of the time
    / Goodbye!              a step that begins a new paragraph
    Who? // Me.             a new paragraph inside a step: an answer that belongs to its question

    {past market}           a slot: here a deed of the topic `market`, in the past, done by S
    {a tool=t} ... {the t}  a slot whose result is remembered as `t`

Templates are parsed once; rendering draws every choice from `Writer.random`, using only `Random.random()`, the one
method that Python promises to keep stable, so that a seed means the same bytes everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import TypeVar

Chosen = TypeVar("Chosen")
LONGEST_JOINED = 160
# how often a deed stands alone: told by itself, inside another deed, inside two
PLAIN_DEED = (0.06, 0.75, 1.0)


@dataclass(frozen=True)
class Referent:
    """Someone or something that a text speaks of and can speak of again."""

    name: str
    person: int
    """0 to 4: I, you, he/she/it, we, they."""
    gender: str
    """'m', 'f', or 'n' for English things."""


@dataclass(frozen=True)
class Slot:
    operation: str
    arguments: tuple[str, ...]
    remember: str


@dataclass(frozen=True)
class Choice:
    options: tuple[Template, ...]


Template = tuple[str | Slot | Choice, ...]


@dataclass(frozen=True)
class Alternative:
    template: Template
    needs: frozenset[str]
    """What an earlier step must have remembered for this to make sense."""


@dataclass(frozen=True)
class Step:
    alternatives: tuple[Alternative, ...]
    optional: bool
    new_paragraph: bool


@dataclass(frozen=True)
class Scene:
    cast: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]


def _slot(body: str) -> Slot:
    body, _, remember = body.partition("=")
    operation, *arguments = body.split()
    return Slot(operation, tuple(arguments), remember)


@cache
def parse_template(text: str) -> Template:
    """Parse slots and choices; choices may stand inside choices."""
    stack: list[list[list[str | Slot | Choice]]] = [[[]]]
    for token in re.findall(r"\{[^}]*\}|[\[\]|]|[^{}\[\]|]+", text):
        if token == "[":
            stack.append([[]])
        elif token == "|":
            stack[-1].append([])
        elif token == "]":
            options = stack.pop()
            stack[-1][-1].append(Choice(tuple(tuple(option) for option in options)))
        elif token.startswith("{"):
            stack[-1][-1].append(_slot(token[1:-1]))
        else:
            stack[-1][-1].append(token)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError(f"unbalanced choice in template `{text}`")
    return tuple(stack[0][0])


def _slots(template: Template) -> list[Slot]:
    """Every slot of a template, those inside choices too, in reading order."""
    found: list[Slot] = []
    for node in template:
        if isinstance(node, Slot):
            found.append(node)
        elif isinstance(node, Choice):
            for option in node.options:
                found.extend(_slots(option))
    return found


def _alternative(text: str, remembered: frozenset[str]) -> Alternative:
    text = text.strip()
    # `capitalise` restores this at the start of a sentence; elsewhere a template may be joined to the one before it
    template = parse_template(text if text.startswith("I ") else text[:1].lower() + text[1:])
    slots = _slots(template)
    used = {name for slot in slots for name in (slot.operation, *slot.arguments)}
    own = {slot.remember for slot in slots}
    return Alternative(template, frozenset(used & remembered - own))


@cache
def parse_scenes(text: str) -> tuple[Scene, ...]:
    """Parse the blocks of a scene module, divided by blank lines."""
    scenes = []
    for block in text.strip().split("\n\n"):
        first, *lines = (line.strip() for line in block.splitlines())
        pairs = (pair.split("=") for pair in first.split()[1:])
        cast = tuple((role, kind) for role, kind in pairs)
        remembered = frozenset(re.findall(r"=(\w+)\}", block))
        steps = []
        for line in lines:
            marks, body = re.fullmatch(r"([?/ ]*)(.*)", line).groups()  # type: ignore[union-attr]
            alternatives = tuple(_alternative(part, remembered) for part in body.split("||"))
            steps.append(Step(alternatives, "?" in marks, "/" in marks))
        scenes.append(Scene(cast, tuple(steps)))
    return tuple(scenes)


class Writer:
    """Renders scenes; a subclass per language adds the slots that inflect words."""

    conjunction: str
    """The word that joins two sentences."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.known: dict[str, Referent | str] = {}
        self.depth = 0
        """How deep a deed stands inside another one: only the outermost is extended."""
        self.facts: dict[str, str] = {}
        self.focus = "S"
        """Who does what is told now: possessives and verbs refer to them unless a slot says otherwise."""
        self.last: Referent | None = None
        """What the latest noun phrase spoke of, for slots that are remembered."""
        self.company: dict[str, Referent] = {}
        """Referents without a name that every scene may use."""
        self.slots: dict[str, Callable[..., str]] = {}

    def pick(self, options: Sequence[Chosen]) -> Chosen:
        return options[int(self.random.random() * len(options))]

    def between(self, low: int, high: int) -> int:
        return low + int(self.random.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def figure(self, low: str, high: str) -> str:
        """A number in digits; from a hundred on in tens, because what is met three times cannot be learned."""
        value = self.between(int(low), int(high))
        return str(value if value < 100 else value - value % 10)

    def _once(self, key: str, draw: Callable[[], str]) -> str:
        """A value that stays the same through a document: its town, a surname."""
        if key not in self.facts:
            self.facts[key] = draw()
        return self.facts[key]

    def referent(self, key: str) -> Referent:
        found = self.known[key]
        if isinstance(found, str):
            raise TypeError(f"`{key}` is remembered as the text `{found}`, not as someone or something")
        return found

    def extended(self, deed: Callable[[], str], topic: str, adjuncts: dict[str, str]) -> str:
        """A deed, at times with what goes with it: company, manner, place, another deed."""
        text = deed()
        if self.chance(PLAIN_DEED[self.depth]):
            return text
        self.depth += 1
        pool = adjuncts.get(topic, adjuncts["*"]) if self.chance(0.6) else adjuncts["*"]
        adjunct = self.pick([part.strip() for part in re.split(r"\|\||\n(?=\s*\S)", pool.strip())])
        self.slots["again"] = deed
        text += " " + self.render(parse_template(adjunct))
        self.depth -= 1
        return text

    def introduce(self, kind: str, taken: Sequence[str]) -> Referent:
        """A new character of this kind whose name is not among `taken`."""
        raise NotImplementedError

    def finish(self, text: str) -> str:
        """Language-specific repairs of a rendered text, such as contractions."""
        raise NotImplementedError

    def render(self, template: Template) -> str:
        parts = []
        for node in template:
            if isinstance(node, str):
                parts.append(node)
            elif isinstance(node, Choice):
                parts.append(self.render(self.pick(node.options)))
            else:
                parts.append(self._fill(node))
        return "".join(parts)

    def _fill(self, slot: Slot) -> str:
        if slot.operation in self.known:
            found = self.known[slot.operation]
            return found if isinstance(found, str) else found.name
        self.last = None
        value = self.slots[slot.operation](*slot.arguments)
        if slot.remember:
            self.known[slot.remember] = self.last or value
        return value

    def perform(self, scene: Scene) -> str:
        """One document: the scene with a fresh cast, every choice drawn anew."""
        self.known = dict(self.company)
        self.facts = {}
        for role, kind in scene.cast:
            taken = [found.name for found in self.known.values() if isinstance(found, Referent)]
            self.known[role] = self.introduce(kind, taken)
        self.focus = "S"
        told = dict(scene.cast)["S"] not in ("I", "you")
        paragraphs: list[list[str]] = [[]]
        for step in scene.steps:
            if step.optional and self.chance(0.7):
                continue
            possible = [option for option in step.alternatives if option.needs <= self.known.keys()]
            if not possible:
                continue
            if step.new_paragraph and paragraphs[-1]:
                paragraphs.append([])
            sentence = self.render(self.pick(possible).template)
            self._add(paragraphs[-1], sentence, joining=told)
        text = "\n".join(" ".join(sentences) for sentences in paragraphs if sentences).replace(" // ", "\n")
        return capitalise(self.finish(text))

    def _add(self, sentences: list[str], new: str, *, joining: bool) -> None:
        """Add a sentence to a paragraph; in a tale at times join it to the sentence before."""
        joinable = joining and sentences and all(re.fullmatch(r"[^.!?/:]+[.]", part) for part in (sentences[-1], new))
        if joinable and len(sentences[-1]) + len(new) < LONGEST_JOINED and self.chance(0.7):
            sentences[-1] = f"{sentences[-1][:-1]}, {self.conjunction} {new}"
        else:
            sentences.append(new)


def capitalise(text: str) -> str:
    """Upper-case the first letter of every sentence."""
    return re.sub(r"(^|[.!?] |\n)([¿¡]?)([a-záéíóúñ])", lambda m: m[1] + m[2] + m[3].upper(), text)
