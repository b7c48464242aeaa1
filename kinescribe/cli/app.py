"""The application and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from kinescribe import __version__
from kinescribe.cli.annotate import annotate
from kinescribe.cli.ask import ask
from kinescribe.cli.compare import compare
from kinescribe.cli.demo import demo
from kinescribe.cli.doctor import doctor
from kinescribe.cli.extract import extract
from kinescribe.cli.fit import fit
from kinescribe.cli.foretell import predict_video
from kinescribe.cli.importing import import_
from kinescribe.cli.listing import list_plugins
from kinescribe.cli.predict import predict
from kinescribe.cli.program import program
from kinescribe.cli.render import render
from kinescribe.cli.review import review
from kinescribe.cli.running import single
from kinescribe.cli.scene import scene
from kinescribe.cli.synthesize import synthesize
from kinescribe.cli.validate import validate
from kinescribe.cli.weights import weights

__all__ = ["app"]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kinescribe {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")] = False,
) -> None:
    """A video in, a table of what every object did out.

    Start with: kinescribe demo
    """


def app() -> typer.Typer:
    """The application with all its commands."""
    made = single()
    made.callback()(_root)
    made.command("extract")(extract)
    made.command("annotate")(annotate)
    made.command("import")(import_)
    made.command("fit")(fit)
    made.command("synthesize")(synthesize)
    made.command("predict")(predict)
    made.command("predict-video")(predict_video)
    made.command("ask")(ask)
    made.command("program")(program)
    made.command("scene")(scene)
    made.command("render")(render)
    made.command("review")(review)
    made.command("compare")(compare)
    made.command("validate")(validate)
    made.command("demo")(demo)
    made.command("doctor")(doctor)
    made.command("list")(list_plugins)
    made.add_typer(weights, name="weights")
    return made
