"""What goes wrong: the service refused (with a stable code), or gave no answer."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import httpx


class AlikeError(Exception):
    """Whatever this package raises itself."""


class AlikeProblem(AlikeError):
    """The service has answered with a problem document. Switch on `code`."""

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None = None) -> None:
        super().__init__(problem.get("detail") or problem.get("title") or f"The service answered with status {status}.")
        self.status = status
        self.code: str = problem.get("code", "unknown")
        """One of the contract's codes; `unknown` of an answer that is no problem document, such as that of a proxy."""
        self.detail: str | None = problem.get("detail")
        self.request_id: str | None = problem.get("requestId")
        """Finds the request in the log of the service."""
        self.errors: list[dict[str, str]] = problem.get("errors", [])
        """Every misfit, for `request_invalid`."""
        self.retry_after = retry_after
        """So many seconds the service asks to wait before another attempt."""


class AlikeUnreachable(AlikeError):
    """There was no answer: no connection, or one that broke. `__cause__` says why."""


def problem_of(response: httpx.Response) -> AlikeProblem:
    """Of an answer that is no success, whose body is read."""
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:500]} if response.text else {}
    return AlikeProblem(response.status_code, problem if isinstance(problem, dict) else {}, retry_after(response))


def retry_after(response: httpx.Response) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    value = response.headers.get("retry-after")
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
