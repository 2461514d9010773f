"""Addresses of calls."""

from __future__ import annotations

import json
from array import array
from typing import Any

import httpx
import pytest

from alike_client import AlikeClient, AlikeProblem, AsyncAlikeClient


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


def test_filters_and_metadata_are_sent_as_json() -> None:
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        return httpx.Response(200, json={"images": []})

    client = AlikeClient("http://alike", transport=httpx.MockTransport(answer))
    list(client.images("g", limit=5, filter={"field": "label", "in": ["a", "ü"]}))
    list(client.images("g", limit=5, filter='{"field":"label","equals":null}'))
    client.put_image("g", "a", b"", metadata={"taken": "2025-07-14", "indoors": True, "place": None})
    assert asked == [
        {"limit": "5", "filter": '{"field": "label", "in": ["a", "ü"]}'},
        {"limit": "5", "filter": '{"field":"label","equals":null}'},
        {"metadata": '{"taken": "2025-07-14", "indoors": true, "place": null}'},
    ]


def test_a_vector_as_embeddings_yields_it_is_part_of_a_body() -> None:
    asked: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return httpx.Response(200, json={})

    client = AlikeClient("http://alike", transport=httpx.MockTransport(answer))
    for vector in array("f", [0.5, -2]), array("d", [0.5, -2]), memoryview(array("f", [0.5, -2])):
        client.call("searchBatch", {"gallery": "g"}, body={"queries": [{"vector": vector, "k": 3}]})
    assert asked == [{"queries": [{"vector": "AAAAPwAAAMA=", "k": 3}]}] * 3
    matrix = memoryview(bytes(16)).cast("f", [2, 2])
    for other in matrix, array("i", [1]), memoryview(b"AAAA"), b"AAAA":
        with pytest.raises(TypeError, match="not JSON serializable, unless it is a vector: one dimension, float32 or"):
            client.call("search", {"gallery": "g"}, body={"vector": other})
    for other in {1, 2}, object():
        with pytest.raises(TypeError, match="not JSON serializable$"):
            client.call("search", {"gallery": "g"}, body={"vector": other})


def test_an_error_says_what_it_is_about() -> None:
    problem = {"code": "filter_invalid", "title": "The filter is malformed.", "detail": "It is no JSON."}
    answers = [problem, {"title": "The service is busy."}, {"detail": "Bad gateway"}]
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json=answers.pop(0)))
    client = AlikeClient("http://alike", transport=transport)
    for message in ("The filter is malformed. It is no JSON.", "The service is busy.", "Bad gateway"):
        with pytest.raises(AlikeProblem) as refused:
            client.gallery("g")
        assert str(refused.value) == message


def test_a_name_that_no_operation_has_is_answered_with_similar_ones() -> None:
    client = AlikeClient("http://alike")
    unknown: Any = "recordFeedback"
    with pytest.raises(ValueError, match=r"^There is no operation 'recordFeedback'; similar: .*giveFeedback"):
        client.call(unknown, {"gallery": "g"})
    unknown = "zzz"
    with pytest.raises(ValueError, match=r"^There is no operation 'zzz'; `alike_client.routes.ROUTES` has them all\.$"):
        client.call(unknown)


def test_a_key_read_from_a_file_may_end_with_a_line_break() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["authorization"])
        return httpx.Response(200, json={})

    client = AlikeClient("http://alike", "alike_abc\n", transport=httpx.MockTransport(answer))
    client.gallery("g")
    assert keys == ["Bearer alike_abc"]
