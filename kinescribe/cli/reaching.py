"""Whether there is anybody at an endpoint: known before minutes of work, not after them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

if TYPE_CHECKING:
    from kinescribe.llm import Settings

__all__ = ["check_reachable"]

PATIENCE_S = 3.0


def check_reachable(settings: Settings) -> None:
    """Knock, and send nothing. Raises EndpointError where nobody opens; who is slow, or behind a proxy, is left for the question."""
    from kinescribe.llm import EndpointError

    parts = urlsplit(settings.base_url)
    if parts.scheme in getproxies() or "all" in getproxies() or not parts.hostname:
        return
    try:
        socket.create_connection((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)), timeout=PATIENCE_S).close()
    except TimeoutError:
        return
    except OSError as error:
        reason = error.strerror or str(error)
        raise EndpointError(f"no answer from {settings.base_url} ({reason}); is the server running there, and the URL right?") from error
