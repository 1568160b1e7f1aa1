"""Public-domain English and Spanish books from Project Gutenberg, downloaded once and kept.

    for document in read(progress=print): ...

The list is pinned by ebook number. A download that breaks is resumed where it stopped (`Range`, guarded by `If-Range`
when the server names a version); a finished one must be whole, UTF-8 text with both of Project Gutenberg's markers.
Its SHA-256 goes into `lock.json` beside the cache and holds from then on: a corpus is the same every time, or an error
says which book changed. The markers, the licence and the credits do not become training text.

Nothing that comes from the network is trusted: sizes and times are bounded, and only http and https are followed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from tinylm import __version__
from tinylm.base import records
from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.corpus.gutenberg_text import END, START, body
from tinylm.text.documents import Document

BASE_URL = "https://www.gutenberg.org"
MAX_BYTES = 20_000_000
"""Bytes of one book; Don Quijote has 2.2 MB."""
DEADLINE_S = 900.0
"""Seconds for all attempts at one book, so that a server that drips bytes ends too."""
_CHUNK_BYTES = 1 << 16
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR)
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


@dataclass(frozen=True, slots=True)
class _Resume:
    """`N.txt.partial.json`: what the beginning in `N.txt.partial` is the beginning of."""

    url: str
    total_bytes: int
    version: str
    """`ETag` or `Last-Modified`, or empty when the server named neither."""


class _RetryError(Exception):
    """Something that may go better next time."""


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
    backoff_s: float = 1.0,
    timeout_s: float = 30.0,
) -> Iterator[Document]:
    """The stripped books in the order of the list, from the cache or else from `base_url`.

    A failed attempt is repeated after `backoff_s`, doubled each time; `timeout_s` bounds the wait for each response
    and each chunk. TinylmError when a book cannot be had, is no book, or is not the one that the lock remembers.
    """
    folder = cache_folder() if cache is None else cache
    for book in books:
        path = folder / f"{book.number}.txt"
        locked = _read_lock(folder).books.get(str(book.number))
        data = _cached(path, locked)
        if data is None:
            if progress:
                progress(f"downloading `{book.title}` (Project Gutenberg {book.number})")
            data = _download(
                f"{base_url}/cache/epub/{book.number}/pg{book.number}.txt",
                path,
                attempts=attempts,
                backoff_s=backoff_s,
                timeout_s=timeout_s,
            )
            strip(data, book)
            _check_lock(book, data, folder)
            write_atomic(path, data)
        yield Document(strip(data, book), book.language, f"gutenberg/{book.number}")


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
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return _Lock()
    except (OSError, ValueError) as error:
        raise TinylmError(
            f"cannot read `{path}`: {error}", f"delete `{folder}`; the books are downloaded again"
        ) from error
    records.check_schema(data, major=1, where=f"`{path}`")
    return records.read(_Lock, data, f"`{path}`")


def _cached(path: Path, locked: _Locked | None) -> bytes | None:
    """The cached book, or None when it is not there or not what the lock says (then it is downloaded again)."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if locked and hashlib.sha256(data).hexdigest() == locked.sha256 else None


def _check_lock(book: Book, data: bytes, folder: Path) -> None:
    """Compare with the first download, or record this one as it."""
    lock = _read_lock(folder)
    now = _Locked(hashlib.sha256(data).hexdigest(), len(data))
    before = lock.books.setdefault(str(book.number), now)
    if before != now:
        raise TinylmError(
            f"`{book.title}` (Project Gutenberg {book.number}) has changed: "
            f"SHA-256 {now.sha256[:12]} ({now.bytes:,} bytes), not {before.sha256[:12]} ({before.bytes:,} bytes)",
            f"to accept the new text, delete its entry in `{folder / 'lock.json'}`, then run again",
        )
    write_atomic(folder / "lock.json", json.dumps(asdict(lock), indent=1).encode())


