"""What an endpoint's refusals mean, and which of them may pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import EndpointError
from .replies import message_of, refused_parameter
from .retrying import RETRIED_STATUSES, retry_after
from .settings import Settings

__all__ = ["LATER", "PassingError", "RefusedError", "failure_of", "refuses_pictures"]

LATER = "; try again later"
ABOUT_PICTURES = re.compile("image|picture|vision|modal", re.IGNORECASE)


class RefusedError(EndpointError):
    """The endpoint takes no such request. `parameter` is the optional one that it named, if any."""

    parameter: str | None = None


def refuses_pictures(error: EndpointError) -> bool:
    """Whether the endpoint says something of pictures: a model that reads text alone may answer without them."""
    return ABOUT_PICTURES.search(str(error)) is not None


class PassingError(Exception):
    """A failure that another try may mend. `wait_s`: what the endpoint asked for."""

    def __init__(self, error: EndpointError, wait_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


def failure_of(
    status: int,
    data: bytes,
    wait: str | None,
    body: dict[str, Any],
    settings: Settings,
    with_key: bool,
    hide: Callable[[str], str],
) -> EndpointError | PassingError:
    """The error for a status other than 200.

    Args:
        status: of HTTP.
        data: the body that came with it.
        wait: the Retry-After header.
        body: of the request.
        settings: of the client.
        with_key: whether a key was sent.
        hide: puts something else in the place of the key.
    """
    url, said = settings.base_url, f"{status}: {message_of(data, hide)}"
    if status == 429 and b"insufficient_quota" in data:
        return EndpointError(f"{url}: the account's quota is used up ({said}); top it up or ask another endpoint", status)
    if status in RETRIED_STATUSES:
        what = "is rate-limited" if status == 429 else "fails"
        return PassingError(EndpointError(f"{url} {what} ({said}){LATER}", status), retry_after(wait))
    if status in (400, 422, 501):
        way = f"; does the model '{settings.model}' take pictures?" if ABOUT_PICTURES.search(said) else ""
        refusal = RefusedError(f"{url} refuses the question ({said}){way}", status)
        refusal.parameter = refused_parameter(data, body)
        return refusal
    if 300 <= status < 400:
        return EndpointError(f"{url} has moved ({status}); give the URL that it moved to", status)
    model = f"model '{settings.model}'"
    check = "check" if with_key else "set"
    lines = {
        401: f"wants a key that it knows ({said}); {check} the key in the environment variable {settings.key_variable}",
        403: f"does not allow {model} here ({said}); check what the key in {settings.key_variable} may do",
        404: f"has no such path or no {model} ({said}); does the URL end in /v1, and is the model's name right?",
        413: f"finds the question too large ({said}); show fewer or smaller pictures",
    }
    return EndpointError(f"{url} {lines.get(status, f'answers with status {said}')}", status)
