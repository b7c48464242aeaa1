"""Importing torchvision where its compiled half doesn't fit the installed torch."""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

from kinescribe.errors import UsageError, pip_install

__all__ = ["import_torchvision", "import_with_torchvision"]

MISSING = re.compile(r"operator torchvision::(\w+) does not exist")
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[Any] = []  # a library's declarations live as long as its object


def import_torchvision() -> Any:
    """The torchvision module.

    The package index has torchvision's compiled half for one build of torch only; beside another (the CPU's, a vendor's) its import fails,
    for it describes operators that weren't loaded. Its Python half, picture transforms among it, needs none of them: the operators
    are declared, without an implementation, and the import is tried again. Using one of them still raises.

    Raises:
        UsageError: where torchvision or torch are not installed, or torchvision fails for another reason.
    """
    import torch

    for _ in range(1 + len(SCHEMAS)):
        try:
            return importlib.import_module("torchvision")
        except ImportError as error:
            raise UsageError(f"torchvision does not import ({error}); {pip_install('sam')}") from error
        except RuntimeError as error:
            found = MISSING.search(str(error))
            if found is None or found.group(1) not in SCHEMAS:
                raise UsageError(
                    f"torchvision does not fit torch {torch.__version__}: {error}; install the pair that belongs together"
                ) from error
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(SCHEMAS[found.group(1)])
            _declared.append(library)
            for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
                del sys.modules[name]
    raise UsageError(f"torchvision does not fit torch {torch.__version__}; install the pair that belongs together")


def import_with_torchvision(name: str) -> Any:
    """A module that imports torchvision, such as segment_anything or most of transformers."""
    import_torchvision()
    return importlib.import_module(name)
