"""How ``predict-video`` tells what it found: lines for people, JSON for programs."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.dynamics.fitting import Fit
    from kinescribe.foretelling import Foretold, Measures

__all__ = ["finish", "finite", "law_line"]


def finish(made: Foretold, output: Path, keep: Path | None, seconds: float, *, quiet: bool, as_json: bool, strict: bool) -> int:
    """Print all of it; the exit code."""
    from kinescribe.cli.running import NOT_WHOLE

    code = NOT_WHOLE if made.partial or (strict and made.warnings) else 0
    if as_json:
        told = {**record(made), "outputs": {"video": str(output), "steps": None if keep is None else str(keep)}}
        print(json.dumps({**told, "seconds": round(seconds, 3), "exit_code": code}, indent=2, ensure_ascii=False, allow_nan=False))
    if not quiet:
        for line in [*lines(made), *([f"kept every step in {keep}"] if keep is not None else []), f"wrote {output}"]:
            print(line, file=sys.stderr)
    for warning in made.warnings:
        print(f"kinescribe: warning: {warning}", file=sys.stderr)
    if made.partial:
        print(f"kinescribe: partial: {made.partial}", file=sys.stderr)
    return code


def lines(made: Foretold) -> list[str]:
    """States, law, future, measures and differences in a few lines."""
    names = ", ".join(f"{i} {label}".strip() for i, label in made.states.labels.items() if _is_body(made, i))
    count = len(set(made.states["frame"].tolist()))
    filmed, hits = made.filmed, len(made.future.meta.events)
    contacts = f"{hits} contact{'s' * (hits != 1)}"
    out = [
        f"seen: {names} in {count} frames",
        law_line(made.fit),
        f"predicted: {filmed.foretold} frames from {filmed.begins_s:.4g} s to {filmed.ends_s:.4g} s, {contacts}",
    ]
    if filmed.measures is not None:
        out.append(_of_measures(filmed.measures))
    if made.difference is not None:
        before = "" if made.changes[0].startswith("without ") else "with "
        out += [f"{before}{', '.join(made.changes)}:", made.difference.text() or "  nothing changes"]
    return out


def record(made: Foretold) -> dict[str, Any]:
    """The same for programs; what is infinite or not a number is null."""
    filmed, measures = made.filmed, made.filmed.measures
    labels = made.states.labels
    return {
        "law": made.fit.law.title,
        "parameters": {
            name: {"value": finite(one.value), "sigma": finite(one.sigma), "unit": one.unit} for name, one in made.fit.estimates.items()
        },
        "unit": made.states.unit,
        "objects": [{"id": i, "label": label} for i, label in labels.items() if _is_body(made, i)],
        "frames": {"all": filmed.frames, "predicted": filmed.foretold},
        "from_s": finite(filmed.begins_s),
        "to_s": finite(filmed.ends_s),
        "contacts": len(made.future.meta.events),
        "at_rest": list(made.bystanders.resting),
        "left_out": [*made.bystanders.gone, *made.bystanders.unseen],
        "changes": list(made.changes),
        "difference": finite(made.difference.as_dict()) if made.difference is not None else None,
        "measures": None if measures is None else finite({name: getattr(measures, name) for name in measures.__slots__}),
        "warnings": list(made.warnings),
        "partial": made.partial,
    }


def law_line(fit: Fit) -> str:
    """``law: free-fall: gravity = 9.81 ± 0.02 m/s²; residuals 1.03 σ``."""
    from kinescribe.dynamics.report.line import line

    return "law: " + re.sub(r"^(FAILED )?Fit\((.*?)\)?$", r"\1\2", line(fit))


def _of_measures(measures: Measures) -> str:
    similar = "" if math.isnan(measures.ssim) else f", SSIM {measures.ssim:.4f}"
    return (
        f"against the rest of the video, {measures.frames} frames: PSNR {measures.psnr:.2f} dB{similar} "
        f"(repeating the last frame seen: {measures.psnr_of_last_frame:.2f} dB)"
    )


def _is_body(made: Foretold, object_id: int) -> bool:
    about = made.states.meta.objects.get(object_id)
    return about is None or about.part_of is None


def finite(value: Any) -> Any:
    """JSON has no word for what is not known."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
