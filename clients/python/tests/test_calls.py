"""Addresses of calls."""

from __future__ import annotations

import httpx
import pytest

from alike_client import AlikeClient, AsyncAlikeClient


@pytest.mark.parametrize("kind", [AlikeClient, AsyncAlikeClient])
def test_an_address_that_cannot_be_one_of_the_service_is_refused_before_anything_is_sent(
    kind: type[AlikeClient] | type[AsyncAlikeClient],
) -> None:
    for url in ("localhost:8080", "127.0.0.1:8080", "//alike", "/alike", "", "ftp://alike", "http:///alike"):
        with pytest.raises(ValueError, match="must begin with http:// or https://"):
            kind(url)
    for url in ("http://alike/#/galleries/g", "http://alike?key=a"):  # as copied from the console
        with pytest.raises(ValueError, match="end with its path"):
            kind(url)
    for url in ("http://alike", "HTTPS://[::1]:8080/", "http://alike/at/path"):
        kind(url)


def test_an_id_never_leads_to_another_resource() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.raw_path.decode()}")
        return httpx.Response(204)

    client = AlikeClient("http://alike", transport=httpx.MockTransport(answer))
    for id in ("..", "."):
        with pytest.raises(ValueError, match="id"):
            client.call("deleteImage", {"gallery": "g", "id": id})
        with pytest.raises(ValueError, match="gallery"):
            client.call("deleteImage", {"gallery": id, "id": "a"})
    assert asked == []

    client.call("deleteImage", {"gallery": "g", "id": "../a b"})
    client.call("deleteImage", {"gallery": "g", "id": "..."})
    assert asked == [
        "DELETE /v1/galleries/g/images/..%2Fa%20b",
        "DELETE /v1/galleries/g/images/...",
    ]


def test_an_upload_may_be_answered_late_unless_the_caller_has_set_a_timeout() -> None:
    waits: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        waits.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json={})

    transport = httpx.MockTransport(answer)
    usual = AlikeClient("http://alike", transport=transport)
    hasty = AlikeClient("http://alike", transport=transport, timeout=5)
    for client in (usual, hasty):
        client.ingest("g", b"", "application/x-tar")
        client.call("deleteImages", {"gallery": "g"}, {"label": "a"})
        client.call("changeImages", {"gallery": "g"}, {"label": "a"}, {"label": "b"})
        client.gallery("g")
    assert waits == [3600, 3600, 3600, 60, 5, 5, 5, 5]


def test_a_path_with_a_part_missing_or_too_many_is_not_called() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(204)

    client = AlikeClient("http://alike", transport=httpx.MockTransport(answer))
    for path in ({"gallery": "g"}, {"gallery": "g", "image": "a"}, {"gallery": "g", "id": "a", "job": "b"}):
        with pytest.raises(ValueError, match="gallery and id"):
            client.call("deleteImage", path)
    with pytest.raises(ValueError, match="gallery"):
        client.call("getGallery")
    assert asked == []
    client.call("listGalleries")


def test_a_key_read_from_a_file_may_end_with_a_line_break() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["authorization"])
        return httpx.Response(200, json={})

    client = AlikeClient("http://alike", "alike_abc\n", transport=httpx.MockTransport(answer))
    client.gallery("g")
    assert keys == ["Bearer alike_abc"]
