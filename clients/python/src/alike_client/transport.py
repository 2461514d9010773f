"""What both clients pass to httpx, and how they read its responses."""

from __future__ import annotations

import httpx

DEFAULT_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""Event streams send heartbeats more often than this."""


def headers_of(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


def is_json(response: httpx.Response) -> bool:
    """Whether the body is one JSON value; lines of JSON (`application/x-ndjson`) are not."""
    content_type: str = response.headers.get("content-type", "")
    return content_type.split(";")[0].strip().lower() == "application/json"
