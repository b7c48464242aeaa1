"""The command line. One file a command; each is a thin layer over one call of the Python interface."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run ``kinescribe ARGV`` and return its exit code. `argv` defaults to the process's own arguments; none at all asks for help."""
    from kinescribe.cli.app import app
    from kinescribe.cli.running import run

    return run(app(), "kinescribe", (sys.argv[1:] if argv is None else argv) or ["--help"])
