"""A client of endpoints with the chat completions API of OpenAI.

Each request blocks one thread; `cancel` shuts down its socket, which unblocks that
thread at once.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import SplitResult, urlsplit

import msgspec

from ...actors.rules.safe_text import brief, safe_line
from .answer import AnswerGatherer, EndpointError, Json, Piece, error_text
from .event_stream import EventParser, TooLongError

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_ANSWER: Final = 32 << 20
"""Maximum number of bytes of an answer."""

_PATH: Final = "/chat/completions"
_END: Final = "[DONE]"
_CHUNK: Final = 1 << 16
_LONGEST_COMPLAINT: Final = 1 << 14
_REDIRECTS: Final = range(300, 400)
_REFUSED: Final = {401, 403}
_OK: Final = 200
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429


class Patience(msgspec.Struct, frozen=True):
    """Timeouts for an endpoint, in seconds.

    Attributes:
        connect: For the connection.
        read: For any bytes, including the headers of the answer; a local model may have
            to be loaded first.
        data: For the next piece of the answer, even if other lines arrive: a server
            that only sends comments has stalled as well.
    """

    connect: float = 10.0
    read: float = 180.0
    data: float = 300.0


class Endpoint(msgspec.Struct, frozen=True):
    """The endpoint of a model.

    Attributes:
        url: The base, such as `http://localhost:11434/v1`.
        model: The name of the model.
        key: Sent as a bearer token; empty for none.
        patience: The timeouts.
    """

    url: str
    model: str
    key: str = ""
    patience: Patience = Patience()


class Canceled(Exception):  # noqa: N818 - not an error
    """The request was canceled."""


class Completion:
    """One request, sent once. The model and `stream` are added to its body."""

    def __init__(self, endpoint: Endpoint, body: Json) -> None:
        self._endpoint = endpoint
        self._body = body
        # Guards the two fields below, which two threads use.
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._canceled = False

    def cancel(self) -> None:
        """Make `run` return at once. Thread-safe; never blocks."""
        with self._lock:
            self._canceled = True
            if self._sock is not None:
                # Closing it would not wake the reading thread.
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)

    def run(self, take: Callable[[Piece], None]) -> AnswerGatherer:
        """Send the request, and call `take` with each piece of the answer. Blocks.

        Raises:
            EndpointError: If there is no complete answer.
            Canceled: If it was canceled.
        """
        try:
            return self._run(take)
        except (OSError, HTTPException, EndpointError, ValueError) as error:
            if self._canceled:
                raise Canceled from error
            if isinstance(error, EndpointError):
                raise
            raise EndpointError(self._explained(error)) from error

    def _run(self, take: Callable[[Piece], None]) -> AnswerGatherer:
        place = _checked(self._endpoint.url)
        if self._canceled:
            raise Canceled
        connection = self._connect(place)
        try:
            path = place.path.rstrip("/")
            path = path if path.endswith(_PATH) else path + _PATH
            body = {**self._body, "model": self._endpoint.model, "stream": True}
            headers = {
                "Content-Type": "application/json",
                "Accept": "text/event-stream",
            }
            if self._endpoint.key:
                headers["Authorization"] = f"Bearer {self._endpoint.key}"
            query = f"?{place.query}" if place.query else ""
            connection.request("POST", path + query, json.dumps(body), headers)
            with connection.getresponse() as response:
                self._check(response)
                return self._read(response, take)
        finally:
            with self._lock:
                self._sock = None
            connection.close()

    def _connect(self, place: SplitResult) -> HTTPConnection:
        patience = self._endpoint.patience
        host = cast("str", place.hostname)
        if place.scheme == "https":
            from http.client import HTTPSConnection  # noqa: PLC0415 - most are local

            connection: HTTPConnection = HTTPSConnection(
                host, place.port, timeout=patience.connect
            )
        else:
            connection = HTTPConnection(host, place.port, timeout=patience.connect)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if self._canceled:
                connection.close()
                raise Canceled
            self._sock = connection.sock
        connection.sock.settimeout(patience.read)
        return connection

    def _check(self, response: HTTPResponse) -> None:
        status = response.status
        if status in _REDIRECTS:
            to = response.getheader("Location") or "nowhere"
            raise EndpointError(
                f"the endpoint redirects to {brief(to, 200)}; if you trust that, put it"
                " into [partner] url"
            )
        kind = (response.getheader("Content-Type") or "").partition(";")[0].strip()
        if status == _OK and kind == "text/event-stream":
            return
        said = _complaint(response)
        if status in _REFUSED:
            raise EndpointError(
                f"the endpoint refuses the key ({status}{said}); look at [partner]"
                " key_command or key_variable"
            )
        if status == _NOT_FOUND:
            raise EndpointError(
                f"the endpoint has no such model or path (404{said}); look at [partner]"
                " url and model"
            )
        if status == _TOO_MANY:
            raise EndpointError(f"the endpoint accepts no requests for now (429{said})")
        if status != _OK:
            raise EndpointError(f"the endpoint failed ({status}{said})")
        raise EndpointError(
            f"the endpoint answered with {kind or 'something unnamed'} instead of an"
            f" event stream{said}; look at [partner] url"
        )

    def _read(
        self, response: HTTPResponse, take: Callable[[Piece], None]
    ) -> AnswerGatherer:
        parser, answer = EventParser(_END), AnswerGatherer()
        size, latest = 0, time.monotonic()
        while data := response.read1(_CHUNK):
            size += len(data)
            if size > LONGEST_ANSWER:
                raise EndpointError("the answer is longer than 32 MB; it was cut off")
            try:
                events = parser.feed(data)
            except TooLongError as error:
                text = "the endpoint sent an event longer than 4 MB; it was cut off"
                raise EndpointError(text) from error
            if events:
                latest = time.monotonic()
            elif time.monotonic() - latest > self._endpoint.patience.data:
                raise TimeoutError
            if self._take(events, answer, take):
                return answer
        self._take(parser.finish(), answer, take)
        if answer.finish_reason is None:
            raise EndpointError("the endpoint broke the answer off")
        return answer

    def _take(
        self, events: list[str], answer: AnswerGatherer, take: Callable[[Piece], None]
    ) -> bool:
        """Process events; return whether they end the answer."""
        for data in events:
            if data == _END:
                return True
            piece = answer.take(data)
            if piece is not None and not self._canceled:
                take(piece)
        return False

    def _explained(self, error: Exception) -> str:
        place = safe_line(self._endpoint.url)
        match error:
            case TimeoutError():
                return f"{place} does not answer in time; try again"
            case ConnectionRefusedError():
                return f"nothing listens at {place}; start it, or correct [partner] url"
            case socket.gaierror():
                return f"no such host: {place}; correct [partner] url"
            case OSError(verify_message=str(why)):
                return (
                    f"the certificate of {place} is not trusted ({why}); name that of"
                    " its authority in the variable SSL_CERT_FILE"
                )
            case OSError(library="SSL"):
                return f"{place} does not speak TLS as it should ({error.strerror})"
            case ConnectionError() | HTTPException():
                return f"{place} broke the connection off ({type(error).__name__})"
            case OSError():
                return f"can't reach {place}: {error.strerror or error}"
            case _:
                return f"{place}: {error}"


def _checked(url: str) -> SplitResult:
    place = urlsplit(url)
    if place.scheme not in {"http", "https"} or not place.hostname:
        text = f"[partner] url is {brief(url, 100)!r}; use one that begins with http"
        raise EndpointError(text)
    return place


def _complaint(response: HTTPResponse) -> str:
    """Return the text of an error response, to be appended to its status."""
    try:
        body = response.read(_LONGEST_COMPLAINT)
    except (OSError, HTTPException):
        return ""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace").strip().partition("\n")[0]
        return f": {brief(safe_line(text), 100)}" if text else ""
    if isinstance(found, dict) and "error" in found:
        return f": {error_text(cast('Json', found))}"
    return ""
