"""Everything that can be said of some weights without running them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError, KinescribeError
from kinescribe.perception.weights.catalogue import CATALOG, FAMILIES
from kinescribe.perception.weights.finding import find
from kinescribe.perception.weights.fitting import file_lacking, misfit, not_compared
from kinescribe.perception.weights.found import Weights
from kinescribe.perception.weights.getting import MissingWeightsError

__all__ = ["Checked", "check"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes:
        name: as asked for.
        state: ok, broken or missing.
        family, path, source, revision, licence: as in `Weights`; None where there is nothing, or nothing is known.
        size_bytes: of the files with tensors.
        sha256: of them, as `Weights.sha256`.
        verified: whether that is the hash that the catalogue or the hub states; None where neither states one.
        problem: one line where the state isn't ok, or where the weights can be used but aren't those that the name stands for.
        unchecked: one line on what couldn't be checked here, None where all was.
    """

    name: str
    state: str
    family: str | None = None
    path: Path | None = None
    source: str | None = None
    revision: str | None = None
    licence: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    verified: bool | None = None
    problem: str | None = None
    unchecked: str | None = None

    def record(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self) | {"path": None if self.path is None else str(self.path)}


def check(spec: str, *, families: Sequence[str] = tuple(FAMILIES)) -> Checked:
    """Whether the weights that `spec` names (as in `find`) are here, can be opened, and are what they should be.

    Reads the whole file for its hash. Raises `UsageError` for a name that nothing has.
    """
    try:
        weights = find(spec, families=families, default=CATALOG[0].name)
    except MissingWeightsError as error:
        return Checked(spec, "missing", problem=str(error))
    except InputError as error:
        return Checked(spec, "broken", problem=str(error))
    try:
        size = sum(file.stat().st_size for file in weights.files)
        found = weights.sha256()
        problem, verified = _problem(weights, found, size)
        if problem is None:
            misfit(weights)
    except (KinescribeError, OSError) as error:
        said = str(error) if isinstance(error, InputError) else f"{weights.path} can't be read: {error}"
        return Checked(spec, "broken", path=weights.path, problem=said)
    other = weights.another_size()
    return Checked(
        name=weights.name,
        state="broken" if problem else "ok",
        family=weights.family,
        path=weights.path,
        source=weights.source,
        revision=weights.revision if other is None else None,
        licence=weights.licence if other is None else None,
        size_bytes=size,
        sha256=found,
        verified=verified,
        problem=problem or other,
        unchecked=not_compared(weights),
    )


def _problem(weights: Weights, found: str, size: int) -> tuple[str | None, bool | None]:
    """A line where something is wrong, and whether the hash is the stated one."""
    model = weights.catalogued()
    catalogued = None if model is None else model.sha256
    stated = catalogued or weights.stated_sha256()
    if stated is not None and found != stated:
        by = "the catalogue" if catalogued else "the hub"
        wanted = f" of {model.size_bytes}" if catalogued and model is not None and size != model.size_bytes else ""
        line = f"{weights.path} has {size}{wanted} bytes and the hash {found[:12]}…, where {by} states {stated[:12]}…; download it again"
        return line, False
    verified = None if stated is None else True
    return file_lacking(weights), verified
