"""``kinescribe import``: tracks of another tool, or corrected by hand, in; a table of states out."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinescribe.errors import KinescribeError, NothingFoundError, UsageError

if TYPE_CHECKING:
    from kinescribe.states import States

__all__ = ["import_"]

SHOWN = 12  # objects of a table
LONGEST = 400  # characters of a line; names and labels in it are whatever the file says
_ARGUMENT = re.compile(r"\b(?:frame_interval|first_frame|least_score|encoding|format|video|only|unit)=(?:'[^']*')?")
_BLAMED = re.compile(r"^(frame_interval|first_frame|least_score)\b")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Tracks: CVAT XML, COCO JSON, or CSV of Tracker, trackpy and others.")],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="CSV",
            help="The table; '-' is stdout; FOLDER/: a table for each video. [default: FILE's + .states.csv]",
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(metavar="NAME", help="cvat, coco, tracker, trackpy, trackmate, deeplabcut, sleap; auto: by what FILE holds.")
    ] = "auto",
    video: Annotated[
        Path | None, typer.Option(metavar="VIDEO", help="The video that the tracks were made on: its time stamps count.")
    ] = None,
    frame_interval: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="True time between frames; counts more than all time stamps.")
    ] = None,
    only: Annotated[str | None, typer.Option(metavar="NAME", help="Which video, of a COCO file with several.")] = None,
    first_frame: Annotated[int, typer.Option(metavar="NUMBER", help="The number that FILE gives the video's first frame.")] = 0,
    least_score: Annotated[
        float | None,
        typer.Option(metavar="0..1", help="Leave out what has a lower score. [default: 0.6 for deeplabcut]", show_default=False),
    ] = None,
    scale: Annotated[
        str | None, typer.Option(metavar="STICK", help='A known length and its ends in image pixels: "0.30 m: 120,400 480,402".')
    ] = None,
    pixels_per_unit: Annotated[float | None, typer.Option(metavar="NUMBER", help="The scale as a number; needs --unit.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help="Of length: for --pixels-per-unit, and for files of Tracker.")] = None,
    origin: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Image pixel of the world's origin. [default: the top left pixel]", show_default=False)
    ] = None,
    angle: Annotated[
        float | None, typer.Option(metavar="DEGREES", help="Angle of the world's x axis, counter-clockwise on the screen.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(metavar="NAME", help="Of the text, such as cp1252. [default: UTF-8]")] = None,
    smooth: Annotated[bool, typer.Option("--smooth/--no-smooth", help="Fill in velocities, accelerations and errors.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Make a table of states from tracks that another tool wrote, or that were corrected by hand.

    Positions stay as the tool measured them. Without a scale, lengths are in pixels and y points down.
    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing found, 5 done but not whole, 130 interrupted.
    """
    from kinescribe.cli.outputs import STDOUT

    if output == STDOUT and as_json:
        raise UsageError("-o - and --json both write to stdout; give -o a file, or leave out --json")
    options: dict[str, Any] = {"format": format, "encoding": encoding, "frame_interval": frame_interval, "first_frame": first_frame}
    options |= {"least_score": least_score, "smooth": smooth, "video": video, **_lengths(scale, pixels_per_unit, unit, origin, angle)}
    new = output is not None and not Path(output).exists()
    try:
        tables = _planned(file, output, only, options, overwrite=overwrite)
        return _carried_out(file, tables, options, quiet=quiet, as_json=as_json, strict=strict)
    except KinescribeError as error:
        if new and output is not None:
            with suppress(OSError):  # a folder that was made for the tables, and in which there are none
                Path(output).rmdir()
        told = _as_options(str(error))
        if told == str(error):
            raise
        raise type(error)(told) from error


def _lengths(scale: str | None, pixels_per_unit: float | None, unit: str | None, origin: str | None, angle: float | None) -> dict[str, Any]:
    """Calibration and unit; a unit alone is that of a file in its tool's own world."""
    from kinescribe.states import resolve_calibration

    scaled = scale is not None or pixels_per_unit is not None
    placed = scaled or origin is not None or angle is not None
    calibration = resolve_calibration(scale, pixels_per_unit, unit if scaled else None, origin, angle) if placed else None
    return {"calibration": calibration, "unit": None if scaled else unit}


def _planned(
    file: Path, output: str | None, only: str | None, options: dict[str, Any], *, overwrite: bool
) -> list[tuple[str | None, Path | None]]:
    """Which video of the file goes into which table, checked before the work; None: the only one, and stdout."""
    from kinescribe.cli.outputs import STDOUT, check, check_table, files_of

    if output == STDOUT:
        return [(only, None)]
    path = Path(f"{file.stem or 'tracks'}.states.csv" if output is None else output)
    tables: list[tuple[str | None, Path]] = [(only, path)]
    if output is not None and (output.endswith(("/", "\\")) or path.is_dir()):
        tables = _by_video(file, path, only, options)
        _make(path)
    else:
        check_table(path, "give -o NAME.csv, -o FOLDER/ for a table for each video, or -o - for stdout")
    if file.resolve() in [table.resolve() for _, table in tables]:
        raise UsageError(f"the output '{file}' is the file of tracks itself; name another file")
    check([each for _, table in tables for each in files_of(table)], overwrite=overwrite)
    return [*tables]


