"""What becomes of the body of an answer."""

from __future__ import annotations

import asyncio
import json

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
