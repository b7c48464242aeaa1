"""Lines to an endpoint: connections that are kept open between questions, and cut when the time for an answer is up."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kinescribe.errors import UsageError, pip_install

from .settings import Settings

__all__ = ["LONGEST_S", "Line", "Lines", "library"]

LONGEST_CONNECT_S = 10.0
LONGEST_S = 1e6  # of all waits; clocks of operating systems take no more than some 1e9
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class Line:
    """A client of httpx that carries one exchange at a time.

    Its own limits hold for each piece that comes in, so that a server that trickles could hold it for ever; hence the socket is cut when
    the time for the whole exchange is up, whatever is waited for.

    Attributes:
        http: the client.
        late: whether time was up in the exchange under way.
    """

    def __init__(self, http: Any) -> None:
        self.http = http
        self.late = False
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._socket: socket.socket | None = None

    def allow(self, seconds: float | None) -> None:
        """From now on so many seconds are left; None: the exchange is over."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            if seconds is not None:
                timer = threading.Timer(min(seconds, LONGEST_S), lambda: self._time_is_up(timer))
                timer.daemon = True
                timer.start()
                self._timer = timer

    def note(self, event: str, info: dict[str, Any]) -> None:
        """What httpx tells of its steps (its extension "trace"): keep hold of the socket of a new connection."""
        if not event.endswith("connect_tcp.complete"):
            return
        own = info["return_value"].get_extra_info("socket").dup()  # TLS takes the socket over, and its copy stays ours
        with self._lock:
            self._let_go()
            self._socket = own
            if self.late:
                self._cut()

    def close(self) -> None:
        """Close the connection."""
        self.http.close()
        with self._lock:
            self._let_go()

    def _time_is_up(self, timer: threading.Timer) -> None:
        with self._lock:
            if self._timer is timer:  # else the exchange ended just now, and the socket may be another's
                self.late = True
                self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it was closed by the other side
                self._socket.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Lines:
    """As many lines as there are exchanges at a time. Safe to share between threads."""

    def __init__(self, settings: Settings, transport: Any = None) -> None:
        self._settings = settings
        self._transport = transport
        self._lock = threading.Lock()
        self._free: list[Line] = []
        self._context: Any = None

    @contextmanager
    def line(self) -> Iterator[Line]:
        """A line for one exchange. Raises `UsageError` where certificates or proxies of the environment can't be used."""
        with self._lock:
            line = self._free.pop() if self._free else Line(self._made())
        try:
            yield line
        finally:
            line.allow(None)
            if line.late:
                line.close()
            else:
                with self._lock:
                    self._free.append(line)

    def close(self) -> None:
        """Close those that are free."""
        with self._lock:
            lines, self._free = self._free, []
        for line in lines:
            line.close()

    def _made(self) -> Any:
        httpx = library()
        settings, timeout_s = self._settings, min(self._settings.timeout_s, LONGEST_S)
        safe = settings.base_url.startswith("https:")
        if safe and self._context is None:  # reading the certificates takes time
            try:
                self._context = httpx.create_ssl_context()
            except (OSError, ValueError) as error:
                raise UsageError(
                    f"the certificates by which {settings.base_url} is checked can't be read ({_reason(error)}); "
                    f"correct or unset {_those_set(CERTIFICATES)}"
                ) from None
        try:
            return httpx.Client(
                transport=self._transport,
                timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, LONGEST_CONNECT_S)),
                verify=self._context if safe else False,
                follow_redirects=False,  # a key goes nowhere but where the user sends it
                trust_env=safe or not settings.is_local,  # no proxy leads to this machine
                headers={"User-Agent": "kinescribe"},
            )
        except ImportError:
            raise UsageError(
                f"{settings.base_url} is behind a SOCKS proxy, which httpx needs another package for; "
                f"pip install 'httpx[socks]', or correct {_those_set(PROXIES)}"
            ) from None
        except (OSError, ValueError, TypeError, httpx.InvalidURL):
            # the reason isn't shown: it may quote the proxy's password
            raise UsageError(
                f"{settings.base_url} can't be asked, for what {_those_set(PROXIES)} says is no URL of a proxy; correct or unset it"
            ) from None


def library() -> Any:
    """The module httpx. Raises `UsageError` where it isn't installed."""
    try:
        import httpx
    except ImportError as error:
        raise UsageError(f"asking a model needs httpx, which isn't installed; {pip_install('llm')}") from error
    return httpx


def _those_set(names: tuple[str, ...]) -> str:
    """Which of the variables the environment sets, in either case."""
    found = [spelled for name in names for spelled in (name, name.lower()) if os.environ.get(spelled)]
    return " or ".join(found or names)


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()) or type(error).__name__