def _download(url: str, path: Path, *, attempts: int, backoff_s: float, timeout_s: float) -> bytes:
    """The body of `url`; what arrived before a failure stays beside `path` for the next attempt or the next run.

    Two processes that download the same book at once can only spoil the partial file: the length and then the lock
    tell, and it is fetched again.
    """
    deadline = time.monotonic() + DEADLINE_S
    partial = path.with_name(path.name + ".partial")
    state = path.with_name(path.name + ".partial.json")
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(min(backoff_s * 2 ** (attempt - 1), max(0.0, deadline - time.monotonic())))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _fetch(url, partial, state, timeout_s=timeout_s, deadline=deadline)
            data = partial.read_bytes()
            partial.unlink()
            state.unlink(missing_ok=True)
            return data
        except _RetryError as error:
            reason = str(error)
        except (HTTPException, OSError) as error:  # URLError and timeouts are OSErrors
            if isinstance(error, OSError) and error.errno in _DISK:
                raise TinylmError(
                    f"cannot write `{partial}`: {error}", "free some space, or set `XDG_CACHE_HOME` to another folder"
                ) from error
            reason = str(getattr(error, "reason", "") or error or type(error).__name__)
        if time.monotonic() >= deadline:
            break
    tries = "once" if attempt == 0 else f"{attempt + 1} times"
    raise TinylmError(f"cannot download {url}: {reason} (tried {tries})", _OTHER_WAYS)


def _fetch(url: str, partial: Path, state: Path, *, timeout_s: float, deadline: float) -> None:
    """One attempt to complete `partial`; raises _RetryError, OSError or HTTPException when it did not."""
    resume = _resumable(url, partial, state)
    offset = partial.stat().st_size if resume else 0
    if resume and offset == resume.total_bytes:
        return
    request = Request(url, headers={"User-Agent": f"tinylm/{__version__}", "Accept-Encoding": "identity"})
    if resume:
        request.add_header("Range", f"bytes={offset}-")
        if resume.version:
            request.add_header("If-Range", resume.version)
    try:
        response = _opener().open(request, timeout=timeout_s)
    except HTTPError as error:
        error.close()
        if error.code == 416:
            partial.unlink(missing_ok=True)
        if error.code in (404, 410):
            raise TinylmError(f"{url} is not there any more (HTTP {error.code})", _OTHER_WAYS) from error
        raise _RetryError(f"the server answered HTTP {error.code}") from error
    with response:
        if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            raise TinylmError(f"{url} gave a web page instead of a book", _OTHER_WAYS)
        total = int(length) if (length := response.headers.get("Content-Length", "")).isdecimal() else None
        if response.status == 206 and resume:
            if response.headers.get("Content-Range") != f"bytes {offset}-{resume.total_bytes - 1}/{resume.total_bytes}":
                partial.unlink()
                raise _RetryError(f"the server sent another part than asked: {response.headers.get('Content-Range')}")
            total = resume.total_bytes
        elif response.status == 200:
            offset = 0
            if total is not None:
                tag, date = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
                version = date if tag.startswith("W/") or not tag else tag  # If-Range takes no weak tags
                write_atomic(state, json.dumps(asdict(_Resume(url, total, version))).encode())
        else:
            raise _RetryError(f"the server answered HTTP {response.status}")
        with partial.open("ab" if offset else "wb") as file:
            while chunk := response.read1(_CHUNK_BYTES):
                offset += len(chunk)
                if offset > MAX_BYTES:
                    raise TinylmError(f"{url} has more than {MAX_BYTES:,} bytes", _OTHER_WAYS)
                file.write(chunk)
                if time.monotonic() >= deadline:
                    raise _RetryError(f"it took longer than {DEADLINE_S:.0f} s")
    if total is not None and offset != total:
        raise _RetryError(f"the connection ended after {offset:,} of {total:,} bytes")


def _resumable(url: str, partial: Path, state: Path) -> _Resume | None:
    """What `partial` is the beginning of, when that is known and may be continued."""
    try:
        size = partial.stat().st_size
        resume = records.read(_Resume, json.loads(state.read_bytes()), f"`{state}`")
    except (OSError, ValueError, TinylmError):  # without it, or with a damaged one, the download starts over
        return None
    return resume if resume.url == url and 0 < size <= resume.total_bytes else None


def _opener() -> OpenerDirector:
    """urllib with proxies and redirects but without its handlers for files and ftp."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        _Redirects(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(HTTPRedirectHandler):
    """Follows redirects to http and https, never from https back to http."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if not newurl.startswith("https://") and (req.type == "https" or not newurl.startswith("http://")):
            raise TinylmError(f"{req.full_url} redirects to {newurl}, which is not followed", _OTHER_WAYS)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
