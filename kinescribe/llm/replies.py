"""Reading what an endpoint sends: a chat completion, a piece of a stream, or an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import AnswerError, EndpointError
from .text import one_line

__all__ = ["Completion", "message_of", "piece_of", "read_completion", "refused_parameter", "usage_of"]

EXCERPT = 2000  # characters
MOST_HIDDEN_BYTES = 200_000  # of a body that an excerpt is taken from
THOUGHTS = ("reasoning_content", "reasoning", "thinking")
Hide = Callable[[str], str]
PARAMETERS = ("response_format", "stream_options", "max_completion_tokens", "max_tokens", "temperature", "seed")
OTHER_NAMES = {"json_schema": "response_format", "json_object": "response_format", "include_usage": "stream_options"}


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply.

    Attributes:
        text: what the model wrote.
        prompt_tokens, completion_tokens: None where the endpoint doesn't count.
        cut_off: whether the reply ended at the limit of its length.
        model: as the endpoint names it; empty where it doesn't.
    """

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cut_off: bool = False
    model: str = ""


def read_completion(data: bytes, content_type: str, url: str, hide: Hide) -> Completion:
    """The completion in a body. Raises `EndpointError` for a body that is none, `AnswerError` where the model declined to answer.

    Args:
        data: the body.
        content_type: as its header says.
        url: for messages.
        hide: puts something else in the place of what must not be shown; used on texts as they are after decoding.
    """
    content = _json(data, content_type, url, hide)
    choices = content.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        if content.get("error"):
            raise EndpointError(f"{url} answers with an error: {message_of(data, hide)}")
        raise EndpointError(f"{url} answers without choices ({_excerpt(data, hide)}); is it a chat endpoint, its URL ending in /v1?")
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, dict):
        raise EndpointError(f"{url} answers without a message ({_excerpt(data, hide)}); is it a chat endpoint, its URL ending in /v1?")
    text, reason = _text(message.get("content")), choice.get("finish_reason")
    if text is None or not text.strip():
        raise AnswerError(f"{url}: {_why_empty(message, reason, hide)}")
    name = content.get("model")
    model = one_line(hide(name)) if isinstance(name, str) else ""
    return Completion(hide(text), *usage_of(content), cut_off=reason == "length", model=model)


def piece_of(data: str, url: str, hide: Hide) -> tuple[str, tuple[int | None, int | None]]:
    """Text, as it came, and token counts of one event of a stream. Raises `EndpointError` for anything else."""
    content = _json(data.encode(), "application/json", url, hide)
    if content.get("error"):
        raise EndpointError(f"{url} breaks off its reply: {message_of(data.encode(), hide)}")
    choices = content.get("choices")
    delta = choices[0].get("delta") if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    return (_text(delta.get("content")) or "" if isinstance(delta, dict) else ""), usage_of(content)


def usage_of(content: dict[str, Any]) -> tuple[int | None, int | None]:
    """Tokens of prompt and completion, None where the endpoint doesn't say or what it says is no count."""
    usage = content.get("usage")
    counts = [usage.get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens")]
    prompt, completion = (count if type(count) is int and 0 <= count < 10**9 else None for count in counts)
    return prompt, completion


def message_of(data: bytes, hide: Hide) -> str:
    """What an error's body says, in one line."""
    try:
        content = json.loads(data)
        error = content.get("error", content) if isinstance(content, dict) else content
        said = (error.get("message") or error.get("detail") or error) if isinstance(error, dict) else error
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _excerpt(data, hide)
    return one_line(hide(text)) or "nothing"


def refused_parameter(data: bytes, sent: dict[str, Any]) -> str | None:
    """Which optional parameter of a request the body of a refusal names; None where it names none that was sent."""
    try:
        error = json.loads(data)["error"]
        named = str(error.get("param") or "")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        named = ""
    said = data[:20_000].decode("utf-8", "replace")
    for text in (named, said):
        for word in (*PARAMETERS, *OTHER_NAMES):
            name = OTHER_NAMES.get(word, word)
            if name in sent and re.search(rf"(?<![a-z_]){word}(?![a-z_])", text):
                return name
    return None


def _why_empty(message: dict[str, Any], reason: Any, hide: Hide) -> str:
    """Why a message holds no text, and what to do."""
    if reason == "length":
        return "the reply ended at its longest before anything was said; raise max_reply_tokens, or the endpoint's own limit"
    refusal = message.get("refusal")
    if refusal or reason == "content_filter":
        why = refusal if isinstance(refusal, str) else "content filter" if reason == "content_filter" else "no reason given"
        return f"the model declines to answer: {one_line(hide(why))}; ask another one"
    if any(message.get(name) for name in THOUGHTS):
        return "the model thought and then said nothing; ask one that doesn't think aloud, or switch its thinking off there"
    if message.get("tool_calls") or message.get("function_call"):
        return "the model calls a tool instead of answering; ask another one, or leave out the tools that the endpoint offers it"
    return "the model's answer is empty; does it take pictures, and this many?"


def _json(data: bytes, content_type: str, url: str, hide: Hide) -> dict[str, Any]:
    if "html" in content_type.lower() or data[:200].lstrip()[:1] == b"<":
        raise EndpointError(f"{url} answers with a web page ({_excerpt(data, hide)}); is the URL that of the API, ending in /v1?")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):  # not chained: the error quotes the whole body
        kind = one_line(hide(content_type), 60) or "no content type"
        raise EndpointError(f"{url} answers with what is no JSON ({kind}: {_excerpt(data, hide)})") from None
    if not isinstance(content, dict):
        raise EndpointError(f"{url} answers with a {type(content).__name__}, not an object ({_excerpt(data, hide)})")
    return content


def _text(content: Any) -> str | None:
    """A message's text, which some endpoints send in pieces."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content if isinstance(content, str) else None


def _excerpt(data: bytes, hide: Hide) -> str:
    text = hide(data[:MOST_HIDDEN_BYTES].decode("utf-8", "replace"))[:EXCERPT]  # hidden first, for a key that is cut in two isn't found
    title = re.search(r"<title>([^<]*)", text, flags=re.IGNORECASE)
    return one_line(title.group(1) if title else text) or "nothing"
