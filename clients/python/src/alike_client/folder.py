"""A folder of pictures as one upload: a tar that is made on the way, one file at a time in memory."""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SENT = re.compile(
    r"\.(jpe?g|png|webp|gif|avif|tiff?|bmp|dib|hei[cf]|hif|jxl)$|(^|/)manifest\.(csv|ndjson|jsonl)$", re.IGNORECASE
)
"""Pictures and manifests, by their endings."""


@dataclass
class FolderUpload:
    files: list[str]
    """Paths below the folder, with slashes, by name."""
    left_out: int
    """Files that are neither pictures nor manifests, litter, and links."""
    folder: Path
    unreadable: list[tuple[str, OSError]] = field(default_factory=list)
    """Of the latest attempt: files that could not be read and were left out."""

    def open(self, progress: Callable[[int, int], None] | None = None) -> Iterator[bytes]:
        """The tar. `progress` is told how many files of how many are sent."""
        self.unreadable = []
        for done, path in enumerate(self.files, 1):
            try:
                content = (self.folder / path).read_bytes()
            except OSError as error:
                self.unreadable.append((path, error))
            else:
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                yield entry.tobuf(tarfile.PAX_FORMAT)
                yield content + bytes(-len(content) % tarfile.BLOCKSIZE)
            if progress is not None:
                progress(done, len(self.files))
        yield bytes(2 * tarfile.BLOCKSIZE)


def folder_upload(folder: str | os.PathLike[str], include: Callable[[str], bool] | None = None) -> FolderUpload:
    """Everything below that `include` wants; what begins with a dot is passed over, and links are not followed."""
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is no folder.")
    wanted = include or (lambda path: SENT.search(path) is not None)
    files: list[str] = []
    left_out = 0
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            relative = path.relative_to(root).as_posix()
            if name.startswith(".") or path.is_symlink() or not path.is_file() or not wanted(relative):
                left_out += 1
            else:
                files.append(relative)
    return FolderUpload(files, left_out, root)
