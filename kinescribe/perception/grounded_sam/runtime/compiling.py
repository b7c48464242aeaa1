"""Compiled models: `torch.compile` with a cache that outlives the process, CUDA graphs, and eager execution where that fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kinescribe.perception.grounded_sam.runtime.batching import is_out_of_memory

__all__ = ["cache_folder", "compile_in_place", "use_cache_folder"]

CACHE = "TORCHINDUCTOR_CACHE_DIR"


def cache_folder() -> Path:
    """Where compiled kernels are kept: the environment's ``TORCHINDUCTOR_CACHE_DIR``, else a folder in the user's cache."""
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "kinescribe" / "compiled"


def use_cache_folder() -> None:
    """Has torch keep what it compiles in `cache_folder`, unless the environment names a place already."""
    os.environ.setdefault(CACHE, str(cache_folder()))


def compile_in_place(
    module: Any, warnings: list[str], *, graphs: bool, ran: Callable[[], None] | None = None, backend: str = "inductor"
) -> None:
    """Replaces a module's forward pass by a compiled one, for fixed shapes; its attributes, parameters and class stay as they are.

    Nothing is compiled before the first call. `graphs`: replay CUDA graphs, one for each set of shapes; what comes out is copied,
    so that it outlives the next call. `ran` is called after each compiled pass. Where the compiled pass raises and the eager one
    doesn't, a warning is added, and it is eager from then on; so it is for further shapes once torch's limit of them is reached.
    """
    import torch

    eager: Callable[..., Any] = module.forward
    fast: Callable[..., Any] | None = torch.compile(eager, dynamic=False, mode="reduce-overhead" if graphs else None, backend=backend)
    limit = torch._dynamo.config.recompile_limit
    name = type(module).__name__
    shapes: set[tuple[tuple[int, ...], ...]] = set()

    def forward(*args: Any, **kwargs: Any) -> Any:
        nonlocal fast
        if fast is None:
            return eager(*args, **kwargs)
        try:
            made = fast(*args, **kwargs)
        except Exception as error:
            if is_out_of_memory(error):
                raise  # a smaller batch may fit
            reason = _reason(error)
        else:
            shape = _shapes(args, kwargs)
            if shape not in shapes and len(shapes) == limit:
                warnings.append(
                    f"{name} is compiled for {limit} shapes of input, torch's limit; for others it runs uncompiled, which is slower"
                )
            shapes.add(shape)
            if ran is not None:
                ran()
            return _copied(made) if graphs else made
        # input that the model itself can't take raises here, and compiled it stays
        result = eager(*args, **kwargs)
        fast = None
        warnings.append(f"{name} could not be compiled ({reason}); it runs uncompiled, which is slower")
        return result

    module.forward = forward


def _shapes(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[int, ...], ...]:
    from torch.utils import _pytree

    return tuple(tuple(leaf.shape) for leaf in _pytree.tree_leaves((args, kwargs)) if hasattr(leaf, "shape"))


def _copied(made: Any) -> Any:
    """The same structure with each tensor copied."""
    import torch
    from torch.utils import _pytree

    return _pytree.tree_map(lambda leaf: leaf.clone() if isinstance(leaf, torch.Tensor) else leaf, made)


def _reason(error: BaseException) -> str:
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return text if len(text) <= 240 else text[:239] + "…"
