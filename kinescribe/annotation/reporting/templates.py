"""The pages' templates, and how a page is written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kinescribe.errors import UsageError, pip_install
from kinescribe.states.writing import replaced

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["as_json", "check_pages", "link_to", "write_page"]


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


def link_to(page: str | None) -> str:
    """A link to a page: quoted, and relative whatever the name looks like; "" without one."""
    return "" if not page else "./" + quote(page.lstrip("/"), safe="/", errors="surrogateescape")


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup, escape

    def source(name: str) -> str:
        return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(source)
    )
    # a path may be broken after these signs, and should not be elsewhere; script.js.j2 does the same
    environment.filters["breakable"] = lambda text: Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/_.-])", text) if part)
    environment.filters["script_json"] = lambda value: Markup(as_json(value))  # escaped for where it stands, a script element
    environment.filters["script_text"] = Markup  # what `as_json` gave
    return environment
