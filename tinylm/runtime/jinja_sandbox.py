"""Jinja for templates that come with somebody's bundle: as Hugging Face has it, and with a bound on what it costs.

    template = compile_template(source)                     # TinylmError with the line of what is wrong
    text = template.rendered({"messages": [...]})          # TinylmError when the template raises, or works too much

Jinja's own sandbox keeps a template away from Python; it does not keep it from taking all time and memory, by loops in
loops, strings that double, `"a" * 10**9`, or wide columns. Here a render has `MOST_WORK` units. A character that is
made and an element that is looked at cost one, a part of a statement that is run costs five, and what could cost more
than it is given is charged before it is done:

- the loops and macros of the parsed template get a call that charges for their body (`tinylm.runtime.jinja_guard`),
- operators, filters, tests, calls and what is printed are charged by the size of what goes in and comes out,
- methods, filters and globals are those that templates of chats use, and none that pads or formats.

So the same template and messages cost the same everywhere; the worst that was found takes half a second of a PC.
Only these two modules import jinja2, and only a bundle with a template needs it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from datetime import datetime
from functools import wraps
from typing import Any, NoReturn

from jinja2 import pass_context
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.ext import loopcontrols
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.utils import Cycler, Joiner, Namespace

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable
from tinylm.runtime.jinja_guard import STEP, Generation, Guard

MOST_CHARACTERS = 32_000
"""The longest template. Those of large models with tools have up to 20,000."""
MOST_WORK = 2_000_000
"""What one render may cost: several times what a text of 100,000 characters does."""
_MOST_BITS = 64  # of a whole number
_LONGEST_RANGE = 10_000


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_METHODS: dict[type, frozenset[str]] = {
    str: _names(
        "capitalize count endswith find index isalnum isalpha isascii isdecimal isdigit islower isnumeric isspace"
        " istitle isupper join lower lstrip partition removeprefix removesuffix replace rfind rindex rpartition rsplit"
        " rstrip split splitlines startswith strip swapcase title upper"
    ),
    dict: _names("get items keys values"),
    list: _names("count index"),
    tuple: _names("count index"),
}
_OWN_ATTRIBUTES = (LoopContext, Macro, Cycler, Joiner, Namespace)
# They look at the elements of a sequence, not into them.
_SHALLOW = _names("count default d first items last length list map reject rejectattr reverse select selectattr")
_DEEP = _names("abs capitalize dictsort float int join lower replace sort string title trim unique upper")
_COMPARING = _names("in == eq equalto != ne > gt greaterthan >= ge < lt lessthan <= le lower upper")
_JINJA_PASSES = ("_loop_vars", "_block_vars")  # beside what a template gives


class TooMuchWork(Exception):
    """A template that costs more than a render may."""


def compile_template(source: str) -> Sandbox:
    """The template, ready to render; TinylmError, with the line, for one that is no template or too long."""
    if len(source) > MOST_CHARACTERS:
        raise TinylmError(
            f"the chat template has {len(source)} characters; at most {MOST_CHARACTERS} are read", _MEND.format("it")
        )
    try:
        return Sandbox(source)
    except TemplateSyntaxError as error:
        raise TinylmError(
            f"the chat template has an error in line {error.lineno}: {_short(error.message)}",
            _MEND.format(f"line {error.lineno}"),
        ) from error
    except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError) as error:
        # Python's own, of what Jinja makes of the template: too deep blocks or brackets, too large numbers.
        raise TinylmError(f"the chat template cannot be compiled: {_short(error)}", _MEND.format("it")) from error


_MEND = "correct {} in `chat_template` of the bundle's manifest, or export the bundle without one"


def _short(error: object) -> str:
    return printable(str(error)[:300]) or type(error).__name__


class Sandbox(ImmutableSandboxedEnvironment):
    """One template and the meter of its renders."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, source: str) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[loopcontrols, Generation],
            finalize=_printed,
            cache_size=0,
        )
        self._left = 0  # Nothing is worked out before a render: not what is constant either.
        self._lock = threading.Lock()
        self.globals = {
            "range": self._range,
            "dict": dict,
            "namespace": Namespace,
            "cycler": Cycler,
            "joiner": Joiner,
            "raise_exception": _raise_exception,
            "strftime_now": _strftime_now,
        }
        self.filters = {
            **{name: self._charged(FILTERS[name], self._shallow) for name in _SHALLOW},
            **{name: self._charged(FILTERS[name], self.weigh) for name in _DEEP},
            "tojson": self._charged(_tojson, self.weigh),
            "safe": lambda value: value,
        }
        self.tests = {name: self._charged(TESTS[name], self.weigh) for name in _COMPARING} | {
            name: test for name, test in TESTS.items() if name not in _COMPARING
        }
        tree = Guard().visit(self.parse(source))
        tree.set_environment(self)
        code = self.compile(tree)
        self._template = self.template_class.from_code(self, code, dict(self.globals))

    def rendered(self, values: Mapping[str, Any]) -> str:
        """The text; TinylmError when the template raises, or costs too much. By one thread at a time."""
        with self._lock:
            self._left = MOST_WORK
            try:
                return self._template.render(values)
            except Exception as error:
                line = _line(error)
                where = f" in line {line}" if line else ""
                raise TinylmError(
                    f"the chat template failed{where}: {_short(error)}",
                    "it may want other messages, or in another order; `chat_template` in the bundle's manifest says",
                ) from error
            finally:
                self._left = 0

    def charge(self, units: int) -> None:
        """TooMuchWork when nothing is left of what a render may cost."""
        self._left -= units
        if self._left < 0:
            raise TooMuchWork(f"it works too much for a chat template (more than {MOST_WORK} units)")

    def weigh(self, *values: Any) -> None:
        """Charge for `values` with all that is in them, as often as it stands there; deeper costs more, as in JSON."""
        stack = [(value, 1) for value in values]
        while stack:
            value, depth = stack.pop()
            self.charge(depth + _length(value))
            if isinstance(value, (list, tuple)):
                stack.extend((inner, depth + 1) for inner in value)
            elif isinstance(value, Mapping):
                stack.extend((inner, depth + 1) for pair in value.items() for inner in pair)
            elif isinstance(value, Namespace):
                raise TypeError("a namespace cannot be compared, printed or given to a filter or macro")

    def _shallow(self, *values: Any) -> None:
        """Charge for the first value's elements, each as often as there are characters in what is asked of them."""
        asked = sum(_length(value) for value in values[1:])
        self.charge((1 + _length(values[0])) * (1 + asked) if values else 1)

    # What the guarded template calls (`tinylm.runtime.jinja_guard`).

    def tick(self, units: int) -> bool:
        self.charge(units)
        return True

    def heavy(self, value: Any) -> Any:
        self.weigh(value)
        return value

    def sliced(self, value: Any) -> Any:
        self.charge(_length(value))
        return value

    def joined(self, *values: Any) -> str:
        texts = [self.text(value) for value in values]
        self.charge(sum(map(len, texts)))
        return "".join(texts)

    def text(self, value: Any) -> str:
        """What is printed for `value`; TypeError for what no chat would show."""
        if isinstance(value, (str, int, float, Undefined)) or value is None:
            return str(value)
        raise TypeError(f"it prints a {type(value).__name__}; text and numbers are printed, and `tojson` makes text")

    # What Jinja asks an environment.

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            for text, times in ((left, right), (right, left)):
                if not isinstance(text, (int, float)) and isinstance(times, int):
                    self.charge(_length(text) * max(times, 0))
        elif operator == "**" and not (abs(left) < 2**_MOST_BITS and abs(right) <= _MOST_BITS):
            raise OverflowError(f"`**` of numbers beyond {_MOST_BITS} bits")
        elif operator == "%" and isinstance(left, str):
            raise TypeError("`%` does not format text here; `~` joins it")
        return self._made(super().call_binop(context, operator, left, right))

    def call(self, context: Any, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        owner, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
        if owner is self:
            return called(*args)
        given = [value for key, value in kwargs.items() if key not in _JINJA_PASSES]
        if not isinstance(called, Macro):
            self.weigh(*args, *given)
        if isinstance(owner, str):
            self.charge(len(owner))
            if (growth := _METHOD_GROWTH.get(name)) is not None:
                self.charge(growth(owner, *args, *given))
        return self._made(super().call(context, called, *args, **kwargs))

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, tuple):
            raise TypeError("a tuple is no key here")
        return super().getitem(obj, argument)

    def wrap_str_format(self, value: Any) -> None:
        return None  # `format` is no method here

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        allowed = next((names for kind, names in _METHODS.items() if isinstance(obj, kind)), None)
        known = isinstance(obj, _OWN_ATTRIBUTES) if allowed is None else attr in allowed
        return known and super().is_safe_attribute(obj, attr, value)

    def _charged(self, function: Any, charge: Callable[..., None]) -> Callable[..., Any]:
        """A filter or test that is charged; what it would make bit by bit is a list at once."""
        passed = 1 if getattr(function, "jinja_pass_arg", None) else 0  # the context or the environment
        growth = _FILTER_GROWTH.get(function)

        @wraps(function)
        def charged(*args: Any, **kwargs: Any) -> Any:
            values = args[passed:]
            charge(*values, *kwargs.values())
            if growth is not None:
                self.charge(growth(*values, *kwargs.values()))
            return self._made(function(*args, **kwargs))

        return charged

    def _made(self, value: Any) -> Any:
        """What an operator, filter or call gave, charged; what would be made bit by bit, or looks into something else,
        is a list at once."""
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise OverflowError(f"a whole number has more than {_MOST_BITS} bits")
        value = list(value) if isinstance(value, (Iterator, KeysView, ValuesView, ItemsView)) else value
        self.charge(STEP + _length(value))
        return value

    def _range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        if len(numbers) > _LONGEST_RANGE:
            raise OverflowError(f"a range has {len(numbers)} numbers; at most {_LONGEST_RANGE} are possible")
        return numbers


