"""Options from flags, variables and files: which one holds, what is refused, and the file that is printed."""

from __future__ import annotations

import contextlib
import io
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.cli import extract
from kinescribe.cli.configuration import Configuration, configured, variable_of
from kinescribe.cli.extraction_options import EXTRACTION_OPTIONS, takes_extraction_options
from kinescribe.cli.running import run as run_application
from kinescribe.cli.running import single
from kinescribe.settings import ExtractionSettings

STICK = "0.30 m: 120,400 480,400"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch):
    for name in (
        "KINESCRIBE_API_KEY",
        "OPENAI_API_KEY",
        "KINESCRIBE_MODEL",
        "KINESCRIBE_BASE_URL",
        *map(variable_of, ExtractionSettings.names()),
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def seen() -> list[dict[str, Any]]:
    """What the stand-in for a batch command was called with."""
    return []


@pytest.fixture
def batch(run: Any, seen: list[dict[str, Any]]) -> Callable[..., Any]:
    """Run a command with options of its own before and after those of extraction."""

    @configured("annotate")
    def command(
        folder: Annotated[str, typer.Argument()],
        *,
        output: Annotated[Path, typer.Option("-o", "--output")],
        configuration: Configuration,
        workers: Annotated[str, typer.Option()] = "auto",
        period: Annotated[int, typer.Option()] = 1,
        share: Annotated[float | None, typer.Option(envvar="THE_SHARE")] = None,
        label: Annotated[list[str] | None, typer.Option()] = None,
        as_json: Annotated[bool, typer.Option("--json")] = False,
    ) -> int:
        """Annotate."""
        seen.append(
            {"folder": folder, "output": output, "workers": workers, "period": period, "share": share, "label": label, "json": as_json}
        )
        seen[-1]["configuration"] = configuration
        return 0

    def entry(arguments: list[str]) -> int:
        application = single()
        application.command()(command)
        return run_application(application, "annotate", arguments)

    return lambda *arguments: run(*arguments, entry=entry)


def written(text: str, name: str = "run.toml") -> str:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")
    return name


def values(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


def sources(text: str) -> dict[str, str]:
    """By option of [extract], the place that a printed file names."""
    lines = text.split("\n[")[0].splitlines()[1:]
    return {line.removeprefix("# ").split(" =")[0]: line.rsplit("# ", 1)[1] for line in lines if " =" in line}


def test_options_are_the_settings_with_their_defaults():
    assert [option.name for option in EXTRACTION_OPTIONS] == list(ExtractionSettings.names())
    assert {option.name: option.default for option in EXTRACTION_OPTIONS} == ExtractionSettings().to_dict()


def test_a_command_takes_the_options_between_its_own(run):
    got = []

    @takes_extraction_options
    def command(folder: str, *, before: str = "b", settings: ExtractionSettings, after: bool = False) -> int:
        """Do it."""
        got.append((folder, before, settings, after))
        return 3

    def entry(arguments: list[str]) -> int:
        application = single()
        application.command()(command)
        return run_application(application, "it", arguments)

    assert run("x", "--one-each", "--angle", "3", "--after", "--before", "c", entry=entry).code == 3
    assert got == [("x", "c", ExtractionSettings(one_each=True, angle=3.0), True)]
    text = run("--help", entry=entry).out
    assert text.index("--before") < text.index("--objects") < text.index("--review") < text.index("--after")
    assert "Do it." in text


def test_a_command_must_leave_the_place():
    with pytest.raises(TypeError, match="no parameter 'settings'"):
        takes_extraction_options(lambda folder: 0)

    def twice(*, settings: ExtractionSettings, device: str = "x") -> None: ...

    with pytest.raises(TypeError, match="options here: device"):
        takes_extraction_options(twice)


def test_flags_go_before_variables_before_the_file_before_defaults(run, stand_in, monkeypatch: pytest.MonkeyPatch):
    file = written('[extract]\nbackend = "of-file"\nframe-interval = 0.1\ndetect_every = 5\nbatch_size = 3\nends = false\none_each = true')
    monkeypatch.setenv("KINESCRIBE_BACKEND", "of-variable")
    monkeypatch.setenv("KINESCRIBE_FRAME_INTERVAL", "0.2")
    monkeypatch.setenv("KINESCRIBE_ENDS", "yes")
    monkeypatch.setenv("KINESCRIBE_DEVICE", "")
    assert run("extract", "v.mp4", "--config", file, "--backend", "of-flag", "--no-one-each").code == 0
    call = stand_in.calls[0]
    assert (call["backend"], call["frame_interval"], call["ends"]) == ("of-flag", 0.2, True)
    assert (call["detect_every"], call["batch_size"], call["one_each"], call["device"]) == ("5", 3, False, "auto")
    monkeypatch.delenv("KINESCRIBE_BACKEND")
    assert run("extract", "v.mp4", "--config", file, "--overwrite").code == 0
    assert (stand_in.calls[1]["backend"], stand_in.calls[1]["one_each"]) == ("of-file", True)


def test_extract_states_takes_a_file_too(run, stand_in):
    file = written('[extract]\nbackend = "of-file"\n[annotate]\nany = "thing"\n')
    assert run("v.mp4", "--config", file, entry=extract.main).code == 0
    assert stand_in.calls[0]["backend"] == "of-file"


@pytest.mark.parametrize(("text", "truth"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("No", False), (" off ", False)])
def test_variables_say_yes_and_no(run, stand_in, monkeypatch: pytest.MonkeyPatch, text: str, truth: bool):
    monkeypatch.setenv("KINESCRIBE_REVIEW", text)
    assert run("extract", "v.mp4").code == 0
    assert stand_in.calls[0]["review"] is truth


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("KINESCRIBE_BATCH_SIZE", "many", "$KINESCRIBE_BATCH_SIZE: batch_size = 'many' must be a whole number"),
        ("KINESCRIBE_ENDS", "maybe", "$KINESCRIBE_ENDS: ends = 'maybe' must be true or false"),
        ("KINESCRIBE_ANGLE", "nan", "$KINESCRIBE_ANGLE: angle = nan"),
        ("KINESCRIBE_FRAME_INTERVAL", "0", "--frame-interval 0 must be"),
        ("KINESCRIBE_FRAME_INTERVAL", "0", "(frame_interval is from $KINESCRIBE_FRAME_INTERVAL)"),
        (
            "KINESCRIBE_STRIDE",
            "0",
            "--stride 0 must be a number of frames from 1 to 1000000000: 1 for every one, 2 for every other (stride is from $",
        ),
        ("KINESCRIBE_END", "0", "(end is from $KINESCRIBE_END)"),
        ("KINESCRIBE_UNIT", "m", "(unit is from $KINESCRIBE_UNIT)"),
        ("KINESCRIBE_VLM_MAX_CALLS", "0", "(vlm_max_calls is from $KINESCRIBE_VLM_MAX_CALLS)"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(run, stand_in, monkeypatch: pytest.MonkeyPatch, name: str, text: str, says: str):
    monkeypatch.setenv(name, text)
    ran = run("extract", "v.mp4")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert says in ran.err
    assert not stand_in.calls
    option = name.removeprefix("KINESCRIBE_").lower()
    if option in ("batch_size", "angle"):
        assert run("extract", "v.mp4", f"--{option.replace('_', '-')}", "2").code == 0, "overruled, and so not looked at"


def test_what_the_run_finds_wrong_is_placed_too(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KINESCRIBE_BACKEND", "clasical")
    ran = run("extract", "v.mp4")
    assert ran.code == 2
    assert "did you mean 'classical'" in ran.err
    assert "(backend is from $KINESCRIBE_BACKEND)" in ran.err


def test_the_endpoints_own_variables_stay_its_own(run, stand_in, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINESCRIBE_MODEL", "fallback")
    monkeypatch.setenv("KINESCRIBE_BASE_URL", "http://localhost:1/v1")
    run("extract", "v.mp4")
    file = written('[extract]\nvlm_model = "of-file"')
    run("extract", "v.mp4", "--config", file, "--overwrite")
    monkeypatch.setenv("KINESCRIBE_VLM_MODEL", "of-variable")
    run("extract", "v.mp4", "--config", file, "--overwrite")
    assert [call["vlm"].model for call in stand_in.calls] == ["fallback", "of-file", "of-variable"]


def test_videos_have_settings_of_their_own_that_flags_overrule(run, stand_in):
    file = written(
        f'[extract]\npixels_per_unit = 10\nunit = "cm"\n[[videos]]\nmatch = "fast*"\nframe_interval = 0.1\none_each = true\n'
        f'[[videos]]\nmatch = "*.mov"\nscale = "{STICK}"\n'
    )
    for video in ("slow.mp4", "some/fast.mp4", "fast.mov"):
        assert run("extract", video, "--config", file, "--no-one-each", "--overwrite").code == 0
    assert [call["frame_interval"] for call in stand_in.calls] == [None, 0.1, 0.1]
    assert [call["calibration"].unit for call in stand_in.calls] == ["cm", "cm", "m"]
    assert not any(call["one_each"] for call in stand_in.calls)


def test_paths_in_a_file_are_relative_to_it(run, stand_in):
    file = written('[extract]\nvlm_cache = "answers"\nvlm_model = "m"\nvlm_url = "http://localhost:1/v1"\n', "sub/run.toml")
    run("extract", "v.mp4", "--config", file)
    run("extract", "v.mp4", "--config", file, "--vlm-cache", "here", "--overwrite")
    assert [call["vlm"].cache for call in stand_in.calls] == [Path("sub/answers"), Path("here")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[extrct]", "run.toml: unknown table 'extrct'; did you mean 'extract'?"),
        ('backend = "x"', "run.toml: 'backend' stands in no table; write [extract]"),
        ("extract = 3", "run.toml: 'extract' is no table"),
        ("[videos]\nmatch = 'x'", "run.toml: 'videos' is a single table; write [[videos]]"),
        ("[[extract]]\none_each = true", "run.toml: 'extract' is several tables; write [extract]"),
        ("[extract]\nbakend = 'x'", "run.toml, [extract]: unknown option 'bakend'; did you mean 'backend'?"),
        ("[extract]\noverlay = 'x.mp4'", "run.toml, [extract]: 'overlay' can't stand here; it is about one run"),
        ("[extract]\njson = true", "give --json on the command line"),
        ("[extract]\nprint_config = true", "unknown option 'print_config'"),
        ("[extract]\nangle = 1979-05-27", "run.toml, [extract]: angle = a date or time must be a number"),
        ("[extract]\nangle = inf", "angle = inf is no finite number"),
        ("[extract]\nunit = 'm'", "(unit is from run.toml)"),
        ("[[videos]]\nbackend = 'x'", "run.toml, [[videos]] 1: name the videos"),
        ("[[videos]]\nmatch = 'x'\nbakend = 'y'", "run.toml, [[videos]] 1 ('x'): unknown option 'bakend'"),
        ("[[videos]]\nmatch = 'x'\nunit = 'm'", "run.toml, [[videos]] 1 ('x'): --unit m needs a scale"),
    ],
)
def test_options_that_no_file_may_have_are_refused(run, stand_in, text: str, says: str):
    ran = run("extract", "v.mp4", "--config", written(text))
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert says in ran.err
    assert not stand_in.calls


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[extract", "is no TOML: Expected ']' at the end of a table declaration at end of document, line 1, column 9"),
        (b'[extract]\na = """x\ny', "at end of document, line 3, column 2"),
        (b'[extract]\nbackend = "x"\nbackend = "y"\n', "a key or table that is there already"),
        (b"[extract]\n[extract]\n", "line 2, column 9: a key or table that is there already"),
        (b"[extract]\nx = " + b"9" * 5000, "a number of thousands of digits"),
        (b"x = " + b"[" * 5000, "is nested too deep"),
        (b"\n\xff", "is not UTF-8: line 2 has byte 0xff"),
        (b"#" * 1_000_001, "has over 1,000,000 bytes"),
    ],
)
def test_files_that_cannot_be_read_say_where(run, stand_in, content: bytes, says: str):
    Path("run.toml").write_bytes(content)
    ran = run("extract", "v.mp4", "--config", "run.toml")
    assert (ran.code, ran.err.count("\n")) == (3, 1)
    assert "'run.toml'" in ran.err
    assert says in ran.err


LINES = st.one_of(
    st.sampled_from(["[extract]", "[[videos]]", "[annotate]", "[videos]", "[[extract]]", "[a.b]", "[extract.x]"]),
    st.builds(
        "{} = {}".format,
        st.sampled_from(["match", "backend", "angle", "scale", "unit", "ends", "vlm_cache", "batch-size", '"q\\u0000"', "vlm_url"]),
        st.sampled_from(['"x"', "3", "true", "nan", "9" * 30, "[1]", "{a=1}", "1979-05-27", '"\\u001b[31m"', '""', '"http://a:b@c/v1"']),
    ),
    st.text(max_size=10),
)


@settings(max_examples=40)
@given(st.lists(LINES, max_size=6))
def test_any_file_is_taken_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, lines: list[str]):
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = extract.main(["--config", str(file), "--print-config"])
    assert code in (0, 2, 3)
    assert err.getvalue().count("\n") == (0 if code == 0 else 1)
    assert "\x1b" not in out.getvalue() + err.getvalue()
    if code == 0:
        tomllib.loads(out.getvalue())


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("none.toml", 3, "'none.toml' can't be read (No such file"),
        (".", 3, "is a folder"),
        ("/dev/null", 3, "no regular file"),
        ("", 2, "--config is empty"),
    ],
)
def test_what_is_no_file_is_told(run, stand_in, path: str, code: int, says: str):
    ran = run("extract", "v.mp4", "--config", path)
    assert (ran.code, ran.err.count("\n")) == (code, 1)
    assert says in ran.err


