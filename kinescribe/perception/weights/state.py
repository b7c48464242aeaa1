"""Tensors out of a file that nobody vouches for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.errors import InputError, UsageError, pip_install
from kinescribe.perception.weights.contents import weight_files
from kinescribe.perception.weights.inspection import AGAIN, inspect
from kinescribe.perception.weights.regular import is_folder
from kinescribe.perception.weights.wording import plain

if TYPE_CHECKING:
    import torch

__all__ = ["first_few", "load_state"]

WRAPPERS = ("model", "state_dict", "model_state_dict", "ema", "ema_model")
PARALLEL = "module."  # what torch's DataParallel puts before every name
SHOWN, LONGEST_SHOWN = 4, 160
MOST_SHARED, SLACK_BYTES = 2, 2**20  # heads that share their weights are named once a layer; no file names all of its numbers thrice


def load_state(path: Path) -> dict[str, torch.Tensor]:
    """Names and tensors of a weights file, or of all parts of a folder, on the CPU and, where the format allows it, not yet read from disk.

    A table inside ``{"model": …}`` or ``{"state_dict": …}`` is taken out, and ``module.`` is taken off the names.

    Raises:
        InputError: the file is cut off, damaged, no weights, or a pickle with code, which is never run.
        UsageError: torch or safetensors are not installed.
    """
    if not is_folder(path):
        return _load(path)
    state: dict[str, torch.Tensor] = {}
    for file in weight_files(path):
        part = _load(file)
        twice = state.keys() & part.keys()
        if twice:
            raise InputError(f"{file} repeats tensors of another part ({first_few(twice)}); {AGAIN}")
        state |= part
    return state


def _load(path: Path) -> dict[str, torch.Tensor]:
    kind = inspect(path).format
    try:
        import torch
        from safetensors.torch import load_file
    except ImportError as error:
        raise UsageError(f"{path.name} can't be loaded without torch ({error}); {pip_install('sam')}") from error
    try:
        if kind == "safetensors":
            content = load_file(path, device="cpu")
        else:
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=kind == "torch")
    except Exception as error:  # the loaders raise anything on damaged files; the reason is handed on
        reason = plain(" ".join(str(error).split()), 160)
        if "weights_only" in str(error) or "Weights only" in str(error):
            raise InputError(f"{path} holds objects besides tensors; refused: use safetensors, or a file with the tensors alone") from error
        raise InputError(f"{path} is damaged ({type(error).__name__}: {reason}); {AGAIN}") from error
    return _tensors(path, content)


def _tensors(path: Path, content: Any) -> dict[str, torch.Tensor]:
    """The table in what a checkpoint holds, checked."""
    import torch

    for _ in range(2):  # at most {"state_dict": {"model": …}}
        if not isinstance(content, Mapping) or any(isinstance(value, torch.Tensor) for value in content.values()):
            break
        content = next((content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)), content)
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds a {type(content).__name__}, not a table of tensors; name a state dict")
    others = [str(key) for key, value in content.items() if not (isinstance(key, str) and isinstance(value, torch.Tensor))]
    if others or not content:
        raise InputError(f"{path} is no table of tensors ({first_few(others) or 'it is empty'}); name a state dict")
    state = dict(content)
    if all(name.startswith(PARALLEL) for name in state):
        state = {name.removeprefix(PARALLEL): tensor for name, tensor in state.items()}
    for name, tensor in state.items():
        _refuse_hollow(path, name, tensor)
    total, size = sum(tensor.numel() * tensor.element_size() for tensor in state.values()), path.stat().st_size
    if total > MOST_SHARED * size + SLACK_BYTES:
        raise InputError(f"{path} has {size} bytes and names tensors of {total}: many share the same numbers; refused")
    return state


def _refuse_hollow(path: Path, name: str, tensor: torch.Tensor) -> None:
    """Raise `InputError` for a tensor that has other things than numbers of its own behind it."""
    import torch

    shown = f"{path}: the tensor '{plain(name)}'"
    if tensor.is_meta or tensor.is_nested or tensor.is_quantized or tensor.is_complex() or tensor.layout != torch.strided:
        kind = "without numbers" if tensor.is_meta else "of a kind that no model here has"
        raise InputError(f"{shown} is {kind}; refused: save it anew as safetensors")
    # a tensor may claim any shape over a few bytes by repeating them; copied, it would take all memory
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise InputError(f"{shown} of shape {list(tensor.shape)} has no such numbers behind it; refused")


def first_few(names: Iterable[str]) -> str:
    """Some names, sorted, and how many more there are: ``a, b, c, d and 7 more``."""
    ordered = [plain(name, LONGEST_SHOWN) for name in sorted(names)]
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more
