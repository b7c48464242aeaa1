"""The pages' templates, and how a page is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.errors import UsageError, pip_install
from kinescribe.states.writing import replaced

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["as_json", "check_pages", "write_page"]


def check_pages() -> None:
    """Raise UsageError where pages can't be written, for want of jinja2."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise UsageError(f"report pages need jinja2: {pip_install('report')}, or leave the report out") from None


def write_page(name: str, content: Mapping[str, Any], path: Path) -> None:
    """Write a page from one of our templates, piece by piece, whole or not at all. All values are shown as text.

    Raises:
        UsageError: jinja2 is missing, or the file can't be written.
    """
    check_pages()
    pieces = _environment().get_template(name).stream(**content)
    pieces.enable_buffering(200)
    with replaced(path) as (staged,), staged.open("wb") as stream:
        for piece in pieces:
            stream.write(piece.encode("utf-8", "replace"))  # a file's name may hold half of a surrogate pair


def as_json(value: Any) -> str:
    """JSON in ASCII that can stand in a script element: nothing in it can end that."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    def source(name: str) -> str:
        return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(source)
    )
    environment.filters["script_json"] = lambda value: Markup(as_json(value))  # escaped for where it stands, a script element
    environment.filters["script_text"] = Markup  # what `as_json` gave
    return environment