def _length(value: object) -> int:
    return len(value) if isinstance(value, (str, list, tuple, dict, range)) else 1


def _replaced(text: object, old: object, new: object, *_: object) -> int:
    """How long a text becomes at most."""
    return len(str(text)) + str(text).count(str(old)) * len(str(new))


def _joined(values: object, separator: object = "", *_: object) -> int:
    """The characters that `separator` adds; the values are charged already."""
    return _length(values) * _length(separator)


_FILTER_GROWTH: dict[object, Callable[..., int]] = {FILTERS["replace"]: _replaced, FILTERS["join"]: _joined}
_METHOD_GROWTH: dict[str, Callable[..., int]] = {
    "replace": _replaced,
    "join": lambda text, values: _joined(values, text),
}


@pass_context
def _printed(context: Any, value: Any) -> str:
    sandbox: Sandbox = context.environment
    text = sandbox.text(value)
    sandbox.charge(len(text))
    return text


def _raise_exception(message: object) -> NoReturn:
    raise TemplateError(str(message))


def _strftime_now(form: str) -> str:
    if len(form) > 100:
        raise ValueError(f"a form of time has {len(form)} characters; at most 100 are possible")
    return datetime.now().strftime(form)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As Hugging Face's: letters stay as they are, and nothing is escaped for HTML."""
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= 8):
        raise ValueError("`indent` of tojson is 0 to 8 here")
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _line(error: Exception) -> int | None:
    """The line of the template that was rendered when `error` came up."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
