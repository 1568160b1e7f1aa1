"""What can be set about a server, declared once: `tinylm serve` and `python -m tinylm.serve` both read this.

settings = ServeSettings(port=8080)
words(settings)                        # ["--port", "8080"]: what is typed for it
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable

_ADDRESS, _LOAD, _ACCESS, _CONTENT, _MACHINE = "Address", "Load", "Access", "Content", "Machine"
_NAMED = "no other"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:]{2,45}\])(?::[0-9]{1,5})?")


def _setting(
    help: str,
    panel: str,
    default: Any = None,
    *flags: str,
    metavar: str | None = None,
    shown: str | None = None,
) -> Any:
    """A field with what `tinylm.cli.options.option` reads of one."""
    metadata = {"flags": flags, "panel": panel, "help": help, "metavar": metavar, "shown": shown}
    return dataclasses.field(default=default, metadata=metadata | {"sets": None, "completion": None})


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How a server listens, how much it takes on, and who may ask."""

    host: str = _setting(
        "The address to listen on. Beyond this machine (`0.0.0.0`) a token is needed, and made.",
        _ADDRESS,
        "127.0.0.1",
        metavar="ADDRESS",
    )
    port: int = _setting("The port; 0 takes a free one.", _ADDRESS, 8000)
    parallel: int = _setting("Texts that are written in turns at the same time; each has a cache of its own.", _LOAD, 4)
    queue: int = _setting("Requests that may wait; any more are answered 429.", _LOAD, 64)
    rate: int | None = _setting(
        "Requests for text that one address may make in a minute, 0 for any number.",
        _LOAD,
        shown="100 beyond this machine",
    )
    timeout: float = _setting("Seconds that a request may wait and compute.", _LOAD, 120.0, metavar="SECONDS")
    grace: float = _setting("Seconds to end what runs when told to stop.", _LOAD, 10.0, metavar="SECONDS")
    max_body: int = _setting("The largest body of a request, in bytes.", _LOAD, 1_000_000, metavar="BYTES")
    remember: int = _setting(
        "Answers to keep for a request that comes again, with a seed or at temperature 0; 0 for none.", _LOAD, 64
    )
    token_file: Path | None = _setting(
        "The file whose token clients must send; nobody else may read it.",
        _ACCESS,
        metavar="FILE",
        shown="made where one is needed",
    )
    allow_host: list[str] | None = _setting(
        "Another name that this server has, as in a reverse proxy; may be given again.",
        _ACCESS,
        metavar="NAME",
        shown=_NAMED,
    )
    allow_origin: list[str] | None = _setting(
        "A web page elsewhere, such as `https://chat.example`, that may ask; may be given again.",
        _ACCESS,
        metavar="ORIGIN",
        shown=_NAMED,
    )
    filter: str | None = _setting(
        "A list of phrases (TOML) that no prompt and no text may have; `off` is none.",
        _CONTENT,
        metavar="FILE|off",
        shown="tinylm's own, in English and Spanish",
    )
    redact: bool = _setting(
        "Write `[email]` and `[phone]` for e-mail addresses and phone numbers.", _CONTENT, False, "--redact"
    )
    log_text: bool = _setting("Write prompts to the log too.", _CONTENT, False, "--log-text")
    budget: str | None = _setting(
        "Refuse bundles that together need more memory than this budget has.",
        _MACHINE,
        metavar="NAME|FILE",
        shown="none",
    )
    threads: str = _setting(
        "Processor threads; `auto` measures once what is fastest here, and remembers it.",
        _MACHINE,
        "auto",
        metavar="NUMBER|auto",
    )
    backend: Literal["auto", "native", "onnxruntime"] = _setting(
        "What runs the model: tinylm's own engine (`native`) or ONNX Runtime; `auto` is native where it works.",
        _MACHINE,
        "auto",
    )

    def __post_init__(self) -> None:
        for name, low, high in (
            ("port", 0, 65535),
            ("parallel", 1, 64),
            ("queue", 0, 10_000),
            ("rate", 0, 1_000_000),
            ("timeout", 0.1, 86_400),
            ("grace", 0, 3600),
            ("max_body", 1000, 100_000_000),
            ("remember", 0, 10_000),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise TinylmError(f"{flag(name)} is {value:g}; {low} to {high} is needed")
        for origin in self.allow_origin or ():
            if not _ORIGIN.fullmatch(origin):
                raise TinylmError(
                    f"--allow-origin is `{printable(origin[:80])}`; `https://` or `http://` with a host is needed",
                    "name it as a browser does, without a path: --allow-origin https://chat.example",
                )
        for name in self.allow_host or ():
            if not _HOST.fullmatch(name):
                raise TinylmError(
                    f"--allow-host is `{printable(name[:80])}`; a host's name or address is needed",
                    "leave out scheme, port and path: --allow-host chat.example",
                )

    @property
    def beyond_this_machine(self) -> bool:
        """Can another machine reach the address?"""
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"

    @property
    def rate_per_minute(self) -> int:
        """Requests from one address; 0 is any number."""
        if self.rate is not None:
            return self.rate
        return 100 if self.beyond_this_machine else 0


def flag(name: str) -> str:
    """The option as it is typed that sets the field `name`."""
    return "--" + name.replace("_", "-")


def words(settings: ServeSettings) -> list[str]:
    """The options of the command line that give these settings; what is as by default needs none."""
    typed: list[str] = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value == field.default:
            continue
        for one in value if isinstance(value, list) else [value]:
            typed += [flag(field.name)] if one is True else [flag(field.name), str(one)]
    return typed


def types() -> dict[str, Any]:
    """The type of every field."""
    return get_type_hints(ServeSettings)
