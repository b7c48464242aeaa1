"""One small client for any OpenAI-compatible chat endpoint: hosted, Ollama, vLLM, llama.cpp.

The network library, `httpx`, is imported when the first question goes out; it comes with ``pip install 'kinescribe[llm]'``.
"""

from __future__ import annotations

from .client import Client, Reply
from .errors import AnswerError, BudgetExceededError, EndpointError, NotRecordedError
from .messages import Message, Part, picture
from .recording import Exchange, Model, Recorder, Replayer
from .refusals import refuses_pictures
from .settings import Settings
from .usage import Usage

__all__ = [
    "AnswerError",
    "BudgetExceededError",
    "Client",
    "EndpointError",
    "Exchange",
    "Message",
    "Model",
    "NotRecordedError",
    "Part",
    "Recorder",
    "Replayer",
    "Reply",
    "Settings",
    "Usage",
    "picture",
    "refuses_pictures",
]
