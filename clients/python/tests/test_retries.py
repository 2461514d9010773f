"""What the service does not do when asked: refusals in passing and broken connections, from a transport that answers by script."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from alike_client import AlikeClient, AlikeProblem, AlikeUnreachable, AsyncAlikeClient, Retry
from alike_client.calls import Content

QUICK = Retry(attempts=3, first_pause=0.001, pause_max=2.0)


def refusal(status: int, code: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json={"title": "No.", "status": status, "code": code}, headers=headers)


def scripted(*answers: httpx.Response | Exception) -> tuple[Callable[[httpx.Request], httpx.Response], list[bytes]]:
    """Each answer once, the last one again and again; the bodies that were received."""
    received: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(request.content)
        now = answers[min(len(received), len(answers)) - 1]
        if isinstance(now, Exception):
            raise now
        return httpx.Response(now.status_code, content=now.content, headers=now.headers)

    return answer, received


def client(answer: Callable[[httpx.Request], httpx.Response]) -> AlikeClient:
    return AlikeClient("http://alike", retry=QUICK, transport=httpx.MockTransport(answer))


def test_a_full_service_is_asked_again_as_late_as_it_says() -> None:
    answer, received = scripted(refusal(429, "overloaded", {"retry-after": "1"}), httpx.Response(200, json={"hits": []}))
    started = time.monotonic()
    assert client(answer).search("g", b"picture") == {"hits": []}
    assert received == [b"picture", b"picture"]
    assert time.monotonic() - started >= 0.99


def test_the_same_in_an_async_program() -> None:
    answer, received = scripted(httpx.ConnectError("down"), refusal(503, "not_ready"), httpx.Response(200, json={}))

    async def program() -> None:
        async with AsyncAlikeClient("http://alike", retry=QUICK, transport=httpx.MockTransport(answer)) as one:
            await one.search("g", b"picture")

    asyncio.run(program())
    assert len(received) == 3


def test_attempts_and_pauses_are_bounded() -> None:
    answer, received = scripted(refusal(503, "shutting_down"))
    with pytest.raises(AlikeProblem) as refused:
        client(answer).gallery("g")
    assert (refused.value.code, len(received)) == ("shutting_down", 3)

    answer, received = scripted(refusal(429, "overloaded", {"retry-after": "60"}))
    with pytest.raises(AlikeProblem) as late:
        client(answer).gallery("g")
    assert (late.value.retry_after, len(received)) == (60.0, 1)

    answer, received = scripted(refusal(404, "gallery_not_found"))
    with pytest.raises(AlikeProblem):
        client(answer).gallery("g")
    assert len(received) == 1


def test_what_would_be_done_twice_is_sent_once_and_uploads_are_opened_again() -> None:
    answer, received = scripted(httpx.ReadError("broken."), httpx.Response(202, json={"id": "j"}))
    with pytest.raises(AlikeUnreachable, match=r"^POST /v1/galleries/g/evaluate got no answer: broken\.$"):
        client(answer).call("evaluate", {"gallery": "g"})
    assert len(received) == 1

    answer, received = scripted(httpx.ReadError("broken"), httpx.Response(202, json={"id": "j"}))

    def opened() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    # with an idempotency key it is one job
    assert client(answer).ingest("g", opened, "application/x-tar") == {"id": "j"}
    assert received == [b"onetwo", b"onetwo"]


@pytest.mark.parametrize("kind", [AlikeClient, AsyncAlikeClient])
def test_a_body_that_can_be_read_only_once_is_refused(
    kind: type[AlikeClient] | type[AsyncAlikeClient], tmp_path: Path
) -> None:
    (tmp_path / "a.tar").write_bytes(b"whole")

    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError("it was sent")

    async def upload(content: Any) -> None:
        sent = kind("http://alike", transport=httpx.MockTransport(answer)).ingest("g", content, "application/x-tar")
        if inspect.isawaitable(sent):
            await sent

    with (tmp_path / "a.tar").open("rb") as file:
        for content in (file, iter([b"whole"]), bytearray(b"whole")):
            with pytest.raises(TypeError, match="bytes, or a function that opens it for each attempt"):
                asyncio.run(upload(content))


@pytest.mark.parametrize("kind", [AlikeClient, AsyncAlikeClient])
def test_a_function_may_return_bytes_or_a_list_of_them(kind: type[AlikeClient] | type[AsyncAlikeClient]) -> None:
    answer, received = scripted(httpx.ReadError("broken"), httpx.Response(202, json={"id": "j"}))
    contents: list[Content] = [lambda: b"whole", lambda: [b"in ", b"parts"], lambda: b""]

    async def upload() -> None:
        for content in contents:
            one = kind("http://alike", retry=QUICK, transport=httpx.MockTransport(answer))
            sent = one.ingest("g", content, "application/x-tar")
            assert (await sent if inspect.isawaitable(sent) else sent) == {"id": "j"}

    asyncio.run(upload())
    assert received == [b"whole", b"whole", b"in parts", b""]


def test_an_opened_file_is_read_by_block_not_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"\n" * 2_000)
    parts: list[bytes] = []

    class Parts(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.AsyncByteStream)
            parts.extend([part async for part in request.stream])
            return httpx.Response(202, json={"id": "j"})

    async def program() -> None:
        async with AsyncAlikeClient("http://alike", transport=Parts()) as one:
            await one.ingest("g", lambda: (tmp_path / "a.tar").open("rb"), "application/x-tar")

    asyncio.run(program())
    assert (len(parts), sum(map(len, parts))) == (1, 2_000)


def test_a_request_whose_outcome_is_unknown_is_repeated_only_if_it_is_idempotent() -> None:
    answer, received = scripted(refusal(503, "store_outcome_unknown"))
    with pytest.raises(AlikeProblem):
        client(answer).call("evaluate", {"gallery": "g"})
    assert len(received) == 1
    with pytest.raises(AlikeProblem):
        client(answer).create_gallery("g")
    assert len(received) == 4


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"code": "store_'
        raise httpx.ReadError("broken")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


def test_a_refusal_that_breaks_off_is_no_answer() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(503, stream=Broken(), headers={"content-type": "application/problem+json"})

    with pytest.raises(AlikeUnreachable):
        next(client(answer).events("j"))
    assert asked == ["GET"] * 3
    with pytest.raises(AlikeUnreachable):
        client(answer).call("evaluate", {"gallery": "g"})
    assert asked == ["GET"] * 3 + ["POST"]

    async def program() -> None:
        async with AsyncAlikeClient("http://alike", retry=QUICK, transport=httpx.MockTransport(answer)) as one:
            with pytest.raises(AlikeUnreachable):
                await one.wait_for_job("j")

    asyncio.run(program())


def test_an_explanation_is_asked_for_again_like_a_search() -> None:
    answer, received = scripted(httpx.ReadError("broken"), httpx.Response(200, json={"hits": []}))
    assert client(answer).call("explain", {"gallery": "g"}, body={"imageId": "a", "hit": "b"}) == {"hits": []}
    assert len(received) == 2


def test_a_page_of_a_proxy_is_no_stream_of_events() -> None:
    answer, received = scripted(httpx.Response(200, text="<h1>Log in</h1>", headers={"content-type": "text/html"}))
    with pytest.raises(AlikeProblem) as refused:
        client(answer).wait_for_job("j")
    assert (refused.value.status, refused.value.code, len(received)) == (200, "unknown", 1)


def test_a_page_of_a_proxy_is_no_answer() -> None:
    page = httpx.Response(200, text="<h1>Log in</h1>", headers={"content-type": "text/html; charset=utf-8"})

    async def program() -> None:
        async with AsyncAlikeClient("http://alike", transport=httpx.MockTransport(lambda _: page)) as other:
            with pytest.raises(AlikeProblem, match="page"):
                await other.put_image("g", "a", b"picture")

    for stored in (
        lambda c: c.put_image("g", "a", b"picture"),
        lambda c: c.has_gallery("g"),
        lambda c: list(c.job_errors("j")),
    ):
        answer, received = scripted(page)
        with pytest.raises(AlikeProblem, match="page") as refused:
            stored(client(answer))
        assert (refused.value.status, refused.value.code, len(received)) == (200, "unknown", 1)
    asyncio.run(program())


def test_events_go_on_after_a_connection_that_ended() -> None:
    def stream(*events: tuple[str, int]) -> httpx.Response:
        text = "retry: 1\n\n" + "".join(
            f"event: {name}\ndata: {json.dumps({'id': 'j', 'done': done})}\n\n" for name, done in events
        )
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})

    answer, received = scripted(stream(("progress", 1)), stream(("progress", 2), ("end", 3)))
    seen = [(event.event, event.job["done"]) for event in client(answer).events("j")]
    assert seen == [("progress", 1), ("progress", 2), ("end", 3)]
    assert len(received) == 2


def test_a_page_of_a_proxy_is_no_detail_of_a_refusal() -> None:
    answer, _ = scripted(httpx.Response(404, text="<!doctype html><h1>Not found</h1>"))
    with pytest.raises(AlikeProblem, match="^The service answered with status 404.$") as refused:
        client(answer).call("getGallery", {"gallery": "g"})
    assert (refused.value.code, refused.value.detail) == ("unknown", None)


def test_a_conditional_change_whose_outcome_is_unknown_is_sent_once() -> None:
    for failure in (httpx.ReadError("cut"), refusal(503, "store_outcome_unknown"), refusal(503, "engine_unreachable")):
        answer, received = scripted(failure)
        with pytest.raises((AlikeProblem, AlikeUnreachable)):
            client(answer).put_image("g", "a", b"picture", headers={"if-none-match": "*"})
        assert len(received) == 1
    answer, received = scripted(refusal(429, "overloaded"), httpx.Response(200, json={}))
    client(answer).call("deleteImage", {"gallery": "g", "id": "a"}, headers={"if-match": '"seen"'})
    assert len(received) == 2
