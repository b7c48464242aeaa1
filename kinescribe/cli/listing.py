"""``kinescribe list KIND``: the plug-ins that are installed, and what can run here of the backends that they make."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from kinescribe.errors import unknown_value
from kinescribe.plugins import KINDS, failure, plugins

__all__ = ["list_plugins"]


def list_plugins(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help=f"One of: backends, {', '.join(KINDS)}. [default: all plug-ins]", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Show the installed detectors, trackers and other plug-ins, those that do not import, and the backends, with what they lack here."""
    if kind == "backends":
        _backends(as_json)
        return
    kinds = list(KINDS) if kind is None else [kind.replace("-", "_")]
    if kind is not None and kinds[0] not in KINDS:
        raise unknown_value("kind of plug-in", kind, ["backends", *KINDS])
    found = [(plugin, failure(plugin)) for each in kinds for plugin in plugins(each)]
    if as_json:
        records = [
            {"kind": item.kind, "name": item.name, "target": item.target, "package": item.package, "error": reason}
            for item, reason in found
        ]
        print(json.dumps(records, indent=2))
        return
    for each in kinds:
        rows = [(plugin, reason) for plugin, reason in found if plugin.kind == each]
        print(f"{each}: {KINDS[each]}")
        for plugin, reason in rows:
            print(f"  {plugin.name:<16} {plugin.package:<24} {plugin.target}")
            if reason:
                print(f"kinescribe: warning: {plugin.name} of {plugin.package} does not import: {reason}", file=sys.stderr)
        if not rows:
            print("  none installed")


def _backends(as_json: bool) -> None:
    """What can run here: each backend's parts in order of preference, and what each of them lacks."""
    from kinescribe.perception.backends import available, missing

    records: list[dict[str, Any]] = []
    for backend in available().values():
        parts = {role: {name: missing(role, name) for name in names} for role, names in backend.parts.items()}
        required = [role for role in parts if role in ("detector", "segmenter", "concept_tracker")]
        runs = all(any(reason is None for reason in parts[role].values()) for role in required)
        records.append({"name": backend.name, "summary": backend.summary, "runs_here": runs, "parts": parts})
    if as_json:
        print(json.dumps(records, indent=2))
        return
    for record in records:
        print(f"{record['name']}: {record['summary']} ({'runs here' if record['runs_here'] else 'cannot run here yet'})")
        for role, candidates in record["parts"].items():
            for name, reason in candidates.items():
                print(f"  {role.replace('_', ' '):<16} {name:<18} {'ready' if reason is None else reason}")
