"""What the shell offers where a value of an option is due: names of plug-ins and the like. Nothing heavy is imported for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from inspect import Parameter
from pathlib import Path
from typing import get_args

import typer

from kinescribe.errors import UsageError

__all__ = ["check_shell", "completed", "with_completion"]

FLAGS = ("--install-completion", "--show-completion")
Names = Callable[[], Iterable[str]]


def completed(application: typer.Typer, name: str) -> int | None:
    """Answer the shell that asks for completions; the exit code. None where no shell asks.

    Args:
        name: of the program.
    """
    variable = f"_{name}_COMPLETE".replace("-", "_").upper()
    instruction = os.environ.get(variable)
    if not instruction:
        return None
    from typer.completion import shell_complete
    from typer.main import get_command

    try:
        return shell_complete(get_command(application), {}, name, variable, instruction)
    except SystemExit as end:  # one of the shells is told by the exit code alone
        return end.code if isinstance(end.code, int) else 1


def check_shell(argv: list[str]) -> None:
    """Raise UsageError where completion is to be set up, and nobody can tell for which shell."""
    asked = next((word for word in argv if word in FLAGS), None)
    if asked is None:
        return
    import shellingham  # type: ignore[import-untyped]  # of typer

    try:
        shell = shellingham.detect_shell()[0]
    except shellingham.ShellDetectionFailure as error:
        raise UsageError(f"{asked} can't tell which shell this is; call it from a prompt of bash, zsh, fish or PowerShell") from error
    if shell not in ("bash", "zsh", "fish", "powershell", "pwsh"):
        raise UsageError(f"{asked} knows bash, zsh, fish and PowerShell, not {shell}; call it from a prompt of one of these")


def with_completion(parameter: Parameter) -> Parameter:
    """A command's parameter; its option offers the names that its values may have, where these are known by the parameter's own name."""
    names = _OFFERED.get(parameter.name)
    kind, *about = get_args(parameter.annotation) or (None,)
    if names is None or kind is Path:
        return parameter
    for info in about:
        if getattr(info, "autocompletion", parameter) is None and getattr(info, "shell_complete", None) is None:
            info.autocompletion = _listing(names, many=parameter.name == "formats")
    return parameter


def _listing(names: Names, *, many: bool) -> Callable[[str], list[str]]:
    def offer(incomplete: str) -> list[str]:
        lead, comma, last = incomplete.rpartition(",") if many else ("", "", incomplete)
        return [f"{lead}{comma}{name}" for name in sorted({*names()}) if name.startswith(last)]

    return offer


def _plugins(kind: str, *more: str) -> Names:
    def names() -> Iterable[str]:
        from kinescribe.plugins import plugins

        return [*(plugin.name for plugin in plugins(kind)), *more]

    return names


def _backends() -> Iterable[str]:
    from kinescribe.perception.backends import available

    return available()


def _kinds() -> Iterable[str]:
    from kinescribe.plugins import KINDS

    return ["backends", *KINDS]


_OFFERED: dict[str, Names] = {
    "backend": _backends,
    "detector": _plugins("detectors"),
    "segmenter": _plugins("segmenters", "none"),
    "propagator": _plugins("propagators", "none"),
    "concept_tracker": _plugins("concept_trackers"),
    "verifier": _plugins("verifiers", "none"),
    "tracker": _plugins("trackers"),
    "law": _plugins("laws", "auto"),
    "renderer": _plugins("renderers"),
    "formats": _plugins("exporters", "states"),
    "kind": _kinds,
    "device": lambda: ("auto", "cpu", "cuda", "mps"),
    "precision": lambda: ("auto", "fp32", "bf16", "fp16"),
    "detect_every": lambda: ("auto",),
    "engine": lambda: ("local", "ray"),
    "pictures": lambda: ("jpg", "png"),
    "log_level": lambda: ("debug", "info", "warning", "error"),
}
"""By the name of a parameter, what may be given for it."""