def _by_video(file: Path, folder: Path, only: str | None, options: dict[str, Any]) -> list[tuple[str | None, Path]]:
    """A table in the folder for each video of the file."""
    from kinescribe.annotation.importing import videos_in
    from kinescribe.annotation.slugs import slug_of

    names = videos_in(file, format=options["format"], encoding=options["encoding"])
    chosen: list[str | None] = [name for name in names if only in (None, name)]
    chosen = chosen or [only]
    if len(chosen) > 1 and options["video"] is not None:
        raise UsageError(f"--video '{options['video']}' is one video, and {file} holds {len(names)}: choose one with --only")
    return [(name, folder / f"{slug_of(name or file.stem or 'tracks')}.states.csv") for name in chosen]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder '{folder}' can't be made ({error.strerror or error}); write somewhere else") from error


def _carried_out(
    file: Path, tables: list[tuple[str | None, Path | None]], options: dict[str, Any], *, quiet: bool, as_json: bool, strict: bool
) -> int:
    """Read and write one table after another; the exit code. Of several videos one without a single sighting is told of, and left out."""
    from kinescribe.annotation.importing import import_tracks
    from kinescribe.cli.interrupts import check
    from kinescribe.cli.running import NOT_WHOLE

    told: list[dict[str, Any]] = []
    empty: list[str] = []
    for only, path in tables:
        reading = partial(import_tracks, file, only=only, **options)
        states = _or_nothing(reading, empty) if len(tables) > 1 else reading()
        check()
        if states is None:
            continue
        _write(states, path)
        told.append(_told(states, only, path))
        if not quiet:
            _show(states, path)
        for line in states.meta.warnings:
            print(f"kinescribe: warning: {_as_options(line)}", file=sys.stderr)
    if not told:
        raise NothingFoundError(f"{file}: none of its {len(tables)} videos has a sighting of anything; export them again")
    for line in empty:
        print(f"kinescribe: warning: left out: {line}", file=sys.stderr)
    code = NOT_WHOLE if strict and (empty or any(each["warnings"] for each in told)) else 0
    if as_json:
        print(json.dumps({"tables": told, "left_out": empty, "exit_code": code}, indent=2, allow_nan=False))
    return code


def _or_nothing(reading: Callable[[], States], empty: list[str]) -> States | None:
    try:
        return reading()
    except NothingFoundError as error:
        empty.append(_as_options(str(error)))
        return None


def _write(states: States, path: Path | None) -> None:
    from kinescribe.cli.outputs import write_table

    write_table(states, path)


def _told(states: States, only: str | None, path: Path | None) -> dict[str, Any]:
    from dataclasses import asdict

    from kinescribe.cli.outputs import files_of
    from kinescribe.cli.summary import summarise

    meta = states.meta
    return {
        "table": None if path is None else str(path),
        "sidecar": None if path is None else next((str(beside) for beside in files_of(path)[1:]), None),
        "only": only,
        "imported": meta.configuration["imported"],
        "video": None if meta.video is None else meta.video.model_dump(mode="json"),
        "unit": states.unit,
        "rows": len(states),
        "objects": [asdict(each) for each in summarise(states)],
        "warnings": list(meta.warnings),
    }


def _show(states: States, path: Path | None) -> None:
    """What came in, on stderr."""
    from kinescribe.cli.summary import summarise
    from kinescribe.llm.text import one_line

    objects = summarise(states)
    for item in objects[:SHOWN]:
        line = f"object {item.object_id} '{one_line(item.label, 60)}': {item.frames} rows, {item.observed} observed"
        print(line, file=sys.stderr)
    if len(objects) > SHOWN:
        print(f"and {len(objects) - SHOWN} more", file=sys.stderr)
    about = states.meta.configuration["imported"]
    assert isinstance(about, dict)
    where = "" if path is None else f"; wrote {one_line(str(path), LONGEST)}"
    print(
        f"{len(states)} rows of {len(objects)} object{'' if len(objects) == 1 else 's'} from {about['format']}, in {states.unit}{where}",
        file=sys.stderr,
    )


def _as_options(line: str) -> str:
    """The library's names of arguments as options of the command line."""
    from kinescribe.llm.text import one_line

    def option(found: re.Match[str]) -> str:
        name, _, value = found[0].partition("=")
        return f"--{name.replace('_', '-')} {value[1:-1]}".rstrip()

    line = _BLAMED.sub(option, _ARGUMENT.sub(option, line))
    return one_line(line.replace("give calibration=", "give --scale"), 1000)
