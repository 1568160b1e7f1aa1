"""Public-domain English and Spanish books from Project Gutenberg, downloaded once and kept.

    for document in read(progress=print): ...

The list is pinned by ebook number. `pooch` downloads what the cache lacks: to a temporary file, which takes the book's
name when it is whole, and from the start again when the connection breaks (a book has 2.2 MB at most). What arrives
must be UTF-8 text with both of Project Gutenberg's markers. Its SHA-256 goes into `lock.json` in the cache and holds
from then on: a corpus is the same every time, or an error says which book changed. The markers, the licence and the
credits do not become training text.

Nothing that comes from the network is trusted: sizes and times are bounded, and only http and https are followed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from tinylm import __version__
from tinylm.base import records
from tinylm.base.errors import TinylmError
from tinylm.base.records import write_file
from tinylm.corpus.reading.wrappers import END, START, body
from tinylm.text.documents import Document

if TYPE_CHECKING:
    from requests import Response

BASE_URL = "https://www.gutenberg.org"
MAX_BYTES = 20_000_000
"""Bytes of one book; Don Quijote has 2.2 MB."""
DEADLINE_S = 900.0
"""Seconds for all attempts at one book, so that a server that drips bytes ends too."""
_CHUNK_BYTES = 1024  # the deadline is looked at after each
_OTHER_WAYS = "`--corpus sample` needs no network, `--corpus PATH` reads your own text; what is downloaded is kept"

_NUMBER = re.compile(r"\[E-?book #\s*(\d+)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Book:
    """One pinned ebook."""

    number: int
    language: str
    title: str


BOOKS = (
    Book(11, "en", "Alice's Adventures in Wonderland"),
    Book(12, "en", "Through the Looking-Glass"),
    Book(55, "en", "The Wonderful Wizard of Oz"),
    Book(74, "en", "The Adventures of Tom Sawyer"),
    Book(120, "en", "Treasure Island"),
    Book(236, "en", "The Jungle Book"),
    Book(289, "en", "The Wind in the Willows"),
    Book(1661, "en", "The Adventures of Sherlock Holmes"),
    Book(2000, "es", "Don Quijote"),
    Book(13507, "es", "Cuentos de Amor de Locura y de Muerte"),
    Book(16961, "es", "Trafalgar"),
    Book(17073, "es", "La Regenta"),
    Book(17223, "es", "Pepita Jiménez"),
    Book(17340, "es", "Marianela"),
)


@dataclass(frozen=True, slots=True)
class _Locked:
    """What a book was when it was first downloaded."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class _Lock:
    """`lock.json`: books by number."""

    schema: str = "1.0"
    books: dict[str, _Locked] = field(default_factory=dict)


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/tinylm/gutenberg`, by default below `~/.cache`."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "tinylm" / "gutenberg"


def fingerprint(
    *, cache: Path | None = None, books: Sequence[Book] = BOOKS, progress: Callable[[str], None] | None = None
) -> str:
    """SHA-256 (hex) of the texts, as the lock remembers them; books that it does not know are downloaded first.

    TinylmError when a book cannot be had.
    """
    folder = cache_folder() if cache is None else cache
    known = _read_lock(folder).books
    for _ in read(cache=folder, books=[book for book in books if str(book.number) not in known], progress=progress):
        pass
    locked = _read_lock(folder).books
    texts = [(book.number, book.language, locked[str(book.number)].sha256) for book in books]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def read(
    *,
    cache: Path | None = None,
    base_url: str = BASE_URL,
    books: Sequence[Book] = BOOKS,
    progress: Callable[[str], None] | None = None,
    attempts: int = 5,
    timeout_s: float = 30.0,
) -> Iterator[Document]:
    """The stripped books in the order of the list, from the cache or else from `base_url`.

    There are `attempts` at each book, a second or more apart; `timeout_s` bounds the wait for each response and each of
    its parts. TinylmError when a book cannot be had, is no book, or is not the one that the lock remembers.
    """
    folder = cache_folder() if cache is None else cache
    for book in books:
        path = _fetch(book, folder, base_url, progress, attempts=attempts, timeout_s=timeout_s)
        yield Document(strip(path.read_bytes(), book), book.language, f"gutenberg/{book.number}")


def strip(data: bytes, book: Book) -> str:
    """The book without licence, markers, credits and picture captions; TinylmError when it is no such book."""
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _not_a_book(book, f"it is not UTF-8 at byte {error.start:,}") from error
    start = START.search(text)
    end = END.search(text, start.end()) if start else None
    if start is None or end is None:
        web_page = text.lstrip()[:100].lower().startswith(("<!doctype", "<html"))
        raise _not_a_book(
            book, "it is a web page" if web_page else f"its {'END' if start else 'START'} marker is missing"
        )
    number = _NUMBER.search(text, 0, start.start())
    if number is not None and int(number[1]) != book.number:
        raise _not_a_book(book, f"it says that it is ebook {number[1]}")
    book_text = body(text[start.end() : end.start()])
    if not book_text:
        raise _not_a_book(book, "nothing stands between its markers")
    return book_text


def _not_a_book(book: Book, why: str) -> TinylmError:
    return TinylmError(
        f"what arrived for `{book.title}` (Project Gutenberg {book.number}) is no book: {why}", _OTHER_WAYS
    )


def _read_lock(folder: Path) -> _Lock:
    path = folder / "lock.json"
    if not path.exists():
        return _Lock()
    return records.read_file(_Lock, path, major=1, hint=f"delete `{folder}`; the books are downloaded again")


def _fetch(
    book: Book,
    folder: Path,
    base_url: str,
    progress: Callable[[str], None] | None,
    *,
    attempts: int,
    timeout_s: float,
) -> Path:
    """The file of a book in the cache, downloaded when it is not there or not what the lock says, and locked."""
    import pooch
    import requests

    lock = _read_lock(folder)
    locked = lock.books.get(str(book.number))
    deadline = time.monotonic() + DEADLINE_S
    attempt = 0

    def download(url: str, file: str, _: object) -> None:
        nonlocal attempt
        attempt += 1
        if progress:
            again = f", attempt {attempt} of {attempts}" if attempt > 1 else ""
            progress(f"downloading `{book.title}` (Project Gutenberg {book.number}){again}")
        data = _download(url, timeout_s=timeout_s, deadline=deadline)
        strip(data, book)
        now = _Locked(hashlib.sha256(data).hexdigest(), len(data))
        if lock.books.setdefault(str(book.number), now) != now:
            raise _changed(book, now, lock.books[str(book.number)], folder)
        Path(file).write_bytes(data)

    pooch.get_logger().setLevel("WARNING")
    path = folder / f"{book.number}.txt"
    url = f"{base_url}/cache/epub/{book.number}/pg{book.number}.txt"
    registry = {path.name: locked.sha256 if locked else None}
    cache = pooch.create(folder, base_url, registry=registry, urls={path.name: url}, retry_if_failed=attempts - 1)
    try:
        if locked is None:
            path.unlink(missing_ok=True)
        cache.fetch(path.name, downloader=download)
        if locked is None:
            write_file(folder / "lock.json", lock)
    except requests.RequestException as error:
        tries = "once" if attempt == 1 else f"{attempt} times"
        raise TinylmError(f"cannot download {url}: {_reason(error)} (tried {tries})", _OTHER_WAYS) from error
    except OSError as error:
        raise TinylmError(
            f"cannot write `{path}`: {error}", "free some space, or set `XDG_CACHE_HOME` to another folder"
        ) from error
    return path


def _changed(book: Book, now: _Locked, before: _Locked, folder: Path) -> TinylmError:
    return TinylmError(
        f"`{book.title}` (Project Gutenberg {book.number}) has changed: "
        f"SHA-256 {now.sha256[:12]} ({now.bytes:,} bytes), not {before.sha256[:12]} ({before.bytes:,} bytes)",
        f"to accept the new text, delete its entry in `{folder / 'lock.json'}`, then run again",
    )


def _reason(error: BaseException) -> str:
    """What happened in the system's or the server's words: `requests` wraps them several times."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error)


def _download(url: str, *, timeout_s: float, deadline: float) -> bytes:
    """The body of `url`; requests.RequestException for what another attempt may mend, else TinylmError."""
    import requests

    headers = {"User-Agent": f"tinylm/{__version__}", "Accept-Encoding": "identity"}
    hooks = {"response": _check_redirect}
    with requests.get(url, headers=headers, hooks=hooks, timeout=timeout_s, stream=True) as response:
        if response.status_code in (404, 410):
            raise TinylmError(f"{url} is not there any more (HTTP {response.status_code})", _OTHER_WAYS)
        if response.status_code != 200:
            raise requests.HTTPError(f"the server answered HTTP {response.status_code}")
        if response.headers.get("Content-Type", "").startswith(("text/html", "application/xhtml+xml")):
            raise TinylmError(f"{url} gave a web page instead of a book", _OTHER_WAYS)
        data = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            data += chunk
            if len(data) > MAX_BYTES:
                raise TinylmError(f"{url} has more than {MAX_BYTES:,} bytes", _OTHER_WAYS)
            if time.monotonic() >= deadline:
                raise TinylmError(f"cannot download {url}: it took longer than {DEADLINE_S:.0f} s", _OTHER_WAYS)
    return bytes(data)


def _check_redirect(response: Response, **_: Any) -> None:
    """Follow redirects to http and https, never from https back to http."""
    target = urljoin(response.url, response.headers.get("Location", ""))
    if response.is_redirect and urlsplit(target).scheme not in ("https", urlsplit(response.url).scheme):
        raise TinylmError(f"{response.url} redirects to {target}, which is not followed", _OTHER_WAYS)
