"""What becomes of the body of an answer."""

from __future__ import annotations

import asyncio
import json
from array import array

import httpx

from alike_client import AlikeClient, AsyncAlikeClient

# U+2028 and U+0085 end lines for `str.splitlines`, but not in JSON
LINES = [{"name": "a\u2028b\u0085c.jpg", "code": "image_unreadable"}, {"name": "d.jpg", "code": "image_empty"}]
BODY = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES).encode()
TRANSPORT = httpx.MockTransport(
    lambda _: httpx.Response(200, content=BODY, headers={"content-type": "application/x-ndjson; charset=utf-8"})
)


def test_lines_of_json_are_not_read_as_one_value() -> None:
    assert AlikeClient("http://alike", transport=TRANSPORT).call("listFeedback", {"gallery": "g"}) == BODY


def test_each_line_of_an_error_report_is_one_item() -> None:
    assert list(AlikeClient("http://alike", transport=TRANSPORT).job_errors("j")) == LINES

    async def program() -> None:
        async with AsyncAlikeClient("http://alike", transport=TRANSPORT) as client:
            assert [line async for line in client.job_errors("j")] == LINES

    asyncio.run(program())


def test_embeddings_are_in_single_precision_and_damaged_ones_none() -> None:
    # 0.1 and −0.2, 1 and 10⁻⁴⁰
    pages = [
        {"images": [{"id": "a", "vector": "zczMPc3MTL4="}, {"id": "b", "vector": None}], "nextCursor": "n"},
        {"images": [{"id": "c", "vector": "AACAP8IWAQA="}]},
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        parameters = {"include": "vector", "vectorFormat": "base64", "label": "x", "limit": "1000"}
        assert {**request.url.params, "cursor": "n"} == {**parameters, "cursor": "n"}
        return httpx.Response(200, json=pages["cursor" in request.url.params])

    expected = [({"id": "a"}, array("f", [0.1, -0.2])), ({"id": "b"}, None), ({"id": "c"}, array("f", [1.0, 1e-40]))]
    transport = httpx.MockTransport(answer)
    assert list(AlikeClient("http://alike", transport=transport).embeddings("g", label="x")) == expected

    async def program() -> None:
        async with AsyncAlikeClient("http://alike", transport=transport) as client:
            assert [one async for one in client.embeddings("g", label="x")] == expected

    asyncio.run(program())
