"""``kinescribe scene``: what a renderer needs besides states, as a folder that people can edit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["scene"]


def scene(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="The video, or a folder of numbered images.")],
    table: Annotated[Path, typer.Argument(metavar="STATES.CSV", help="The table that was made from it.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where plate.png, sprites/ and scene.json go.")],
    depth: Annotated[
        list[str] | None, typer.Option(metavar="ID=NUMBER", help="Who hides whom: the greater, the nearer. May be repeated.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a scene that is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Cut VIDEO into the picture behind its objects and a sprite of each, so that other states can be drawn with them.

    The camera must stand still.
    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing found, 5 warnings under --strict, 130 interrupted.
    """
    from kinescribe.cli.render import depths_of
    from kinescribe.cli.running import NOT_WHOLE
    from kinescribe.foretelling.tables import interval_of
    from kinescribe.renderers import Scene
    from kinescribe.renderers.arguments import check_video
    from kinescribe.renderers.scene_files import check_folder
    from kinescribe.states import read
    from kinescribe.video import open_video

    depths = depths_of(depth)
    check_folder(output, overwrite=overwrite)
    states = read(table)
    # pictures without time stamps have those that the table was made with
    interval = interval_of(states) or (states.meta.time.interval_s if states.meta.time is not None else None)
    opened = open_video(video, frame_interval=interval if Path(video).is_dir() else None)
    odd = check_video(opened, states)
    made = Scene.from_video(opened, states).with_depths(depths)
    whole = {i for i in states.object_ids if i not in states.meta.objects or states.meta.objects[i].part_of is None}
    lost = [f"{i} {states.labels.get(i, '')}".strip() for i in sorted(whole - set(made.objects))]
    if lost:
        odd.append(f"no sprite of {', '.join(lost)}: never seen whole, inside the picture")
    made.write(output, overwrite=overwrite)
    hidden = float((made.confidence == 0.0).mean())
    if as_json:
        things = [
            {
                "id": one.object_id,
                "label": one.label,
                "sprites": len(one.sprites),
                "depth": one.depth,
                "turns": one.turns,
                "edges": one.edges,
            }
            for one in made.objects.values()
        ]
        told = {"scene": str(output), "objects": things, "painted_in": round(hidden, 6), "exposure_s": made.exposure, "warnings": odd}
        print(json.dumps(told, indent=2, ensure_ascii=False))
    for line in odd:
        print(f"kinescribe: warning: {line}", file=sys.stderr)
    if not quiet:
        names = ", ".join(f"{one.object_id} {one.label}".strip() for one in made.objects.values())
        print(f"{len(made.objects)} objects: {names}", file=sys.stderr)
        if hidden:
            print(f"{hidden:.2%} of the picture is never free and was painted in (black in confidence.png)", file=sys.stderr)
        print(f"wrote {output}", file=sys.stderr)
    return NOT_WHOLE if strict and odd else 0
