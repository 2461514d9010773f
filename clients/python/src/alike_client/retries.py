"""What may be attempted again, and when: as late as the service asks for."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import httpx

from .problems import retry_after

PASSING = (429, 502, 503, 504)
"""Refusals in passing, of the service or of a proxy in front of it."""
READING = re.compile(r"/(search|search/batch|compare|embeddings)$")
"""Calls that only look, though they are sent by POST."""


@dataclass(frozen=True)
class Retry:
    """Bounds of the attempts of one request."""

    attempts: int = 5
    """The first included; 1 never tries again."""
    first_pause: float = 0.25
    """Seconds before the second attempt where the service names none; doubled for each further one."""
    pause_max: float = 30.0
    """No pause is longer; where the service asks for a longer one, its refusal is raised."""

    def pause(self, attempt: int, request: httpx.Request, response: httpx.Response | None) -> float | None:
        """Seconds until the next attempt; None when there is none. Without a response, the connection broke."""
        if attempt >= self.attempts or not may_repeat(request, response):
            return None
        asked = (retry_after(response) or 0.0) if response is not None else 0.0
        if asked > self.pause_max:
            return None
        # Half of it is random, so that clients which were refused together do not come back together.
        backoff = min(self.pause_max, self.first_pause * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        return max(asked, backoff)


def may_repeat(request: httpx.Request, response: httpx.Response | None) -> bool:
    """Carried out twice, it must come to the same. What a full service has refused was not carried out at all."""
    if response is not None and response.status_code not in PASSING:
        return False
    return (
        (response is not None and response.status_code in (429, 503))
        or request.method in ("GET", "HEAD", "PUT", "DELETE")
        or "idempotency-key" in request.headers
        or READING.search(request.url.path) is not None
    )
