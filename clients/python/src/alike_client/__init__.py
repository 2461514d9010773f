"""Client of Alike, the self-hosted image retrieval service: `AlikeClient`, and `AsyncAlikeClient` for `async` programs."""

from .async_client import AsyncAlikeClient
from .client import AlikeClient
from .folder import FolderUpload
from .job_events import JobEvent
from .problems import AlikeError, AlikeProblem, AlikeUnreachable
from .retries import Retry

__all__ = [
    "AlikeClient",
    "AlikeError",
    "AlikeProblem",
    "AlikeUnreachable",
    "AsyncAlikeClient",
    "FolderUpload",
    "JobEvent",
    "Retry",
]
