"""What a program hands to `fit` and `predict`: of the right kind, or one line that says what is."""

from __future__ import annotations

import math
import numbers
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kinescribe.errors import UsageError

__all__ = ["a_kind", "check_fit", "check_inputs", "file_of", "names", "number", "plainly", "seconds", "switch", "words"]


def a_kind(value: object) -> str:
    """What kind of thing it is, with its article: "an int", "a list", "nothing (None)"."""
    if value is None:
        return "nothing (None)"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeio' or kind == 'ndarray' else 'a'} {kind}"


def plainly(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """What is wrong with a value in a JSON file, in words of JSON; a check's own words as they are.

    Args:
        kind, message, context: type, msg and ctx of one of pydantic's errors.
    """
    said = {
        "missing": "is missing",
        "extra_forbidden": "is unknown; take it out",
        "model_type": "must be names with values in braces, {…}",
        "dict_type": "must be names with values in braces, {…}",
        "tuple_type": "must be a list in brackets, […]",
        "list_type": "must be a list in brackets, […]",
        "string_type": "must be a text in quotes",
        "string_too_short": "must not be empty",
        "float_type": "must be a number",
        "float_parsing": "must be a number without quotes",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number without quotes",
        "int_from_float": "must be a whole number",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "finite_number": "must be a finite number",
        "greater_than": f"must be greater than {context.get('gt')}",
        "greater_than_equal": f"must be {context.get('ge')} or more",
        "less_than_equal": f"must be {context.get('le')} or less",
        "too_long": f"must have no more than {context.get('max_length')} entries",
        "literal_error": f"must be {context.get('expected')}",
    }
    return said.get(kind, message.removeprefix("Value error, "))


def number(value: Any, name: str) -> float:
    """`value` as a finite float. Raises UsageError where it is none; a text is none, whatever it says."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise UsageError(f"{name} must be a number, not {a_kind(value)}{f' ({value!r})' if isinstance(value, str) else ''}")
    if not math.isfinite(value):
        raise UsageError(f"{name} must be a finite number, not {float(value)}")
    return float(value)


def seconds(value: Any, name: str) -> float | None:
    """`value` as finite seconds; None stays None. Raises UsageError for all else."""
    return None if value is None else number(value, name)


def names(value: Any, name: str = "objects") -> list[str | int] | None:
    """Names or ids as a list; a single one is a list of one, None stays None.

    Raises:
        UsageError: what is neither, or names nothing.
    """
    if value is None:
        return None
    several = list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) else [value]
    if not several:
        raise UsageError(f"{name} names nothing: give names, labels or ids, or leave it out for all")
    found: list[str | int] = []
    for one in several:
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, numbers.Integral) and not isinstance(one, bool):
            found.append(int(one))
        else:
            raise UsageError(f"{name} must be names, labels or ids, not {a_kind(one)}")
    return found


def words(value: Any, name: str) -> list[str]:
    """Texts as a list; a single one is a list of one, None an empty one. Raises UsageError for all else."""
    several = [] if value is None else list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
    for one in several:
        if not isinstance(one, str):
            raise UsageError(f"{name} must be names, not {a_kind(one)}")
    return several


def switch(value: Any, name: str) -> bool:
    """`value` as it is. Raises UsageError for what is neither True nor False."""
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be True or False, not {a_kind(value)}")
    return value


def file_of(path: Any) -> Path:
    """The path of a saved fit. Raises UsageError for what is none."""
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"the file of a fit must be a path, not {a_kind(path)}")
    return Path(path)


def check_fit(
    *, optimizer: Any, fixed: Any, free: Any, loss: Any, inputs: Any, rules: Any, seed: Any, max_rollouts: Any, max_seconds: Any
) -> list[str]:
    """The parameters to free, all other arguments being sound. Raises UsageError for the first that is not."""
    if not isinstance(optimizer, str):
        raise UsageError(f"optimizer must be a name, not {a_kind(optimizer)}: lm, powell, lbfgs or cma")
    if fixed is not None and not isinstance(fixed, Mapping):
        raise UsageError(f"fixed must be values by name, not {a_kind(fixed)}: {{'gravity': 9.81}}")
    for key, value in (fixed or {}).items():
        if not isinstance(key, str):
            raise UsageError(f"fixed must be values by name, and has {a_kind(key)} for a name")
        number(value, f"the fixed value of {key}")
    if loss is not None and not callable(loss):
        raise UsageError(f"loss must be a function, not {a_kind(loss)}")
    check_inputs(inputs)
    if rules is not None and not isinstance(rules, Mapping | str | Path) and not hasattr(rules, "joints"):
        raise UsageError(f"rules must be affordance rules, their dictionary or a JSON file, not {a_kind(rules)}")
    if _whole(seed, "seed") < 0:
        raise UsageError(f"seed {seed} must be 0 or more")
    if max_rollouts is not None and _whole(max_rollouts, "max_rollouts") < 1:
        raise UsageError(f"max_rollouts {max_rollouts} leaves nothing to fit with; give 1 or more")
    if isinstance(max_seconds, bool) or not isinstance(max_seconds, numbers.Real):
        raise UsageError(f"max_seconds must be a number, not {a_kind(max_seconds)}")
    if not float(max_seconds) > 0:
        raise UsageError(f"max_seconds {float(max_seconds):g} leaves no time; give a number above 0")
    wanted = words(free, "free")
    for key in wanted:
        if key in (fixed or {}):
            raise UsageError(f"{key} is both fixed and free: leave one out")
    return wanted


def check_inputs(inputs: Any) -> None:
    """Raise UsageError for what is no known inputs, nor a list of them."""
    from kinescribe.dynamics.inputs import Inputs

    for one in inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs]:
        if one is not None and not isinstance(one, Inputs | str | Path):
            raise UsageError(f"inputs must be known inputs or the path of a CSV, not {a_kind(one)}")


def _whole(value: Any, name: str) -> int:
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise UsageError(f"{name} must be a whole number, not {a_kind(value)}")
