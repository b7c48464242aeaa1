"""Reading a tokenizer from a model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinescribe.errors import InputError

__all__ = ["read_tokenizer"]


def read_tokenizer(tokenizer_class: Any, folder: Path) -> Any:
    """A tokenizer of that class of `transformers`, without the network. Raises `InputError` where its files are missing or broken."""
    known = ("tokenizer.json", *tokenizer_class.vocab_files_names.values())
    if not any((folder / name).is_file() for name in known):
        raise InputError(f"{folder} holds no tokenizer ({' or '.join(dict.fromkeys(known))}); download it beside the weights")
    try:
        return tokenizer_class.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the tokenizers library raises bare Exceptions for broken files
        reason = " ".join(str(error).split())
        raise InputError(f"the tokenizer in {folder} doesn't load ({type(error).__name__}: {reason}); download its files again") from error
