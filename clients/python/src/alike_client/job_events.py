"""Changes of a job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, cast, overload

import httpx
from httpx_sse import ServerSentEvent

from .models import Job
from .problems import AlikeProblem


@dataclass(frozen=True)
class JobEvent:
    event: Literal["progress", "end"]
    """`end` occurs once and last."""
    job: Job


def event_of(message: ServerSentEvent) -> JobEvent | None:
    """None for an event that is not about the job."""
    if message.event == "progress":
        return JobEvent("progress", cast(Job, json.loads(message.data)))
    if message.event == "end":
        return JobEvent("end", cast(Job, json.loads(message.data)))
    return None


def no_events(response: httpx.Response) -> AlikeProblem:
    """For a proxy's page, which would be taken for a stream that breaks off again and again."""
    content_type = response.headers.get("content-type", "")
    return AlikeProblem(response.status_code, {"detail": f'The answer is not a stream of events but "{content_type}".'})


@overload
def reconnect_seconds(message: None) -> float: ...
@overload
def reconnect_seconds(message: ServerSentEvent) -> float | None: ...
def reconnect_seconds(message: ServerSentEvent | None) -> float | None:
    """Delay before reconnecting, as requested by the service."""
    if message is None:
        return 1.0
    return None if message.retry is None else message.retry / 1000
