"""XML that a stranger wrote, element by element: no entities, no documents from elsewhere, never the whole tree at once."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from kinescribe.annotation.importing.contents import checked_size
from kinescribe.annotation.importing.sheets import shown
from kinescribe.errors import InputError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["attribute", "elements", "root_tag"]

MOST_DEPTH = 100


def elements(path: Path, *ends: str) -> Generator[Element, None, None]:
    """The root as it begins (its attributes alone), then every element of these names once it is whole.

    After each is used, it and what came before it is forgotten. Raises InputError for what is no well-formed XML, or declares entities or a
    document type, of which no tool's tracks have any.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

    checked_size(path)
    parents: list[Element] = []
    try:
        with path.open("rb") as stream:
            for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
                if event == "start":
                    if not parents:
                        yield element
                    parents.append(element)
                    if len(parents) > MOST_DEPTH:
                        raise InputError(f"{path}: elements lie {MOST_DEPTH} deep in each other, which no tool's tracks do")
                    continue
                parents.pop()
                if element.tag in ends:
                    yield element
                    element.clear()
                    if parents:
                        parents[-1].remove(element)
    except DefusedXmlException as error:
        what = "a document type" if type(error).__name__ == "DTDForbidden" else "entities"
        raise InputError(
            f"{path}: declares {what}, which may stand for more than memory holds: take the declaration out, or export the tracks again"
        ) from None
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not well-formed XML: {error}; export it again") from None
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error


def root_tag(path: Path) -> tuple[str, str]:
    """Name and ``class`` attribute of the outermost element. Raises InputError as `elements` does."""
    parts = elements(path)
    root = next(parts)
    parts.close()
    return str(root.tag), root.get("class", "")


def attribute(path: Path, where: str, element: Element, name: str, default: float | None = None) -> float:
    """An attribute as a number; `default` where it is missing. Raises InputError for anything else, by its place (`where`)."""
    text = element.get(name)
    if text is None and default is not None:
        return default
    try:
        value = float(text if text is not None else "")
    except ValueError:
        value = math.inf
    if math.isinf(value) or "_" in (text or ""):
        told = f"has no {name}" if text is None else f"{name} is {shown(text)}, no finite number"
        raise InputError(f"{path}: {where}: {told}; mend it, or export again")
    return value
