"""Downloading against a real server on this machine that breaks, lies and changes its mind."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest
import requests

from tinylm.base.errors import TinylmError
from tinylm.corpus import gutenberg
from tinylm.corpus.gutenberg import BOOKS, Book
from tinylm.text.documents import Document

BOOK = Book(77, "en", "The Gulls")
BODY = "THE GULLS\r\n\r\n" + "\r\n\r\n".join(
    f"Gull number {n} sat on the wall.\r\nIt said nothing — “nada”." for n in range(4000)
)


MARKER = "OF THE PROJECT GUTENBERG EBOOK THE GULLS ***"


def ebook(body: str = BODY, number: int = 77) -> bytes:
    head = f"\ufeffThe Project Gutenberg eBook of The Gulls\r\n\r\nRelease date: today [eBook #{number}]\r\n\r\n"
    start = f"*** START {MARKER}\r\n\r\nProduced by Somebody and the\r\nOnline Team\r\n\r\n"
    end = f"\r\n\r\nEnd of Project Gutenberg's The Gulls\r\n\r\n*** END {MARKER}\r\nLICENSE\r\n"
    return (head + start + body + end).encode()


class Server:
    """Answers with `content`; `plan` holds what goes wrong with the next requests, one entry each."""

    def __init__(self) -> None:
        self.content = ebook()
        self.plan: list[Callable[[BaseHTTPRequestHandler], bool]] = []
        self.requests: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
                if outer.plan and outer.plan.pop(0)(self):
                    return
                outer.answer(self, len(outer.content))

            def log_message(self, format: str, *args: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler, send_bytes: int, content_type: str = "text/plain") -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", f"{content_type}; charset=utf-8")
        handler.send_header("Content-Length", str(len(self.content)))
        handler.end_headers()
        handler.wfile.write(self.content[:send_bytes])
        handler.wfile.flush()
        if send_bytes < len(self.content):
            handler.connection.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(pooch.core.time, "sleep", lambda seconds: None)  # between attempts
    server = Server()
    thread = threading.Thread(target=lambda: server.http.serve_forever(poll_interval=0.01))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def read(server: Server, cache: Path, *, attempts: int = 4, base_url: str | None = None) -> list[Document]:
    books = gutenberg.read(cache=cache, base_url=base_url or server.url, books=[BOOK], attempts=attempts, timeout_s=2.0)
    return list(books)


def breaks_after(server: Server, sent: int) -> Callable[[BaseHTTPRequestHandler], bool]:
    def plan(handler: BaseHTTPRequestHandler) -> bool:
        server.answer(handler, sent)
        return True

    return plan


def status(code: int) -> Callable[[BaseHTTPRequestHandler], bool]:
    def plan(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_error(code)
        return True

    return plan


EXPECTED = Document(BODY.replace("\r\n", "\n"), "en", "gutenberg/77")


def test_a_book_is_downloaded_once_stripped_and_locked(server: Server, tmp_path: Path) -> None:
    assert read(server, tmp_path) == [EXPECTED]
    assert read(server, tmp_path) == [EXPECTED]
    assert [request["path"] for request in server.requests] == ["/cache/epub/77/pg77.txt"]
    lock = json.loads((tmp_path / "lock.json").read_text())
    assert lock["books"]["77"]["bytes"] == len(server.content)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["77.txt", "lock.json"]


def test_a_broken_download_starts_again_and_leaves_no_half_file(server: Server, tmp_path: Path) -> None:
    server.plan = [breaks_after(server, 100_000), breaks_after(server, 50_000)]
    with pytest.raises(TinylmError, match=r"IncompleteRead\(50000 bytes read, .* \(tried 2 times\)") as caught:
        read(server, tmp_path, attempts=2)
    assert "--corpus sample" in caught.value.hint
    assert "--corpus PATH" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
    server.plan = [breaks_after(server, 70_000)]
    assert read(server, tmp_path) == [EXPECTED]
    assert len(server.requests) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["77.txt", "lock.json"]


def test_errors_of_the_server_are_retried_and_missing_books_are_not(server: Server, tmp_path: Path) -> None:
    server.plan = [status(503), status(429)]
    assert read(server, tmp_path / "a") == [EXPECTED]
    server.plan = [status(404)]
    with pytest.raises(TinylmError, match="HTTP 404"):
        read(server, tmp_path / "b")
    server.plan = [status(500)] * 4
    with pytest.raises(TinylmError, match=r"HTTP 500 \(tried 4 times\)"):
        read(server, tmp_path / "c")
    assert len(server.requests) == 3 + 1 + 4


@pytest.mark.parametrize(
    ("content", "content_type", "message"),
    [
        (b"<!DOCTYPE html><html>Blocked</html>", "text/html", "gave a web page"),
        (b"<!DOCTYPE html><html>Blocked</html>", "text/plain", "it is a web page"),
        (b"Some other text.", "text/plain", "its START marker is missing"),
        (ebook().split(b"*** END")[0], "text/plain", "its END marker is missing"),
        (ebook("a\u00f1o").replace("ñ".encode(), b"\xf1"), "text/plain", "not UTF-8 at byte"),
        (ebook(number=78), "text/plain", "it says that it is ebook 78"),
        (ebook(""), "text/plain", "nothing stands between its markers"),
    ],
)
def test_what_is_no_book_is_refused_and_not_kept(
    server: Server, tmp_path: Path, content: bytes, content_type: str, message: str
) -> None:
    def plan(handler: BaseHTTPRequestHandler) -> bool:
        server.content = content
        server.answer(handler, len(content), content_type)
        return True

    server.plan = [plan]
    with pytest.raises(TinylmError, match=message):
        read(server, tmp_path)
    assert list(tmp_path.iterdir()) == []
    server.content = ebook()
    assert read(server, tmp_path) == [EXPECTED]


def test_a_book_that_never_ends_is_stopped(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gutenberg, "MAX_BYTES", 100_000)
    with pytest.raises(TinylmError, match="more than 100,000 bytes"):
        read(server, tmp_path)
    monkeypatch.setattr(gutenberg, "MAX_BYTES", 20_000_000)
    monkeypatch.setattr(gutenberg, "DEADLINE_S", 0.0)
    with pytest.raises(TinylmError, match="it took longer than 0 s"):
        read(server, tmp_path)
    assert len(server.requests) == 2


def test_a_spoilt_cache_is_repaired_and_a_changed_book_is_an_error(server: Server, tmp_path: Path) -> None:
    read(server, tmp_path)
    path = tmp_path / "77.txt"
    path.write_bytes(path.read_bytes().replace(b"Gull number 7 ", b"Gull number 8 "))
    assert read(server, tmp_path) == [EXPECTED]
    path.write_bytes(b"spoilt")
    server.content = ebook("Another text.")
    with pytest.raises(TinylmError, match="has changed: SHA-256") as caught:
        read(server, tmp_path)
    assert "lock.json" in caught.value.hint
    (tmp_path / "lock.json").unlink()  # as the hint says
    assert [book.text for book in read(server, tmp_path)] == ["Another text."]


def test_the_cache_needs_no_network(server: Server, tmp_path: Path) -> None:
    read(server, tmp_path)
    assert read(server, tmp_path, base_url="http://127.0.0.1:1") == [EXPECTED]


def test_a_file_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "77.txt").mkdir()
    with pytest.raises(TinylmError, match=r"cannot write `.*77\.txt`") as caught:
        read(server, tmp_path)
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_a_damaged_lock_is_an_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text("{")
    with pytest.raises(TinylmError, match=r"lock\.json` is not valid JSON"):
        read(server, tmp_path)
    (tmp_path / "lock.json").write_text('{"schema": "1.0", "book": {}}')
    with pytest.raises(TinylmError, match="unknown key `book`"):
        read(server, tmp_path)


def test_a_silent_server_is_given_up(server: Server, tmp_path: Path) -> None:
    done = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> bool:
        done.wait(5)
        return True

    server.plan = [hang]
    with pytest.raises(TinylmError, match="timed out"):
        list(gutenberg.read(cache=tmp_path, base_url=server.url, books=[BOOK], attempts=1, timeout_s=0.1))
    done.set()


def test_no_network_names_the_other_ways(server: Server, tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match=r"Connection refused \(tried 2 times\)") as caught:
        read(server, tmp_path, attempts=2, base_url="http://127.0.0.1:1")
    assert "--corpus sample" in caught.value.hint


@pytest.mark.parametrize(
    ("base", "target"), [("http", "ftp://127.0.0.1/pg77.txt"), ("http", "file:///etc/hosts"), ("https", "http://a/77")]
)
def test_redirects_to_files_and_away_from_https_are_not_followed(base: str, target: str) -> None:
    response = requests.Response()
    response.status_code, response.url, response.headers["Location"] = 302, f"{base}://127.0.0.1/77", target
    with pytest.raises(TinylmError, match=f"redirects to {target}"):
        gutenberg._check_redirect(response)


def test_other_redirects_are_followed(server: Server, tmp_path: Path) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere.txt" if len(server.requests) == 1 else "ftp://127.0.0.1/77.txt")
        handler.end_headers()
        return True

    server.plan = [redirect]
    assert read(server, tmp_path) == [EXPECTED]
    assert server.requests[-1]["path"] == "/elsewhere.txt"
    server.plan = [redirect]
    with pytest.raises(TinylmError, match="redirects to ftp"):
        read(server, tmp_path / "again")


def test_credits_captions_and_licence_remarks_go_but_the_book_stays() -> None:
    text = gutenberg.strip(
        ebook("[Illustration: gulls]\n\nCHAPTER I\n\nThis was produced by the sea.\n\n[Illustration]\n\nEnd."),
        BOOK,
    )
    assert text == "CHAPTER I\n\nThis was produced by the sea.\n\nEnd."


def test_the_pinned_list_is_bilingual_and_has_no_book_twice() -> None:
    assert len({book.number for book in BOOKS}) == len(BOOKS)
    assert {language: sum(book.language == language for book in BOOKS) >= 6 for language in ("en", "es")} == {
        "en": True,
        "es": True,
    }


def test_the_fingerprint_is_that_of_the_texts(server: Server, tmp_path: Path) -> None:
    def fingerprint(cache: Path, book: Book = BOOK) -> str:
        return gutenberg.fingerprint(cache=cache, books=[book])

    read(server, tmp_path / "a")
    read(server, tmp_path / "b")
    asked = len(server.requests)
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    assert fingerprint(tmp_path / "a", Book(77, "es", "The Gulls")) != fingerprint(tmp_path / "a")
    assert fingerprint(tmp_path / "a", Book(77, "en", "Gulls")) == fingerprint(tmp_path / "a")
    server.content = ebook("Another text.")
    read(server, tmp_path / "c")
    assert fingerprint(tmp_path / "c") != fingerprint(tmp_path / "a"), "the same list, another text"
    assert len(server.requests) == asked + 1, "what the lock knows is not downloaded"


def test_the_fingerprint_downloads_what_the_lock_does_not_know(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(gutenberg.read.__kwdefaults__, "base_url", server.url)  # type: ignore[arg-type]
    said: list[str] = []
    server.plan = [status(503)]
    first = gutenberg.fingerprint(cache=tmp_path, books=[BOOK], progress=said.append)
    started = "downloading `The Gulls` (Project Gutenberg 77)"
    assert said == [started, f"{started}, attempt 2 of 5"]
    assert read(server, tmp_path) == [EXPECTED]
    assert gutenberg.fingerprint(cache=tmp_path, books=[BOOK]) == first
    assert len(server.requests) == 2


def test_the_cache_is_in_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert gutenberg.cache_folder() == tmp_path / "tinylm" / "gutenberg"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert gutenberg.cache_folder() == tmp_path / ".cache" / "tinylm" / "gutenberg"
