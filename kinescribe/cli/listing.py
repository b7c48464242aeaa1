"""``kinescribe list KIND``: the plug-ins that are installed."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from kinescribe.plugins import KINDS, failure, plugins

__all__ = ["list_plugins"]


def list_plugins(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help=f"One of: {', '.join(KINDS)}. [default: all]", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Show the installed detectors, trackers and other plug-ins, and those that do not import."""
    kinds = list(KINDS) if kind is None else [kind.replace("-", "_")]
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
