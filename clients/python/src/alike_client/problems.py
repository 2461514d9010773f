"""Errors: the service refused (with a stable code), or did not answer."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import httpx


class AlikeError(Exception):
    """Base of all errors raised by this package."""


class AlikeProblem(AlikeError):
    """The service answered with a problem document. Switch on `code`."""

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None = None) -> None:
        said = [str(problem[member]) for member in ("title", "detail") if problem.get(member)]
        super().__init__(" ".join(said) or f"The service answered with status {status}.")
        self.status = status
        self.code: str = problem.get("code", "unknown")
        """One of the contract's codes; `unknown` for a response that is not a problem document, such as a proxy's."""
        self.detail: str | None = problem.get("detail")
        self.request_id: str | None = problem.get("requestId")
        """Identifies the request in the service's log."""
        self.errors: list[dict[str, str]] = problem.get("errors", [])
        """Every fault, for `request_invalid`."""
        self.retry_after = retry_after
        """Seconds to wait before a retry, as requested by the service."""


class AlikeUnreachable(AlikeError):
    """There was no response: no connection, or a broken one. `__cause__` says why."""


def no_answer(method: str, target: str, failure: httpx.TransportError | None) -> AlikeUnreachable:
    reason = str(failure or "").rstrip(".")
    return AlikeUnreachable(f"{method} {target} got no answer{reason and f': {reason}'}.")


def problem_of(response: httpx.Response) -> AlikeProblem:
    """For an unsuccessful response whose body has been read."""
    try:
        problem = response.json()
    except ValueError:
        # a page says nothing to whoever reads an error
        is_page = response.text.lstrip().startswith("<")
        problem = {"detail": response.text[:500]} if response.text and not is_page else {}
    return AlikeProblem(response.status_code, problem if isinstance(problem, dict) else {}, retry_after(response))


def is_page(response: httpx.Response) -> bool:
    """The service has none among its answers: it is a proxy's, such as a form to log in, and nothing was stored."""
    content_type: str = response.headers.get("content-type", "")
    return content_type.split(";")[0].strip().lower() == "text/html"


def problem_of_page(response: httpx.Response) -> AlikeProblem:
    detail = "The answer is a page: it comes from a proxy, not from the service."
    return AlikeProblem(response.status_code, {"detail": detail})


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
