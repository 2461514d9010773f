"""Calls as data, for both clients: the operation, and the content of its URL, headers and body."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from .embeddings import base64_of
from .routes import ROUTES, Operation

Content = bytes | Callable[[], bytes | Iterable[bytes]]
"""A body, or a function that makes or opens it, called for each attempt."""


@dataclass(frozen=True)
class Call:
    operation: Operation
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content | None = None

    def __post_init__(self) -> None:
        if self.operation not in ROUTES:
            similar = get_close_matches(self.operation, ROUTES)
            hint = f"similar: {', '.join(similar)}" if similar else "`alike_client.routes.ROUTES` has them all"
            raise ValueError(f"There is no operation {self.operation!r}; {hint}.")
        if not (self.content is None or isinstance(self.content, (bytes, str)) or callable(self.content)):
            # a file or an iterator: the second attempt would send what is left of it
            raise TypeError("The body must be bytes, or a function that opens it for each attempt.")

    @property
    def method(self) -> str:
        return ROUTES[self.operation][0]

    @property
    def target(self) -> str:
        """Path and query, percent-encoded.

        Raises ValueError for `.` and `..`, which have a meaning in every URL and would lead to another resource, and for
        parts that are missing or too many: `{id}` would be the id of one.
        """
        path = ROUTES[self.operation][1]
        names = re.findall(r"{(\w+)}", path)
        if set(names) != set(self.path):
            needed = " and ".join(names) or "nothing"
            raise ValueError(f"The path of {self.operation} needs {needed}, not {' and '.join(self.path) or 'nothing'}.")
        for name, value in self.path.items():
            if value in (".", ".."):
                raise ValueError(f"No {name} can be {value!r}.")
            path = path.replace("{" + name + "}", quote(value, safe=""))
        pairs = [f"{quote(name)}={quote(text, safe='')}" for name, value in self.query.items() for text in texts(value)]
        return f"{path}?{'&'.join(pairs)}" if pairs else path


def json_call(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, Any], body: object, headers: Mapping[str, str]
) -> Call:
    """With a JSON body, in which vectors may be arrays; None: without a body."""
    if body is None:
        return Call(operation, path, query, headers)
    content = json.dumps(body, ensure_ascii=False, default=base64_of).encode()
    return Call(operation, path, query, {**headers, "content-type": "application/json"}, content)


def picture_call(
    operation: Operation,
    path: Mapping[str, str],
    query: Mapping[str, Any],
    picture: bytes,
    headers: Mapping[str, str] | None = None,
) -> Call:
    """With a picture as the body. The service examines the bytes, not the type."""
    return Call(operation, path, query, {**(headers or {}), "content-type": "image/*"}, picture)


def texts(value: Any) -> list[str]:
    """Values of a parameter; lists are repeated, objects are JSON, None is omitted."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [text for one in value for text in texts(one)]
    if isinstance(value, Mapping):
        return [json.dumps(value, ensure_ascii=False)]
    return [str(value).lower() if isinstance(value, bool) else str(value)]