def test_a_file_as_windows_writes_it(run, stand_in):
    Path("run.toml").write_bytes(b'\xef\xbb\xbf[extract]\r\nbackend = "x"\r\n')
    assert run("extract", "v.mp4", "--config", "run.toml").code == 0
    assert stand_in.calls[0]["backend"] == "x"


def test_printed_options_say_where_they_are_from_and_read_back(run, stand_in, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINESCRIBE_ENDS", "no")
    monkeypatch.setenv("KINESCRIBE_MODEL", "m")
    monkeypatch.setenv("KINESCRIBE_BASE_URL", "http://localhost:1/v1")
    monkeypatch.setenv("KINESCRIBE_API_KEY", "sk-secret")
    file = written(
        '[extract]\nobjects = "a \\"b\\"\\n# c"\nvlm_cache = "answers"\nscale = "1 m: 0,0 9,9"\n[annotate]\nworkers = 2\n'
        '[[videos]]\nmatch = "cam1/*"\none_each = true\nangle = 5\n',
        "sub/run.toml",
    )
    first = run("extract", "--config", file, "--print-config", "--angle", "3", "--pixels-per-unit", "10", "--unit", "m")
    assert (first.code, first.err) == (0, "")
    assert not stand_in.calls
    assert "sk-secret" not in first.out
    made = values(first.out)
    assert set(made) == {"extract", "videos"}
    assert made["videos"] == [{"match": "cam1/*", "one_each": True}], "the flag's angle holds for every video"
    assert made["extract"]["objects"] == 'a "b"\n# c'
    assert made["extract"]["vlm_cache"] == str(Path("sub/answers").absolute())
    assert (made["extract"]["ends"], made["extract"]["angle"], made["extract"]["device"]) == (False, 3.0, "auto")
    named = sources(first.out)
    assert list(named) == list(ExtractionSettings.names())
    assert (named["objects"], named["ends"], named["angle"]) == ("run.toml", "$KINESCRIBE_ENDS", "command line")
    assert (named["device"], named["vlm_model"], named["vlm_url"]) == ("default", "$KINESCRIBE_MODEL", "$KINESCRIBE_BASE_URL")
    assert named["scale"] == "default", "taken back by the flag"
    assert set(named) - set(made["extract"]) == {
        line.split()[1] for line in first.out.splitlines() if line.startswith("# ") and " =" in line
    }
    assert "# [annotate] of run.toml" in first.out
    for name in ("KINESCRIBE_ENDS", "KINESCRIBE_MODEL", "KINESCRIBE_BASE_URL"):
        monkeypatch.delenv(name)
    second = run("extract", "--config", written(first.out, "again/it.toml"), "--print-config")
    third = run("extract", "--config", written(second.out, "it.toml"), "--print-config")
    assert values(second.out) == made
    assert third.out == second.out
    assert set(sources(second.out).values()) == {"it.toml", "default"}


def test_printing_needs_no_video_and_refuses_what_a_run_would(run, stand_in):
    assert run("extract").code == 2
    assert values(run("extract", "--print-config").out) == {
        "extract": {name: value for name, value in ExtractionSettings().to_dict().items() if value is not None}
    }
    assert run("extract", "v.mp4", "--print-config").code == 0
    assert "needs a scale" in run("extract", "--print-config", "--unit", "m").err
    assert "unknown option '--bogus'" in run("extract", "--print-config", "--bogus").err
    ran = run("extract", "--print-config", "--vlm-model", "m", "--vlm-url", "http://me:secret@host/v1")
    assert (ran.code, ran.out) == (2, "")
    assert "secret" not in ran.err
    assert "control characters" in run("extract", "--print-config", "--objects", "\udcff").err
    assert not stand_in.calls


def test_a_command_gets_its_own_table_and_the_settings_of_each_video(batch, seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    file = written(
        '[extract]\nframe_interval = 0.1\n[annotate]\noutput = "set"\nworkers = 2\nperiod = 5\nshare = 1\nlabel = ["a", "b"]\njson = true\n'
        '[[videos]]\nmatch = "cam1/*"\nframe_interval = 0.2\n[[videos]]\nmatch = "cam9/*"\n',
        "sub/run.toml",
    )
    assert batch("videos", "--config", file, "--period", "7", "--one-each").code == 0
    got = seen[0]
    assert (got["output"], got["workers"], got["period"], got["share"]) == (Path("sub/set"), "2", 7, 1.0)
    assert (got["label"], got["json"]) == (["a", "b"], True)
    configuration = got["configuration"]
    assert configuration.settings == ExtractionSettings(frame_interval=0.1, one_each=True)
    assert configuration.settings_for("cam1/x.mp4") == ExtractionSettings(frame_interval=0.2, one_each=True)
    assert configuration.overrides.unused(["cam1/x.mp4"]) == ["cam9/*"]


def test_a_commands_own_table_is_printed_and_reads_back(batch, seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    file = written('[annotate]\noutput = "set"\nlabel = ["a"]\n', "sub/run.toml")
    first = batch("--config", file, "--print-config", "--workers", "3").out
    made = values(first)["annotate"]
    assert made == {"output": str(tmp_path / "sub" / "set"), "workers": "3", "period": 1, "label": ["a"], "json": False}
    assert 'workers = "3"  # command line\nperiod = 1  # default\n# share =  # default\n' in first
    monkeypatch.setenv("THE_SHARE", "0.5")
    assert "share = 0.5  # $THE_SHARE" in batch("--print-config").out
    monkeypatch.delenv("THE_SHARE")
    assert "# output =  # default" in batch("--print-config").out
    again = batch("--config", written(first, "it.toml"), "--print-config").out
    assert values(again) == values(first)
    assert not seen


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[annotate]\nwokers = 2", "run.toml, [annotate]: unknown option 'wokers'; did you mean 'workers'?"),
        ("[annotate]\nbackend = 'x'", "run.toml, [annotate]: 'backend' can't stand here; put it into [extract]"),
        ("[extract]\nworkers = 2", "run.toml, [extract]: 'workers' can't stand here; put it into [annotate]"),
        ("[annotate]\nas_json = true", "unknown option 'as_json'"),
        ("[annotate]\nconfig = 'x'", "unknown option 'config'"),
        ("[annotate]\nperiod = 2.5", "run.toml, [annotate]: period = 2.5"),
        ("[annotate]\nperiod = '2'", "period = '2' must be a number without quotes"),
        ("[annotate]\nperiod = true", "period = true must be a text or number"),
        ("[annotate]\nperiod = 'x'", "period = 'x'"),
        ("[annotate]\nshare = nan", "share = nan"),
        ("[annotate]\nperiod = [1]", "period = a list"),
        ("[annotate]\nlabel = [[1]]", "label = a list must be texts or numbers"),
        ("[annotate]\njson = 1", "json = 1 must be true or false"),
        ("[annotate]\noutput = ''", "output is empty"),
    ],
)
def test_a_commands_own_table_is_checked(batch, seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, says: str):
    monkeypatch.chdir(tmp_path)
    ran = batch("videos", "-o", "out", "--config", written(text))
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert says in ran.err
    assert not seen
