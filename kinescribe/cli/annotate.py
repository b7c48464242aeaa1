"""``kinescribe annotate``, the same as ``annotate-dataset``: a folder of videos in, a data set out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kinescribe.cli.configuration import Configuration, configured
from kinescribe.errors import UsageError

__all__ = ["annotate", "main"]

STATUS = "status"


@configured("annotate")
def annotate(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEOS...",
            help="Folders, lists (.txt, a path a line), patterns ('*.mp4', quoted) or videos. 'status DATASET' tells how far one has come.",
        ),
    ],
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="The data set; run again to go on where it stopped.")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="states, coco, yolo, mot, voc, cvat …, by commas; the tables are always there. [default: states]",
        ),
    ] = None,
    workers: Annotated[
        str, typer.Option(metavar="NUMBER", help="Videos at a time; auto: one a core, or one a GPU where models run.")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(metavar="NUMBER", help="Threads of the libraries in each of them.")] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="That one video may take; 0: no limit.")] = 3600.0,
    max_memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="That one video may fill, such as 4GB; 0: no limit. [default: its share of 80 %]"),
    ] = None,
    retries: Annotated[int, typer.Option(metavar="NUMBER", help="How often a video is begun again whose process died.")] = 1,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Do those again that failed in an earlier run.")] = False,
    redo: Annotated[bool, typer.Option("--redo", help="Do all again that are chosen.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Only videos of this name, such as 'cam1/*'. May be repeated.")
    ] = None,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="The i-th of n parts, from 1: each on another machine.")] = None,
    image_folders: Annotated[bool, typer.Option("--image-folders", help="Folders of numbered pictures are videos too.")] = False,
    engine: Annotated[str, typer.Option(metavar="NAME", help="local, or ray for a cluster.")] = "local",
    address: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Ray cluster. [default: the one that is there]")] = None,
    exchange: Annotated[
        str | None, typer.Option(metavar="URL", help="Where Ray's machines share no folder: s3://bucket/path and such.")
    ] = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Draw each video with ids, labels and trails.")] = False,
    report: Annotated[
        bool | None, typer.Option("--report/--no-report", help="Pages on quality, of each video and of all. [default: if jinja2 is there]")
    ] = None,
    picture_stride: Annotated[int, typer.Option(metavar="FRAMES", help="Every so many frames is a picture of the data set; 0: none.")] = 1,
    pictures: Annotated[str, typer.Option(metavar="NAME", help="jpg, or png: larger, exact.")] = "jpg",
    split: Annotated[
        str | None, typer.Option(metavar="FRACTIONS", help='Videos for training …: "train=0.8,val=0.1,test=0.1". [default: all train]')
    ] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Another one deals the videos out anew.")] = 0,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="LABEL=NAME",
            help='Class of a label or pattern: "*ball*=ball", "*ball*=ball:0", "shadow*=" for none. Repeat it.',
        ),
    ] = None,
    labels: Annotated[
        list[str] | None, typer.Option("--label", metavar="LABEL", help="Only these labels or patterns go in. May be repeated.")
    ] = None,
    verified_only: Annotated[bool, typer.Option("--verified-only", help="Only rows whose label was verified.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="Objects in frames that don't show them too, marked.")] = False,
    configuration: Configuration,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Annotate many videos: their states as tables, and data sets for training and for correcting by hand.

    Each video is done in a process of its own, so that one that is broken, or too large, takes nothing else with it. Run the same
    command again to go on after an interruption, and when videos were added or changed: only what is missing is done.

    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 no videos, 5 done but not whole, 130 interrupted.
    """
    if sources[0] == STATUS and output is None:
        from kinescribe.cli.annotate_status import tell

        return tell(sources[1:], as_json=as_json)
    if output is None:
        raise UsageError("name the folder of the data set: -o dataset/")
    from kinescribe.annotation.batch import DataSetOptions, RunOptions
    from kinescribe.annotation.batch import annotate as carry_out
    from kinescribe.annotation.batch.retyped import FLAGS, retyped
    from kinescribe.cli import annotate_words as words
    from kinescribe.cli.annotate_summary import as_dict, print_summary
    from kinescribe.cli.annotate_watch import watching
    from kinescribe.cli.running import NOT_WHOLE
    from kinescribe.settings.flags import with_flags

    run = RunOptions(
        workers=words.workers(workers),
        threads=threads,
        timeout=timeout,
        max_memory=words.memory(max_memory),
        retries=retries,
        retry_failed=retry_failed,
        redo=redo,
        only=tuple(only or ()),
        shard=words.shard(shard),
        image_folders=image_folders,
        engine=engine,
        address=address,
        exchange=exchange,
    )
    data_set = DataSetOptions(
        stride=picture_stride,
        split=words.split(split),
        seed=seed,
        classes=words.classes(classes),
        labels=labels or None,
        verified_only=verified_only,
        hidden=hidden,
        pictures=pictures,
    )
    run.check()
    try:
        data_set.check()
    except UsageError as error:
        raise UsageError(with_flags(str(error), FLAGS)) from error
    asked, overrides = words.formats(formats), configuration.overrides
    typed = retyped(
        sources, output, asked, overrides, run, data_set,
        overlay=overlay, report=report, config=configuration.path, beside=configuration.beside,
    )  # fmt: skip
    with watching(quiet=quiet) as watch:
        done = carry_out(
            sources,
            output,
            asked,
            settings=overrides,
            run=run,
            data_set=data_set,
            overlay=overlay,
            report=report,
            command=typed,
            watch=watch,
        )
    code = NOT_WHOLE if not done.whole or (strict and (done.warned or done.warnings)) else 0
    if as_json:
        print(json.dumps(as_dict(done, code), indent=2, ensure_ascii=True, allow_nan=False))
    if not quiet:
        print_summary(done, str(output))
        for note in done.notes:
            print(f"kinescribe: note: {note}", file=sys.stderr)
    for warning in done.warnings:
        print(f"kinescribe: warning: {warning}", file=sys.stderr)
    return code


def main(argv: list[str] | None = None) -> int:
    """Run ``annotate-dataset ARGV`` and return its exit code."""
    from kinescribe.cli.running import run, single

    application = single()
    application.command()(annotate)
    return run(application, "annotate-dataset", (sys.argv[1:] if argv is None else argv) or ["--help"])
