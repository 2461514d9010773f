"""What both clients pass to httpx, and how they read its responses."""

from __future__ import annotations

import re

import httpx

from .routes import Operation

DEFAULT_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""Event streams send heartbeats more often than this."""

_PATIENT = httpx.Timeout(60.0, connect=10.0, read=3600.0)
_PATIENT_OPERATIONS: frozenset[Operation] = frozenset(
    {"ingest", "installModel", "changeImages", "deleteImages"}
)
"""They are answered at their end: once a large upload is durable, once all pictures are changed or deleted."""


def timeout_of(operation: Operation, given: httpx.Timeout | float) -> httpx.Timeout | float:
    """`given`: to the client, whose own choice holds for every operation."""
    return _PATIENT if given is DEFAULT_TIMEOUT and operation in _PATIENT_OPERATIONS else given


def base_of(url: str) -> str:
    """What the paths of calls are appended to.

    Raises ValueError for an address of another form: calls would fail only after their retries.
    """
    if re.fullmatch(r"https?://[^/?#]+[^?#]*", url, re.IGNORECASE) is None:
        raise ValueError(
            f'The address of the service must begin with http:// or https:// and end with its path; "{url}" does not.'
        )
    return url.rstrip("/")


def headers_of(key: str | None) -> dict[str, str]:
    # one that was read from a file may end with a line break
    return {} if key is None else {"authorization": f"Bearer {key.strip()}"}


def is_json(response: httpx.Response) -> bool:
    """Whether the body is one JSON value; lines of JSON (`application/x-ndjson`) are not."""
    content_type: str = response.headers.get("content-type", "")
    return content_type.split(";")[0].strip().lower() == "application/json"
