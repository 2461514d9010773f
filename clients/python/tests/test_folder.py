"""Which files of a folder are sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from alike_client.folder import folder_upload


def test_everything_that_is_left_out_is_counted(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "b/2.jfif", "b/notes.txt", ".cache/3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"picture")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a/1.jpg")
    upload = folder_upload(tmp_path)
    assert upload.files == ["a/1.jpg", "b/2.jfif"]
    # notes.txt, the links, and a folder that is not opened
    assert upload.left_out == 4


def test_every_manifest_that_the_service_reads_is_sent(tmp_path: Path) -> None:
    names = ["labels.csv", "manifest.csv", "manifest.jsonl", "manifest.ndjson"]
    for name in [*names, "other.csv"]:
        (tmp_path / name).touch()
    assert folder_upload(tmp_path).files == names


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "1.jpg").write_bytes(b"picture")
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError):
        folder_upload(tmp_path)
