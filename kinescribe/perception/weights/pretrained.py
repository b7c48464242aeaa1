"""A transformers model from a folder of weights, checked before any memory is taken and after it is filled."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.weights.configuration import read_config
from kinescribe.perception.weights.contents import weight_files
from kinescribe.perception.weights.found import Weights
from kinescribe.perception.weights.inspection import inspect
from kinescribe.perception.weights.library import quiet_offline, reason_of
from kinescribe.perception.weights.regular import is_folder
from kinescribe.perception.weights.state import first_few, load_state
from kinescribe.perception.weights.wording import plain

__all__ = ["fits", "load_pretrained"]

MOST_MISSING = 0.5  # a model may hold half as many numbers again as its file: weights that are shared, tables that are computed
LEAST_SLACK = 1_000_000
MOST_COMPUTED = 32_000_000  # numbers in tables that a model computes for itself
DERIVED = ("position_ids", "relative_position_index", "num_batches_tracked")  # tables that older files hold and a model computes
MOST_UNUSED = 0.05  # of a file's numbers: more is another model's


def load_pretrained(model_class: Any, weights: Weights, *, model_types: Sequence[str], warnings: list[str] | None = None) -> Any:
    """The model, in float32, on the CPU, in evaluation mode, without gradients.

    Nothing is downloaded and no code of the folder's is run: the configuration class of `model_class` reads config.json.

    Args:
        model_class: a class of transformers, such as SamModel.
        weights: a folder with config.json and safetensors (preferred) or pickles of tensors, in one file or in parts.
        model_types: what config.json's ``model_type`` may be.
        warnings: takes a line where the file holds a few tensors that the model has no use for; else Python's own warning is given.

    Raises:
        InputError: config.json or the weights are missing, damaged, unsafe, or another model's; tensors are missing or of the wrong shape.
        UsageError: `weights` are a single file.
    """
    folder = weights.path
    if not is_folder(folder):
        raise UsageError(f"{folder} is a single file, where a folder with config.json is needed; name its folder '{folder.parent}'")
    declared = read_config(folder, model_types)
    most = sum(inspect(file).most_elements for file in weight_files(folder))
    config, empty = _empty_model(model_class, declared, folder)
    _refuse_size(empty, folder, most)
    state = load_state(folder)
    _refuse_mismatch(empty, state, folder, model_class)
    del empty
    total = sum(tensor.numel() for tensor in state.values())
    sizes = {name: tensor.numel() for name, tensor in state.items()}
    import torch

    try:
        with quiet_offline():
            model, report = model_class.from_pretrained(
                None,
                config=config,
                state_dict=state,
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # reported below, all at once
            )
    except Exception as error:  # whatever a stranger's configuration makes the library raise; the reason is handed on
        raise InputError(f"{folder} does not load as {model_class.__name__} ({reason_of(error)}); download it again") from error
    _complete(folder, model_class, report)
    unused = sorted(name for name in report["unexpected_keys"] if not name.endswith(DERIVED))
    if unused:
        line = f"{folder.name}: {len(unused)} tensors that {model_class.__name__} has no use for ({first_few(unused)})"
        if sum(sizes.get(name, 0) for name in unused) > MOST_UNUSED * total:
            raise InputError(f"{line}; these are the weights of another model: name another folder")
        if warnings is None:
            python_warnings.warn(line, stacklevel=2)
        else:
            warnings.append(line)
    return model.eval().requires_grad_(False)


def fits(model_class: Any, declared: dict[str, Any], folder: Path) -> None:
    """Raise `InputError` where tensors of a folder have another shape or kind than those of the model that config.json describes."""
    _, empty = _empty_model(model_class, declared, folder)
    _refuse_mismatch(empty, load_state(folder), folder, model_class)


def _empty_model(model_class: Any, declared: dict[str, Any], folder: Path) -> tuple[Any, Any]:
    """The configuration object, and a model built from it without memory."""
    import torch

    try:
        with quiet_offline():
            config = model_class.config_class.from_dict(declared)
            with torch.device("meta"):
                return config, model_class(config)
    except Exception as error:  # as above
        raise InputError(f"{folder / 'config.json'} makes no {model_class.__name__} ({reason_of(error)}); download it again") from error


def _refuse_size(empty: Any, folder: Path, most: int) -> None:
    """Raise `InputError` where the model is larger than the file can fill, or computes more than any model."""
    needed = sum(parameter.numel() for parameter in empty.parameters())
    if needed > (1 + MOST_MISSING) * most + LEAST_SLACK:
        raise InputError(
            f"{folder / 'config.json'} describes {needed} numbers and the weights hold at most {most}; they don't belong together"
        )
    computed = sum(buffer.numel() for buffer in empty.buffers())
    if computed > MOST_COMPUTED:
        raise InputError(f"{folder / 'config.json'} describes tables of {computed} numbers, which no model has; download it again")


def _refuse_mismatch(empty: Any, state: Mapping[str, Any], folder: Path, model_class: Any) -> None:
    """Raise `InputError` where tensors of the file have another shape or kind than those of the same name in the model."""
    shapes, kinds = [], []
    for name, wanted in empty.state_dict().items():
        found = state.get(name)
        if found is None or name.endswith(DERIVED):
            continue
        if found.shape != wanted.shape:
            shapes.append(f"{plain(name)} {list(found.shape)} instead of {list(wanted.shape)}")
        elif found.is_floating_point() != wanted.is_floating_point():
            kinds.append(f"{plain(name)} {found.dtype}")
    problems = [f"{len(shapes)} tensors of another shape ({first_few(shapes)})"] if shapes else []
    problems += [f"{len(kinds)} tensors of another kind ({first_few(kinds)})"] if kinds else []
    if problems:
        raise _unfit(folder, model_class, problems)


def _unfit(folder: Path, model_class: Any, problems: Sequence[str]) -> InputError:
    return InputError(f"{folder} does not fit {model_class.__name__}: {'; '.join(problems)}; config.json and weights don't belong together")


def _complete(folder: Path, model_class: Any, report: dict[str, Any]) -> None:
    """Raise `InputError` where the file didn't fill the model."""
    problems = []
    mismatched = {str(name): (tuple(found), tuple(wanted)) for name, found, wanted in report["mismatched_keys"]}
    if mismatched:
        shown = [f"{name} {list(found)} instead of {list(wanted)}" for name, (found, wanted) in mismatched.items()]
        problems.append(f"{len(mismatched)} tensors of another shape ({first_few(shown)})")
    if report["missing_keys"]:
        problems.append(f"{len(report['missing_keys'])} tensors missing ({first_few(report['missing_keys'])})")
    if report.get("error_msgs"):
        problems.append(f"errors ({first_few(report['error_msgs'])})")
    if problems:
        raise _unfit(folder, model_class, problems)
