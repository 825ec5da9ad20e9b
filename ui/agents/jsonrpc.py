"""JSON-RPC 2.0 as used by MCP: messages and errors."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
MISSING_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022

RequestId = str | int
Json = dict[str, Any]


class RpcError(Exception):
    """A request that is answered with an error.

    Args:
        code: An error code from above.
        text: The problem, and what to do.
        data: Details for programs.
    """

    def __init__(self, code: int, text: str, data: Json | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.data = data


class Request(msgspec.Struct, frozen=True):
    """A request or, without an id, a notification."""

    method: str
    params: Json
    id: RequestId | None

    @property
    def meta(self) -> Json:
        """The `_meta` of the parameters."""
        found: object = self.params.get("_meta")
        return cast("Json", found) if isinstance(found, dict) else {}


class BadRequestError(RpcError):
    """An invalid request; `id` is that of the request if it has one."""

    def __init__(self, code: int, text: str, request_id: RequestId | None) -> None:
        super().__init__(code, text)
        self.id = request_id


def read_messages(line: bytes) -> list[object]:
    """Decode a line from a client: one message, or a batch of the version 2025-03-26.

    Raises:
        BadRequestError: If the line is invalid.
    """
    try:
        found: object = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Without the id, a client would wait.
        known_id = _id_of(repaired(line))
        text = f"not valid JSON: {error}"
        raise BadRequestError(PARSE_ERROR, text, known_id) from error
    return cast("list[object]", found) if isinstance(found, list) and found else [found]


def read_request(found: object) -> Request | None:
    """Check a decoded message.

    Returns:
        The request or notification; None for a response, because none is awaited.

    Raises:
        BadRequestError: If the message is invalid.
    """
    if not isinstance(found, dict):
        text = "a message is a JSON object, or an array of at least one"
        raise BadRequestError(INVALID_REQUEST, text, None)
    message = cast("Json", found)
    known_id = _id_of(message)
    if "id" in message and known_id is None:
        text = "an id is a string or a whole number"
        raise BadRequestError(INVALID_REQUEST, text, None)
    if message.get("jsonrpc") != "2.0":
        text = 'the field "jsonrpc" has to be "2.0"'
        raise BadRequestError(INVALID_REQUEST, text, known_id)
    method: object = message.get("method")
    if method is None and ("result" in message or "error" in message):
        return None
    if not isinstance(method, str):
        raise BadRequestError(INVALID_REQUEST, "a request has a method", known_id)
    params: object = message.get("params", {})
    if not isinstance(params, dict):
        raise BadRequestError(INVALID_PARAMS, "params has to be an object", known_id)
    return Request(method, cast("Json", params), known_id)


def _id_of(message: object) -> RequestId | None:
    found = cast("Json", message).get("id") if isinstance(message, dict) else None
    if isinstance(found, str | int) and not isinstance(found, bool):
        return found
    return None


def repaired(line: bytes) -> object:
    """Return JSON with `?` for what is not Unicode, such as half of an emoji.

    Returns:
        The value; None if it is invalid in another way, and in place of NaN.
    """
    import json  # noqa: PLC0415 - seldom needed

    try:
        found = json.loads(line.decode(errors="replace"), parse_constant=lambda _: None)
        text = json.dumps(found, ensure_ascii=False)
        return msgspec.json.decode(text.encode(errors="replace"))
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None


def result_line(request_id: RequestId, result: Json) -> bytes:
    """Return the line that answers a request."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "result": result})


def error_line(request_id: RequestId | None, error: RpcError) -> bytes:
    """Return the line that answers a request with an error."""
    found: Json = {"code": error.code, "message": str(error)}
    if error.data is not None:
        found["data"] = error.data
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "error": found})


def notification_line(method: str, params: Json) -> bytes:
    """Return the line of a notification."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params})
