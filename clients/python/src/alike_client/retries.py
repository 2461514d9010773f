"""Which requests may be retried, and when: after the delay the service asks for."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import httpx

from .problems import problem_of, retry_after

PASSING = (429, 502, 503, 504)
"""Temporary refusals by the service or a proxy in front of it."""
READING = re.compile(r"/(search|search/batch|explain|compare|embeddings)$")
"""Read-only calls, although they use POST."""


@dataclass(frozen=True)
class Retry:
    """Limits on the attempts of one request."""

    attempts: int = 5
    """Includes the first; 1 disables retries."""
    first_pause: float = 0.25
    """Seconds before the second attempt if the service specifies none; doubles for each further one."""
    pause_max: float = 30.0
    """Maximum delay; if the service asks for a longer one, its refusal is raised."""

    def pause(self, attempt: int, request: httpx.Request, response: httpx.Response | None) -> float | None:
        """Seconds until the next attempt; None if there is none. No response means that the connection broke."""
        if attempt >= self.attempts or not may_repeat(request, response):
            return None
        asked = (retry_after(response) or 0.0) if response is not None else 0.0
        if asked > self.pause_max:
            return None
        # Half of it is random, so that clients refused together do not return together.
        backoff = min(self.pause_max, self.first_pause * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        return max(asked, backoff)


def may_repeat(request: httpx.Request, response: httpx.Response | None) -> bool:
    """Whether it is idempotent, or was refused by a full service without being executed."""
    if response is not None and response.status_code not in PASSING:
        return False
    return (
        (response is not None and response.status_code == 429)
        or request.method in ("GET", "HEAD")
        or (not is_conditional(request) and (not_executed(response) or request.method in ("PUT", "DELETE")))
        or "idempotency-key" in request.headers
        or READING.search(request.url.path) is not None
    )


def not_executed(response: httpx.Response | None) -> bool:
    """Or only in part, such as a write that its engine has stored without answering: repeating it completes it."""
    return (
        response is not None
        and response.status_code == 503
        and problem_of(response).code != "store_outcome_unknown"
    )


def is_conditional(request: httpx.Request) -> bool:
    """Whether it would be refused if it had been executed before, completely or in part."""
    return "if-match" in request.headers or "if-none-match" in request.headers
