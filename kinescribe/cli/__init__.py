"""The command line. One file a command; each is a thin layer over one call of the Python interface."""

from __future__ import annotations

import sys

__all__ = ["annotate_dataset", "extract_states", "main", "predict_video"]


def main(argv: list[str] | None = None) -> int:
    """Run ``kinescribe ARGV`` and return its exit code. `argv` defaults to the process's own arguments; none at all asks for help."""
    try:
        from kinescribe.cli.app import app
        from kinescribe.cli.running import run

        application = app()
    except KeyboardInterrupt:  # while modules were loading, before `run` watches over it
        return _interrupted()
    return run(application, "kinescribe", (sys.argv[1:] if argv is None else argv) or ["--help"])


def extract_states(argv: list[str] | None = None) -> int:
    """Run ``extract-states ARGV`` and return its exit code."""
    try:
        from kinescribe.cli.extract import main as extract
    except KeyboardInterrupt:
        return _interrupted()
    return extract(argv)


def annotate_dataset(argv: list[str] | None = None) -> int:
    """Run ``annotate-dataset ARGV`` and return its exit code."""
    try:
        from kinescribe.cli.annotate import main as annotate
    except KeyboardInterrupt:
        return _interrupted()
    return annotate(argv)


def predict_video(argv: list[str] | None = None) -> int:
    """Run ``predict-video ARGV`` and return its exit code."""
    try:
        from kinescribe.cli.foretell import main as foretell
    except KeyboardInterrupt:
        return _interrupted()
    return foretell(argv)


def _interrupted() -> int:
    print("kinescribe: interrupted; nothing was written", file=sys.stderr)
    return 130
