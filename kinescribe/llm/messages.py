"""Messages with text and pictures, in the form that chat endpoints take."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Message", "Part", "estimated_tokens", "picture", "with_pictures"]

Part: TypeAlias = dict[str, Any]
"""A piece of a message: ``{"type": "text", …}`` or ``{"type": "image_url", …}``."""

TOKENS_A_PICTURE = 1000  # endpoints take 100 to 1,500 for a picture of 1,024 px
CHARACTERS_A_TOKEN = 3  # English has 4, other scripts fewer
TOKENS_A_MESSAGE = 4


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: who says it.
        content: text, or pieces in order.
    """

    role: Literal["system", "user", "assistant"]
    content: str | tuple[Part, ...]

    @classmethod
    def system(cls, text: str) -> Message:
        """What holds for the whole conversation."""
        return cls("system", text)

    @classmethod
    def user(cls, *pieces: str | Part) -> Message:
        """A question of texts and pictures (see `picture`), in this order."""
        if len(pieces) == 1 and isinstance(pieces[0], str):
            return cls("user", pieces[0])
        return cls("user", tuple({"type": "text", "text": piece} if isinstance(piece, str) else piece for piece in pieces))

    @classmethod
    def assistant(cls, text: str) -> Message:
        """What the model answered."""
        return cls("assistant", text)

    @property
    def text(self) -> str:
        """All that is said in words."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part["text"]) for part in self.content if part.get("type") == "text")

    def wire(self) -> dict[str, Any]:
        """As the endpoint gets it."""
        return {"role": self.role, "content": self.content if isinstance(self.content, str) else list(self.content)}


def picture(image: NDArray[np.uint8], *, longest: int = 1024, quality: int | None = 90) -> Part:
    """A picture as a piece of a message, carried inside it (a data URL).

    Args:
        image: uint8, shape (H, W, 3), BGR, or (H, W), grey.
        longest: px; larger pictures are shrunk so that the longer side has this length, smaller ones stay as they are.
        quality: of the JPEG, 1 to 100; None for PNG, without loss.

    Raises:
        UsageError: not such an array, or a length or quality that makes no sense.
    """
    import cv2
    import numpy as np

    pixels: NDArray[Any] = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise UsageError(
            f"an array of shape {pixels.shape} and type {pixels.dtype} is no picture: give uint8, (H, W, 3) BGR or (H, W) grey"
        )
    if longest < 1 or (quality is not None and not 1 <= quality <= 100):
        raise UsageError(f"longest = {longest} px at quality {quality}: give 1 px or more, and 1 to 100 or None")
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    kind = "png" if quality is None else "jpeg"
    done, data = cv2.imencode(f".{kind}", pixels, [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise UsageError(f"a picture of {width} x {height} px can't be written as {kind}")
    url = f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": url}}


def with_pictures(messages: Sequence[Message], images: Sequence[NDArray[np.uint8] | Part]) -> list[Message]:
    """The messages, with pictures added to the end of the last of the user's.

    Raises:
        UsageError: pictures, but no message of the user's.
    """
    out = list(messages)
    if not images:
        return out
    last = next((i for i in range(len(out) - 1, -1, -1) if out[i].role == "user"), None)
    if last is None:
        raise UsageError("pictures belong to a question: give a message of the user's too")
    content = out[last].content
    pieces: tuple[str | Part, ...] = (content,) if isinstance(content, str) else content
    out[last] = Message.user(*pieces, *(image if isinstance(image, dict) else picture(image) for image in images))
    return out


def estimated_tokens(messages: Sequence[Message]) -> int:
    """How many tokens a prompt takes, roughly and rather too many."""
    words = sum(len(message.text) // CHARACTERS_A_TOKEN + TOKENS_A_MESSAGE for message in messages)
    parts = [part for message in messages if not isinstance(message.content, str) for part in message.content]
    return words + TOKENS_A_PICTURE * len([part for part in parts if part.get("type") == "image_url"])
