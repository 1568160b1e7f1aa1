"""Who may ask: names of the server, pages elsewhere, tokens, rates."""

from __future__ import annotations

from pathlib import Path

import pytest
from http_server import serving
from starlette.datastructures import Headers

from tinylm.bundle.reading import Bundle
from tinylm.serve.api.errors import ApiError
from tinylm.serve.guard import MAX_HEAD_BYTES, Guard, RateLimit


def guard(host: str = "127.0.0.1", token: str | None = None, *, hosts: tuple[str, ...] = ()) -> Guard:
    return Guard(host=host, allow_hosts=hosts, allow_origins=("https://chat.example",), token=token, rate_per_minute=0)


def refusal(found: Guard, headers: dict[str, str], *, method: str = "POST", path: str = "/v1/completions") -> int:
    """The status; 0 where nothing is refused."""
    try:
        found.check(method, Headers({"host": "localhost", **headers}), path, "1.2.3.4")
    except ApiError as error:
        return error.status
    return 0


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LOCALHOST", "localhost."]
)
def test_own_names_are_known(host: str) -> None:
    assert refusal(guard(), {"host": host}) == 0


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "192.168.1.9", "[", "a b", "localhost@x"]
)
def test_foreign_names_are_refused(host: str) -> None:
    assert refusal(guard(), {"host": host}) == 403


def test_two_hosts_are_none() -> None:
    with pytest.raises(ApiError):
        guard().check("GET", Headers(raw=[(b"host", b"localhost"), (b"host", b"localhost")]), "/", "")


def test_names_beyond_this_machine() -> None:
    open_to_all = guard("0.0.0.0", hosts=("models.example",))
    assert refusal(open_to_all, {"host": "192.168.1.9:8000"}) == 0  # an address cannot be made to point elsewhere
    assert refusal(open_to_all, {"host": "models.example"}) == 0
    assert refusal(open_to_all, {"host": "evil.example"}) == 403
    assert refusal(guard("192.168.1.9"), {"host": "192.168.1.9"}) == 0
    assert refusal(guard("192.168.1.9"), {"host": "192.168.1.8"}) == 403


def test_pages_elsewhere_are_refused() -> None:
    for origin, status in (
        ("https://evil.example", 403),
        ("null", 403),
        ("http://localhost:9999", 403),
        ("http://localhost", 0),
        ("https://localhost", 0),  # behind a proxy that speaks TLS
        ("https://chat.example", 0),
        ("http://chat.example", 403),
    ):
        assert refusal(guard(), {"origin": origin}) == status, origin


def test_the_token_is_asked_for_where_something_is_told() -> None:
    found = guard(token="a" * 20)
    for authorization, status in (
        ("Bearer " + "a" * 20, 0),
        ("bearer " + "a" * 20, 0),
        ("Bearer " + "a" * 19, 401),
        ("Bearer", 401),
        ("Basic " + "a" * 20, 401),
        ("Bearer ñ", 401),
        ("", 401),
    ):
        assert refusal(found, {"authorization": authorization}) == status, authorization
    for path, status in (
        ("/healthz", 0),
        ("/readyz", 0),
        ("/", 0),
        ("/metrics", 401),
        ("/status", 401),
        ("/v1/models", 401),
    ):
        assert refusal(found, {}, method="GET", path=path) == status, path
    assert refusal(found, {"origin": "https://chat.example"}, method="OPTIONS") == 0
    assert refusal(found, {"origin": "https://evil.example"}, method="OPTIONS") == 403
    assert refusal(found, {}, method="OPTIONS") == 401


def test_large_headers_are_refused() -> None:
    assert refusal(guard(), {"x": "a" * MAX_HEAD_BYTES}) == 431


def test_rates_are_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("tinylm.serve.guard.time.monotonic", lambda: now[0])
    limit = RateLimit(60)
    for _ in range(60):
        limit.take("a")
    with pytest.raises(ApiError) as refused:
        limit.take("a")
    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "2")
    limit.take("b")
    now[0] += 1.01
    limit.take("a")
    with pytest.raises(ApiError):
        limit.take("a")
    for client in range(10_000):  # a table of bounded size: those that asked longest ago go
        limit.take(str(client))
    assert len(limit._left) == 4096


def test_a_page_that_was_named_may_ask(bundle: Bundle, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x" * 30)
    token.chmod(0o600)
    with serving(bundle.path, allow_origin=["https://chat.example"], token_file=token, rate=5) as own:
        origin = "https://chat.example"
        before = own.ask("OPTIONS", "/v1/completions", origin=origin, access_control_request_method="POST")
        assert before.status == 204
        assert before.headers["access-control-allow-origin"] == origin
        assert "authorization" in before.headers["access-control-allow-headers"]
        refused = own.ask("GET", "/v1/models", origin=origin)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert refused.headers["access-control-allow-origin"] == origin  # else the page could not read it
        answer = own.ask("GET", "/v1/models", origin=origin, authorization="Bearer " + "x" * 30)
        assert answer.status == 200
        assert answer.headers["vary"] == "Origin"
        elsewhere = own.ask("GET", "/v1/models", origin="https://evil.example")
        assert elsewhere.status == 403
        assert "access-control-allow-origin" not in elsewhere.headers
        statuses = [own.complete(max_tokens=1).status for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        assert own.ask("GET", "/v1/models").status == 401  # what computes nothing is not counted
        assert "securitySchemes" not in own.ask("GET", "/").body.decode()
