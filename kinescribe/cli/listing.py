"""``kinescribe list KIND``: the plug-ins that are installed, and what can run here of the backends that they make."""

from __future__ import annotations

import json
import re
import sys
from typing import Annotated, Any

import typer

from kinescribe.errors import UsageError, unknown_value
from kinescribe.plugins import KINDS, failure, plugins

__all__ = ["list_plugins"]

WIDTH = 100  # columns


def list_plugins(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help=f"One of: backends, {', '.join(KINDS)}. [default: all plug-ins]", show_default=False),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="With backends: what each part of this one lacks.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Show the installed detectors, trackers and other plug-ins, those that do not import, and the backends, with what they lack here."""
    if kind == "backends":
        _backends(name, as_json)
        return
    if name is not None:
        from kinescribe.perception.backends import available

        other = f", or try: kinescribe list backends {name}" if name in available() else ""
        raise UsageError(f"only backends are shown one by one; leave out '{name}'{other}")
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
        names = max((len(plugin.name) for plugin, _ in rows), default=0)
        packages = max((len(plugin.package) for plugin, _ in rows), default=0)
        for plugin, reason in rows:
            print(f"  {plugin.name:<{names}}  {plugin.package:<{packages}}  {plugin.target}")
            if reason:
                print(f"kinescribe: warning: {plugin.name} of {plugin.package} does not import: {reason}", file=sys.stderr)
        if not rows:
            print(f"  none installed; this kind is open for plug-ins (entry points kinescribe.{each})")


def _backends(name: str | None, as_json: bool) -> None:
    """All backends, one line each with what it lacks; or one of them, each part with how to get what that lacks."""
    from kinescribe.perception.backends import available, missing

    backends = available()
    if name is not None and name not in backends:
        raise unknown_value("backend", name, backends)
    records: list[dict[str, Any]] = []
    for backend in backends.values() if name is None else [backends[name]]:
        parts = {role: {part: missing(role, part) for part in candidates} for role, candidates in backend.parts.items()}
        required = [role for role in parts if role in ("detector", "segmenter", "concept_tracker")]
        lacking = [role for role in required if all(reason is not None for reason in parts[role].values())]
        records.append({"name": backend.name, "summary": backend.summary, "runs_here": not lacking, "lacks": lacking, "parts": parts})
    if as_json:
        print(json.dumps(records, indent=2))
    elif name is None:
        _print_backends(records)
    else:
        _print_parts(records[0])


def _print_backends(records: list[dict[str, Any]]) -> None:
    width = max(len(record["name"]) for record in records)
    for record in records:
        text = _lacking(record["parts"], record["lacks"]) or record["summary"]
        line = f"{record['name']:<{width}}  {'runs here' if record['runs_here'] else 'not yet':<9}  {text}"
        print(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…")
    lacking = next((record["name"] for record in records if record["lacks"]), None)
    if lacking is not None:
        print(f"what a backend lacks, and how to get it: kinescribe list backends {lacking}", file=sys.stderr)


def _lacking(parts: dict[str, dict[str, str]], roles: list[str]) -> str:
    """What keeps a backend from running, in short: the reason without its remedy, or the parts where it's several."""
    if len(roles) == 1:
        return re.split(r"[:;] ", next(iter(parts[roles[0]].values())))[0]
    named = [f"{role.replace('_', ' ')}, such as {next(iter(parts[role]))}" for role in roles]
    return f"lacks {'; '.join(named)}" if named else ""


def _print_parts(record: dict[str, Any]) -> None:
    """What is to be typed stands on a line of its own, however long, so that it can be copied."""
    print(f"{record['name']}: {record['summary']} ({'runs here' if record['runs_here'] else 'cannot run here yet'})")
    for role, candidates in record["parts"].items():
        for part, reason in candidates.items():
            print(f"  {role.replace('_', ' '):<16} {part:<18} {'ready' if reason is None else 'not yet:'}")
            if reason is not None:
                print(f"    {reason}")
