"""The one door for source that a model or a stranger wrote."""

from __future__ import annotations

from pathlib import Path

from kinescribe.dynamics.finding import law_from_text
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.sandbox.law import SandboxedLaw
from kinescribe.dynamics.sandbox.limits import MOST_SOURCE, Limits
from kinescribe.dynamics.sandbox.refusal import SandboxError
from kinescribe.errors import InputError

__all__ = ["law_of_file", "law_of_source"]


def law_of_file(path: Path, *, name: str = "", limits: Limits | None = None) -> Law:
    """The law in a file that a model or a stranger wrote, in the sandbox.

    Raises:
        InputError: a file that can't be read, or is no text.
        SandboxError: as `law_of_source`.
    """
    try:
        if path.stat().st_size > MOST_SOURCE:
            raise InputError(f"{path}: {path.stat().st_size} bytes are too many for a law in the sandbox, which takes {MOST_SOURCE}")
        source = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not Python in UTF-8") from None
    except OSError as error:
        raise error if isinstance(error, InputError) else InputError(f"{path}: {error.strerror or error}") from None
    return law_of_source(source, name=name, file=path.name, limits=limits)


def law_of_source(source: str, *, name: str = "", file: str = "law.py", trust: bool = False, limits: Limits | None = None) -> Law:
    """The law in a source: in the sandbox, or, where its reader says that he trusts it, in this process like any script of his.

    Args:
        name: of its class, where the source has several.
        file: what to call the source.
        trust: run it here, with all rights of this process.
        limits: what it may use up in the sandbox.

    Raises:
        SandboxError: a source that may not run in the sandbox, or a system that has none.
        InputError: trusted source that does not run, or holds no law. UsageError: several laws and no name.
    """
    if trust:
        return law_from_text(source, name, file)
    try:
        return SandboxedLaw.of(source, name=name, file=file, limits=limits)
    except SandboxError as error:
        if error.reason != "unavailable":
            raise
        raise SandboxError(
            f"{error}; read {file}, and if you trust it, say so: --trust (trust=True) runs it with all your rights", error.reason
        ) from None
