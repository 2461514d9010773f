"""The same client for `async` programs."""

from __future__ import annotations

import json
import os
import uuid
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any, cast

import anyio
import anyio.to_thread
import httpx
from httpx_sse import EventSource, SSEError

from .calls import Call, Content, json_call, picture_call
from .embeddings import AS_BASE64, with_vector
from .folder import FolderUpload, folder_upload
from .job_events import JobEvent, event_of, no_events, reconnect_seconds
from .models import Gallery, Image, Job, SearchAnswer
from .problems import AlikeProblem, AlikeUnreachable, is_page, no_answer, problem_of, problem_of_page
from .retries import Retry
from .routes import Operation
from .transport import DEFAULT_TIMEOUT, base_of, headers_of, is_json, timeout_of


class AsyncAlikeClient:
    """`call` runs every operation of the contract; the other methods cover what most callers want."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retry: Retry = Retry(),
        timeout: httpx.Timeout | float = DEFAULT_TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`url`: the service's URL, including the path it is mounted at, if any. `key`: its API key, if required.
        `timeout`: default a minute, an hour for the answers to uploads and deletions by filter.

        Raises ValueError for a `url` of another form.
        """
        self._base = base_of(url)
        self._retry = retry
        self._timeout = timeout
        self._http = httpx.AsyncClient(headers=headers_of(key), timeout=timeout, transport=transport)

    async def __aenter__(self) -> AsyncAlikeClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def call(
        self,
        operation: Operation,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Runs any operation of the contract by name, with a JSON body. Returns JSON, or bytes for other content."""
        return await self._answer(json_call(operation, path or {}, query or {}, body, headers or {}))

    async def gallery(self, gallery: str) -> Gallery:
        return cast(Gallery, await self.call("getGallery", {"gallery": gallery}))

    async def has_gallery(self, gallery: str) -> bool:
        try:
            await self.gallery(gallery)
        except AlikeProblem as problem:
            if problem.code == "gallery_not_found":
                return False
            raise
        return True

    async def create_gallery(self, gallery: str) -> Gallery:
        """Does nothing if a gallery with this name and these settings exists."""
        return cast(Gallery, await self.call("createGallery", {"gallery": gallery}))

    async def delete_gallery(self, gallery: str) -> None:
        await self.call("deleteGallery", {"gallery": gallery})

    async def image(self, gallery: str, id: str) -> tuple[Image, str]:
        """A picture's record, and its ETag: a change with the header `if-match` is made only if it still has this one."""
        response = await self._send(Call("getImage", {"gallery": gallery, "id": id}))
        return cast(Image, response.json()), response.headers["etag"]

    async def images(self, gallery: str, *, limit: int = 1000, **parameters: Any) -> AsyncIterator[Image]:
        """Yields every picture by id, or those that match `label` or `filter`; `limit` is the size of a page."""
        cursor: str | None = None
        while True:
            query = {**parameters, "limit": limit, "cursor": cursor}
            page = await self.call("listImages", {"gallery": gallery}, query)
            for image in page["images"]:
                yield cast(Image, image)
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    async def embeddings(
        self, gallery: str, *, limit: int = 1000, **parameters: Any
    ) -> AsyncIterator[tuple[Image, array[float] | None]]:
        """Yields the same pictures, each with its embedding: `array("f")` of unit length, None if the service reports it as
        damaged. All are from one model: if the gallery switches to another one meanwhile, AlikeProblem `serving_changed`
        is raised. Then begin again.
        """
        async for image in self.images(gallery, limit=limit, **AS_BASE64, **parameters):
            yield with_vector(image)

    async def put_image(
        self, gallery: str, id: str, picture: bytes, headers: Mapping[str, str] | None = None, **parameters: Any
    ) -> Image:
        """Stores a picture under your id, replacing any existing one."""
        call = picture_call("putImage", {"gallery": gallery, "id": id}, parameters, picture, headers)
        return cast(Image, await self._answer(call))

    async def search(self, gallery: str, picture: bytes, **parameters: Any) -> SearchAnswer:
        """Finds pictures like this one. For other queries send JSON: `call("search", …, body=…)`."""
        return cast(SearchAnswer, await self._answer(picture_call("search", {"gallery": gallery}, parameters, picture)))

    async def ingest(
        self, gallery: str, content: Content, content_type: str, *, idempotency_key: str | None = None, **parameters: Any
    ) -> Job:
        """Returns the job once the upload is durable; use `events` or `wait_for_job` to follow it.

        `content`: bytes, or a function that opens them for each attempt: `lambda: open("pictures.tar", "rb")`.
        """
        headers = {"content-type": content_type, "idempotency-key": idempotency_key or str(uuid.uuid4())}
        return cast(Job, await self._answer(Call("ingest", {"gallery": gallery}, parameters, headers, content)))

    async def upload_folder(
        self,
        gallery: str,
        folder: str | os.PathLike[str],
        *,
        progress: Callable[[int, int], None] | None = None,
        include: Callable[[str], bool] | None = None,
        **parameters: Any,
    ) -> tuple[Job, FolderUpload]:
        """Sends every picture below a folder, labelled with the name of the folder that contains it."""
        upload = folder_upload(folder, include)
        return await self.ingest(gallery, lambda: upload.open(progress), "application/x-tar", **parameters), upload

    async def job(self, job: str) -> Job:
        return cast(Job, await self.call("getJob", {"job": job}))

    async def cancel_job(self, job: str) -> Job:
        """Pictures already stored stay."""
        return cast(Job, await self.call("cancelJob", {"job": job}))

    async def events(self, job: str) -> AsyncIterator[JobEvent]:
        """Yields `progress` first and on each change, `end` once and last; reconnects if the connection breaks."""
        pause = reconnect_seconds(None)
        while True:
            response = await self._send(Call("followJob", {"job": job}, headers={"accept": "text/event-stream"}), stream=True)
            try:
                if response.status_code == 204:
                    yield JobEvent("end", await self.job(job))
                    return
                async for message in EventSource(response).aiter_sse():
                    pause = reconnect_seconds(message) or pause
                    event = event_of(message)
                    if event is not None:
                        yield event
                        if event.event == "end":
                            return
            except SSEError as error:
                raise no_events(response) from error
            except httpx.TransportError:
                pass  # it broke: come back
            finally:
                await response.aclose()
            await anyio.sleep(pause)

    async def wait_for_job(self, job: str, on_progress: Callable[[Job], None] | None = None) -> Job:
        """Returns the finished job, whatever the outcome: see its `state`."""
        async for event in self.events(job):
            if on_progress is not None:
                on_progress(event.job)
            if event.event == "end":
                return event.job
        return await self.job(job)

    async def job_errors(self, job: str) -> AsyncIterator[dict[str, Any]]:
        """Items that failed, line by line, as they arrive."""
        response = await self._send(Call("getJobErrors", {"job": job}), stream=True)
        try:
            rest = b""
            async for part in response.aiter_bytes():
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    yield json.loads(line)
        except httpx.TransportError as error:
            raise AlikeUnreachable("The report broke off.") from error
        finally:
            await response.aclose()

    async def _answer(self, call: Call) -> Any:
        response = await self._send(call)
        if response.status_code == 204:
            return None
        return response.json() if is_json(response) else response.content

    async def _send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            content: Any = call.content() if callable(call.content) else call.content
            if not (content is None or isinstance(content, (bytes, str))):
                content = in_a_thread(content)
            request = self._http.build_request(
                call.method,
                self._base + call.target,
                headers=dict(call.headers),
                content=content,
                timeout=timeout_of(call.operation, self._timeout),
            )
            response: httpx.Response | None = None
            failure: httpx.TransportError | None = None
            try:
                response = await self._http.send(request, stream=stream)
                if response.is_success and not is_page(response):
                    return response
                await response.aread()
                if response.is_success:
                    raise problem_of_page(response)
            except httpx.TransportError as error:
                # a refusal that broke off does not say whether it was executed
                response, failure = None, error
            pause = self._retry.pause(attempt, request, response)
            if pause is None and response is not None:
                raise problem_of(response)
            if pause is None:
                raise no_answer(call.method, call.target, failure) from failure
            await anyio.sleep(pause)


async def in_a_thread(opened: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Files are read without blocking the event loop; one that was opened by block, as a line may be a single byte."""
    read = getattr(opened, "read", None)
    parts: Iterator[bytes] = iter(opened) if read is None else iter(partial(read, 2**18), b"")
    while (part := await anyio.to_thread.run_sync(next, parts, None)) is not None:
        yield part
