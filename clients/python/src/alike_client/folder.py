"""A folder of pictures as one upload: a tar created on the fly, with one file in memory at a time."""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SENT = re.compile(
    r"\.(jpe?g|jfif|png|webp|gif|avif|tiff?|bmp|dib|hei[cf]|hif|jxl)$|(^|/)(manifest\.(csv|ndjson|jsonl)|labels\.csv)$",
    re.IGNORECASE,
)
"""Pictures and manifests, by extension."""


@dataclass
class FolderUpload:
    files: list[str]
    """Paths relative to the folder, with slashes, sorted by name."""
    left_out: int
    """Files that are neither pictures nor manifests, litter, and links."""
    folder: Path
    unreadable: list[tuple[str, OSError]] = field(default_factory=list)
    """Files that were unreadable in the latest attempt and therefore skipped."""

    def open(self, progress: Callable[[int, int], None] | None = None) -> Iterator[bytes]:
        """The tar. `progress` receives the number of files sent and their total."""
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
    """Every file below that `include` accepts; skips names that begin with a dot, and does not follow links.

    Raises OSError for a folder that cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is no folder.")
    wanted = include or (lambda path: SENT.search(path) is not None)
    files: list[str] = []
    left_out = 0
    for place, folders, names in os.walk(root, onerror=raised):
        skipped = [name for name in folders if name.startswith(".") or Path(place, name).is_symlink()]
        left_out += len(skipped)
        folders[:] = sorted(set(folders).difference(skipped))
        for name in sorted(names):
            path = Path(place, name)
            relative = path.relative_to(root).as_posix()
            if name.startswith(".") or path.is_symlink() or not path.is_file() or not wanted(relative):
                left_out += 1
            else:
                files.append(relative)
    return FolderUpload(files, left_out, root)


def raised(error: OSError) -> None:
    raise error
