"""Messages name the option that was typed, wherever in the library they come from."""

from __future__ import annotations

import pytest

from kinescribe.cli.typed import as_typed
from kinescribe.settings.flags import with_flags

FLAGS = {
    "workers": "--workers",
    "frame_interval": "--frame-interval",
    "until": "--until",
    "at": "--at",
    "labels": "--label",
    "label": "--label",
}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("workers=0 must be a whole number", "--workers 0 must be a whole number"),
        ("give times=, or frame_interval=, seconds", "give times=, or --frame-interval, seconds"),
        ("labels=['a'] must be a list", "--label ['a'] must be a list"),
        ("--law-option 'workers=3' is none", "--law-option 'workers=3' is none"),
        ("https://host/?workers=3 is no file", "https://host/?workers=3 is no file"),
        ("my_workers=3", "my_workers=3"),
        ("or say at=True to go on", "or say --at to go on"),
        ("at=Truly must be", "--at Truly must be"),
        ("nothing of this kind", "nothing of this kind"),
    ],
)
def test_arguments_are_named_by_their_options(message, shown):
    assert with_flags(message, FLAGS) == shown


def test_a_bare_name_at_the_beginning_is_one_only_where_it_was_typed():
    assert as_typed("until 3 must lie after 4", FLAGS, ["--until", "3"]) == "--until 3 must lie after 4"
    assert as_typed("until 3 must lie after 4", FLAGS, ["--until=3"]) == "--until 3 must lie after 4"
    assert as_typed("until 3 must lie after 4", FLAGS, []) == "until 3 must lie after 4"
    assert as_typed("at least two frames", FLAGS, ["--at", "1"]) == "at least two frames"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["annotate", "v", "-o", "d", "--workers", "0"], "--workers 0 must be"),
        (["annotate", "v", "-o", "d", "--picture-stride", "-1"], "--picture-stride -1 must be"),
        (["annotate", "v", "-o", "d", "--stride", "0"], "--stride 0 must be"),
        (["annotate", "v", "-o", "d", "--retries", "-3"], "--retries -3 must be"),
        (["extract", "v.mp4", "--end", "0"], "--end 0 is not after"),
        (["extract", "v.mp4", "--start", "0,5"], "--start '0,5' has a comma where a decimal point belongs; write 0.5"),
        (["extract", "v.mp4", "--frame-interval", "0,5"], "--frame-interval '0,5': not a number, for it has a comma; write 0.5"),
    ],
)
def test_commands_name_their_options(run, words, message):
    ran = run(*words)
    assert ran.code == 2
    assert ran.err.startswith(f"kinescribe: error: {message}")
