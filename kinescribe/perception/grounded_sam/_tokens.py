"""Reading a tokenizer from a model's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError
from kinescribe.perception.weights.contents import read_json
from kinescribe.perception.weights.library import quiet_offline, reason_of
from kinescribe.perception.weights.regular import size_of
from kinescribe.perception.weights.wording import plain

__all__ = ["check_tokenizer", "read_tokenizer"]

TEXTS = (".json", ".txt", ".jinja", ".model")
MOST_BYTES = 32 * 2**20
FOREIGN = ("auto_map", "fast_tokenizer_files")
SAMPLE = "a red ball"


def read_tokenizer(tokenizer_class: Any, folder: Path) -> Any:
    """A tokenizer of that class of `transformers`, without the network. Raises `InputError` where its files are missing or broken."""
    known = ("tokenizer.json", *tokenizer_class.vocab_files_names.values())
    if not any((folder / name).is_file() for name in known):
        raise InputError(f"{folder} holds no tokenizer ({' or '.join(dict.fromkeys(known))}); download it beside the weights")
    _refuse_odd_files(folder)
    try:
        with quiet_offline():
            tokenizer = tokenizer_class.from_pretrained(folder, local_files_only=True)
            for stop in ("no_padding", "no_truncation"):  # what a file sets of these would change every phrase
                getattr(tokenizer.backend_tokenizer, stop)()
            ids = tokenizer(SAMPLE).input_ids
    except Exception as error:  # the tokenizers library raises bare Exceptions for broken files
        raise InputError(f"the tokenizer in {folder} doesn't load ({reason_of(error)}); download its files again") from error
    if not ids or not all(isinstance(number, int) for number in ids):
        raise InputError(f"the tokenizer in {folder} makes nothing of '{SAMPLE}'; download its files again")
    return tokenizer


def check_tokenizer(tokenizer: Any, folder: Path, words: int, *, needed: Sequence[str] = (), symbols: Sequence[str] = ()) -> None:
    """Raise `InputError` where a tokenizer doesn't belong to a model.

    Args:
        tokenizer: from this folder.
        folder: of the model.
        words: how many the model knows; every id must be below.
        needed: special tokens that must be there, such as "cls_token".
        symbols: words that must have an id of their own.
    """
    wrong = "; the tokenizer and the weights don't belong together, download both again"
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= words:
        raise InputError(f"the tokenizer in {folder} has ids up to {highest}, and its model knows {words} words{wrong}")
    for name in needed:
        if not isinstance(getattr(tokenizer, f"{name}_id"), int):
            raise InputError(f"the tokenizer in {folder} lacks the {name.replace('_', ' ')} ({plain(getattr(tokenizer, name))}){wrong}")
    for symbol in symbols:
        if tokenizer.convert_tokens_to_ids(symbol) in (None, tokenizer.unk_token_id):
            raise InputError(f"the tokenizer in {folder} does not know '{symbol}'{wrong}")


def _refuse_odd_files(folder: Path) -> None:
    """Raise `InputError` for pipes and devices among what the library reads, files without end, and code."""
    for path in sorted(folder.iterdir()):
        if path.suffix in TEXTS and path.exists() and size_of(path) > MOST_BYTES:
            raise InputError(f"{path} has {size_of(path)} bytes, which no such file has; download it again")
    settings = folder / "tokenizer_config.json"
    if settings.is_file():
        content = read_json(settings)
        for key in FOREIGN:
            if content.get(key):
                raise InputError(f"{settings} wants other files to be read ({key}); refused: use the model's original files")
