"""``kinescribe compare``: how far a predicted video is from the real one."""

from __future__ import annotations

import json
import re
import sys
import time
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.evaluation.video import VideoComparison

__all__ = ["compare"]

ROWS = (  # attribute, words, form, whether a low one is good
    ("mae", "MAE", ".6f", True),
    ("mse", "MSE", ".6f", True),
    ("psnr", "PSNR (dB)", ".2f", False),
    ("ssim", "SSIM", ".4f", False),
    ("lpips", "LPIPS", ".4f", True),
)
SPAN = re.compile(r"(\d{0,9}):(\d{0,9})")


def compare(
    real: Annotated[str, typer.Argument(metavar="REAL", help="The video that is true: a file, or a folder of pictures.")],
    predicted: Annotated[str, typer.Argument(metavar="PREDICTED", help="The video that is judged.")],
    output: Annotated[str | None, typer.Option("-o", "--output", metavar="CSV", help="Measures by frame; '-' is stdout.")] = None,
    frames: Annotated[str | None, typer.Option(metavar="A:B", help="Frames of REAL from A up to, and without, B. [default: all]")] = None,
    offset: Annotated[float, typer.Option(metavar="SECONDS", help="Time in REAL at which PREDICTED starts.")] = 0.0,
    frame_interval: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time between the frames of both. [default: the files' time stamps]")
    ] = None,
    gaussian_ssim: Annotated[bool, typer.Option("--gaussian-ssim", help="SSIM with Gaussian windows, as Wang et al. 2004.")] = False,
    lpips: Annotated[Path | None, typer.Option(metavar="WEIGHTS", help="LPIPS as well, from a file or folder with its weights.")] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="Where LPIPS runs: auto, cpu, cuda, cuda:1, mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the measures, warnings and errors alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Measure how far PREDICTED is from REAL: errors of pixels, SSIM, motion. Frames are paired by their time stamps.

    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 no frames of one time, 5 done but not whole, 130 interrupted.
    """
    from kinescribe.cli.interrupts import checking
    from kinescribe.cli.outputs import STDOUT, check
    from kinescribe.cli.progress import progress_bar
    from kinescribe.cli.running import NOT_WHOLE

    began = time.perf_counter()
    if output == STDOUT and as_json:
        raise UsageError("-o - and --json don't go together: give -o a file")
    span = _span(frames)
    target = None if output in (None, STDOUT) else Path(str(output))
    if target is not None:
        if target.suffix.lower() != ".csv":
            raise UsageError(f"the table '{target}' must end in .csv; give -o NAME.csv, or -o - for stdout")
        check([target], overwrite=overwrite)

    from kinescribe.evaluation.video import Lpips, compare_videos

    distance = None if lpips is None else Lpips.load(lpips, device=device)
    with progress_bar(quiet) as bar:
        found = compare_videos(
            real,
            predicted,
            offset=offset,
            frames=span,
            frame_interval=frame_interval,
            gaussian_ssim=gaussian_ssim,
            lpips=distance,
            progress=checking(bar),
        )
    if output is not None:
        _write(found, target)
    code = NOT_WHOLE if found.partial or (strict and found.warnings) else 0
    if as_json:
        files = {"frames": None if target is None else str(target)}
        rest = {"outputs": files, "seconds": round(time.perf_counter() - began, 3), "exit_code": code}
        print(json.dumps({**found.as_dict(), **rest}, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print(found, to_stderr=output == STDOUT)
    for warning in found.warnings:
        print(f"kinescribe: warning: {warning}", file=sys.stderr)
    if found.partial:
        print(f"kinescribe: partial: {found.partial}", file=sys.stderr)
    if target is not None and not quiet:
        print(f"wrote {target}", file=sys.stderr)
    return code


def _span(text: str | None) -> tuple[int | None, int | None] | None:
    """``3:24`` as (3, 24); either may be left out. Raises UsageError for anything else."""
    if text is None:
        return None
    match = SPAN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--frames '{text}' must be two frame numbers, such as 3:24, or 3: for all from the third on")
    first, stop = (int(part) if part else None for part in match.groups())
    return first, stop


def _write(found: VideoComparison, target: Path | None) -> None:
    from kinescribe.states.writing import replaced

    if target is None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        found.to_csv(sys.stdout)
        return
    with replaced(target) as (staged,), staged.open("x", encoding="utf-8", newline="") as stream:
        found.to_csv(stream)


def _print(found: VideoComparison, *, to_stderr: bool) -> None:
    """The measures of the whole video, and of its worst frame."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("measure", "all frames", "worst frame", "which"):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for name, label, form, lower_is_better in ROWS:
        value = getattr(found, name)
        if value is None:
            continue
        worst = (max if lower_is_better else min)(found.frames, key=lambda frame: float(getattr(frame, name)))
        table.add_row(label, f"{value:{form}}", f"{getattr(worst, name):{form}}", str(worst.real_frame))
    physics = found.physics_iq
    worst = min(found.frames, key=lambda frame: frame.motion_iou)
    table.add_row("spatiotemporal IoU", f"{physics.spatiotemporal_iou:.3f}", f"{worst.motion_iou:.3f}", str(worst.real_frame))
    table.add_row("spatial IoU", f"{physics.spatial_iou:.3f}")
    table.add_row("weighted spatial IoU", f"{physics.weighted_spatial_iou:.3f}")
    table.add_row("MSE, quarter size", f"{physics.mse:.6f}")
    table.add_row("temporal coherence ratio", f"{found.temporal_coherence_ratio:.3f}")
    console = Console(stderr=to_stderr, highlight=False)
    console.print(table)
    counts = f"{len(found.frames)} pairs of {found.real_frames} real and {found.predicted_frames} predicted frames"
    console.print(f"{counts}, {found.width} x {found.height} px", markup=False, soft_wrap=True)
