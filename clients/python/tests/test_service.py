"""Against a running service at ALIKE_URL that holds no galleries of these names; `test/clients/python.test.ts` starts one."""

from __future__ import annotations

import asyncio
import os
from array import array
from base64 import b64encode
from pathlib import Path

import pytest

from alike_client import AlikeClient, AlikeProblem, AlikeUnreachable, AsyncAlikeClient, Retry

URL = os.environ.get("ALIKE_URL", "")
PICTURE = Path(os.environ.get("ALIKE_PICTURE", ""))
pytestmark = pytest.mark.skipif(not URL, reason="ALIKE_URL names no service")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    for n, name in enumerate(("a/1.jpg", "a/ä 2.jpg", "top.jpg")):
        # what stands behind the picture makes each another file
        (tmp_path / name).write_bytes(PICTURE.read_bytes() + bytes([n]))
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_bytes(b"left out")
    return tmp_path


def test_a_folder_is_sent_with_progress_followed_to_its_end_and_found(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    with AlikeClient(URL + "/") as client:
        assert not client.has_gallery("py")
        assert client.create_gallery("py")["name"] == "py"
        job, upload = client.upload_folder("py", folder, progress=lambda *now: told.append(now), label="loose")
        assert (upload.left_out, upload.unreadable, told[-1]) == (1, [], (4, 4))
        events = list(client.events(job["id"]))
        assert [event.event for event in events].count("end") == 1 and events[-1].event == "end"
        ended = client.wait_for_job(job["id"])
        assert (ended["state"], ended["added"], ended["failed"]) == ("completed_with_errors", 3, 1)
        assert [(line["name"], line["code"]) for line in client.job_errors(job["id"])] == [("bad.jpg", "image_unreadable")]
        hits = client.search("py", (folder / "a/ä 2.jpg").read_bytes(), k=1, include=["metadata"])["hits"]
        assert [hit["label"] for hit in hits] == ["a"]
        image = client.put_image("py", "c/ß?#.jpg", PICTURE.read_bytes(), label="c")
        assert (image["id"], image["label"]) == ("c/ß?#.jpg", "c")
        stored, etag = client.image("py", image["id"])
        assert stored == image
        change = {"body": {"label": "mine"}, "headers": {"if-match": etag}}
        assert client.call("changeImage", {"gallery": "py", "id": image["id"]}, **change)["label"] == "mine"
        with pytest.raises(AlikeProblem) as late:
            client.put_image("py", image["id"], PICTURE.read_bytes(), headers={"if-match": etag})
        assert late.value.code == "precondition_failed"
        listed = client.call("listImages", {"gallery": "py"}, {"label": "loose", "limit": 5})["images"]
        assert [one["id"] for one in listed] == ["top.jpg"]
        assert [one["id"] for one in client.images("py", limit=2)] == ["a/1.jpg", "a/ä 2.jpg", "c/ß?#.jpg", "top.jpg"]
        assert [one["id"] for one in client.images("py", label="loose")] == ["top.jpg"]
        found = client.call("search", {"gallery": "py"}, body={"imageId": "c/ß?#.jpg", "k": 2})["hits"]
        assert len(found) == 2
        embedded = [(image["id"], "vector" in image, vector) for image, vector in client.embeddings("py", limit=3)]
        assert [one[:2] for one in embedded] == [(id, False) for id in ("a/1.jpg", "a/ä 2.jpg", "c/ß?#.jpg", "top.jpg")]
        for id, _, vector in embedded:
            assert vector is not None and vector.typecode == "f"
            assert sum(number * number for number in vector) == pytest.approx(1, abs=1e-5)
            for given in vector.tolist(), b64encode(vector).decode():
                asked = {"vector": given, "filter": {"field": "id", "equals": id}, "include": ["vector"]}
                answer = client.call("search", {"gallery": "py"}, body=asked)
                assert answer["hits"][0]["score"] == 1 and array("f", answer["vector"]) == vector
        assert len(list(client.embeddings("py", label="loose"))) == 1
        client.delete_gallery("py")
        assert not client.has_gallery("py")


def test_the_same_in_an_async_program(folder: Path) -> None:
    async def program() -> None:
        async with AsyncAlikeClient(URL) as client:
            assert not await client.has_gallery("py-async")
            await client.create_gallery("py-async")
            job, _ = await client.upload_folder("py-async", folder)
            seen = [event.event async for event in client.events(job["id"])]
            assert seen[-1] == "end"
            assert (await client.wait_for_job(job["id"]))["added"] == 3
            assert [line["name"] async for line in client.job_errors(job["id"])] == ["bad.jpg"]
            searches = [client.search("py-async", PICTURE.read_bytes(), k=1) for _ in range(4)]
            assert [len(answer["hits"]) for answer in await asyncio.gather(*searches)] == [1, 1, 1, 1]
            image = await client.put_image("py-async", "x", PICTURE.read_bytes())
            assert image["id"] == "x"
            assert "x" in [one["id"] async for one in client.images("py-async", limit=2)]
            vectors = [vector async for _, vector in client.embeddings("py-async", limit=2)]
            assert len(vectors) == 4 and all(vector is not None and vector.typecode == "f" for vector in vectors)
            with pytest.raises(AlikeProblem) as refused:
                await client.cancel_job(job["id"])
            assert refused.value.code == "job_finished"
            await client.delete_gallery("py-async")

    asyncio.run(program())


def test_refusals_are_errors_with_a_code() -> None:
    with AlikeClient(URL) as client:
        with pytest.raises(AlikeProblem) as missing:
            client.gallery("none")
        assert (missing.value.status, missing.value.code) == (404, "gallery_not_found")
        assert missing.value.request_id
        with pytest.raises(AlikeProblem) as misfit:
            client.call("listJobs", query={"limit": 0})
        assert [(error["in"], error["pointer"]) for error in misfit.value.errors] == [("query", "/limit")]
    with AlikeClient("http://127.0.0.1:1", retry=Retry(attempts=2, first_pause=0.01)) as client:
        with pytest.raises(AlikeUnreachable):
            client.gallery("none")
