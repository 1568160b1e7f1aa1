"""The Debian releases that a virtual Pi can run, and where their packages come from.

By default the packages come from this machine's own apt sources, with the release's name replaced: whatever mirror a
machine was given, the virtual Pi uses it too. A machine that is no Debian (such as an Ubuntu runner) names a mirror.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError

DEFAULT_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, kw_only=True)
class Release:
    number: int
    codename: str
    python: str
    """What its `python3` is."""


RELEASES = {
    release.number: release
    for release in (
        Release(number=12, codename="bookworm", python="3.11"),
        Release(number=13, codename="trixie", python="3.13"),
    )
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One place that apt reads, reduced to what a minimal system needs."""

    uri: str
    suite: str
    signed_by: str | None

    def stanza(self) -> str:
        lines = ["Types: deb", f"URIs: {self.uri}", f"Suites: {self.suite}", "Components: main"]
        return "\n".join(lines + ([f"Signed-By: {self.signed_by}"] if self.signed_by else [])) + "\n"


def find_release(number: int) -> Release:
    """The release with that number; TinylmError names those that there are."""
    if number not in RELEASES:
        known = ", ".join(f"`{known}`" for known in RELEASES)
        raise TinylmError(f"no virtual Pi with Debian {number}", f"known: {known}")
    return RELEASES[number]


def sources_text(release: Release, *, mirror: str | None, keyring: Path, root: Path = Path("/")) -> str:
    """The deb822 sources of `release`: those of `mirror`, or this machine's own with the release replaced.

    `root` is where this machine's `etc` is. TinylmError when there is no key to check a mirror's packages with, or
    when this machine has no Debian sources.
    """
    if mirror is not None:
        if not keyring.is_file():
            raise TinylmError(
                f"the packages of `{mirror}` cannot be checked: there is no keyring `{keyring}`",
                "sudo apt-get install debian-archive-keyring; or name one with --keyring",
                exit_code=3,
            )
        return Source(uri=mirror, suite=release.codename, signed_by=str(keyring)).stanza()
    sources = []
    codename = _codename(root)
    for source in _machine_sources(root):
        for known in (codename, *(other.codename for other in RELEASES.values())):
            # `bookworm` and `bookworm-security`, but not the `name-bookworm` of somebody else's repository.
            if known and (source.suite == known or source.suite.startswith(f"{known}-")):
                suite = release.codename + source.suite.removeprefix(known)
                sources.append(Source(uri=source.uri, suite=suite, signed_by=source.signed_by))
                break
    if not sources or codename not in {known.codename for known in RELEASES.values()}:
        raise TinylmError(
            "this machine's own apt sources hold no Debian to build a virtual Pi from",
            "name a Debian mirror with --mirror, and install its keys: sudo apt-get install debian-archive-keyring",
            exit_code=3,
        )
    return "\n".join(dict.fromkeys(source.stanza() for source in sources))


def _codename(root: Path) -> str:
    for line in _lines(root / "etc/os-release"):
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip().strip("\"'")
    return ""


def _machine_sources(root: Path) -> Iterator[Source]:
    folder = root / "etc/apt"
    for file in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if file.suffix == ".list":
            yield from _one_line_sources(_lines(file))
        elif file.suffix == ".sources":
            yield from _stanza_sources(_lines(file))


def _one_line_sources(lines: list[str]) -> Iterator[Source]:
    """`deb [signed-by=/a.gpg arch=arm64] URI SUITE COMPONENT...` (man 5 sources.list)."""
    for line in lines:
        words = line.split("#")[0].replace("[", " [ ").replace("]", " ] ").split()
        if not words or words[0] != "deb":
            continue
        options: list[str] = []
        if "[" in words and "]" in words:
            options = words[words.index("[") + 1 : words.index("]")]
            words = ["deb", *words[words.index("]") + 1 :]]
        if len(words) >= 4 and "main" in words[3:]:
            key = next((o.partition("=")[2] for o in options if o.startswith("signed-by=")), None)
            yield Source(uri=words[1], suite=words[2], signed_by=key)


def _stanza_sources(lines: list[str]) -> Iterator[Source]:
    """Stanzas of `Key: value` lines, with an empty line between them; a multi-line inline key is not followed."""
    fields: dict[str, str] = {}
    for line in [*(line for line in lines if not line.startswith("#")), ""]:
        if line.strip():
            name, colon, value = line.partition(":")
            if colon and not line[0].isspace():
                fields[name.strip().lower()] = value.strip()
            continue
        words = {name: value.split() for name, value in fields.items()}
        enabled = fields.get("enabled", "yes").lower() not in ("no", "false")
        if enabled and "deb" in words.get("types", []) and "main" in words.get("components", []):
            for uri in words.get("uris", []):
                for suite in words.get("suites", []):
                    yield Source(uri=uri, suite=suite, signed_by=fields.get("signed-by") or None)
        fields = {}


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
