"""What holds for every command: no arguments, Ctrl-C, and a reader of stdout who has gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kinescribe.cli import extract_states
from kinescribe.cli.interrupts import check, checking, interrupts, pending

STAND_IN = """
import os, signal, sys, time
from types import ModuleType
from kinescribe.cli import main

class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

def extract_states(source, **options):
    WORK
    print("went on to its end")
    raise SystemExit(0)

module = ModuleType("kinescribe.pipeline")
module.extract_states = extract_states
sys.modules["kinescribe.pipeline"] = module
sys.exit(main(["extract", "v.mp4"]))
"""


def working(folder: Path, work: str) -> subprocess.CompletedProcess[str]:
    """A run of which the work is these lines."""
    script = STAND_IN.replace("WORK", work.replace("\n", "\n    "))
    return subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("arguments", [(), ("extract",), ("fit",), ("predict",), ("validate",), ("weights",)])
def test_a_command_without_arguments_says_what_it_lacks(run, arguments):
    ran = run(*arguments, entry=extract_states) if not arguments else run(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("kinescribe: error: missing ")
    assert ran.err.count("\n") == 1
    assert ran.err.endswith("--help' lists what there is\n")


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on POSIX")
@pytest.mark.parametrize("work", ["Deaf()\ntime.sleep(30)", "Deaf()\nfor k in range(600):\n    time.sleep(0.05)"])
def test_an_interrupt_that_nobody_could_catch_stops_the_run_all_the_same(tmp_path, work):
    ran = working(tmp_path, work)
    assert ran.returncode == 130
    assert ran.stdout == ""
    assert ran.stderr == "kinescribe: interrupted; unfinished outputs were removed, finished ones stay\n"


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on POSIX")
def test_an_interrupt_that_something_swallowed_stops_the_run_at_its_next_report(tmp_path):
    swallowed = "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(5)\nexcept BaseException:\n    pass\n"
    ran = working(tmp_path, swallowed + "options['progress']('detect', 1, 2)")
    assert (ran.returncode, ran.stdout) == (130, "")


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on POSIX")
def test_a_second_interrupt_ends_at_once(tmp_path):
    twice = "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(5)\nfinally:\n"
    ran = working(tmp_path, twice + "    time.sleep(0.6)\n    os.kill(os.getpid(), signal.SIGINT)\n    print('cleaned up')")
    assert (ran.returncode, ran.stdout) == (130, "")
    assert "interrupted twice" in ran.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on POSIX")
def test_the_handlers_are_as_before_afterwards():
    before = signal.getsignal(signal.SIGINT), sys.unraisablehook

    def interrupted() -> None:
        with interrupts():
            assert not pending()
            check()
            assert signal.getsignal(signal.SIGINT) != before[0]
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert pending()
    assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) == before
    with interrupts():  # begins anew
        told: list[tuple[str, int, int | None]] = []
        checking(lambda *each: told.append(each))("detect", 1, None)
        assert told == [("detect", 1, None)]


@pytest.mark.skipif(os.name == "nt", reason="a pipe without a reader has no such error there")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["list", "laws"], ["list", "--json"]])
def test_a_reader_who_leaves_ends_it_quietly(arguments, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", "import sys; from kinescribe.cli import main; sys.exit(main(sys.argv[1:]))", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, timeout=60)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_behind_stdout_is_told_in_one_line():
    command = [sys.executable, "-c", "import sys; from kinescribe.cli import main; sys.exit(main(['list', 'laws']))"]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ran.returncode == 2
    assert ran.stderr.startswith("kinescribe: error: no room for what goes to stdout")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--strict",), 5)])
def test_a_warning_of_the_library_counts_under_strict_whoever_gave_it(run, tmp_path, flags, code):
    rows = "".join(f"{k},{k / 10},1,{10 * k},5,6,6,disc\n" for k in range(9))
    (tmp_path / "a.csv").write_text(f"frame,time_s,object_id,x_px,y_px,width,height,shape\n{rows}")
    # it has no sidecar: reading it warns, and `render` looks at its own warnings alone
    scene = tmp_path / "scene"
    import numpy as np

    from kinescribe.renderers import Scene

    Scene(np.zeros((40, 120, 3), np.float32), np.ones((40, 120), np.float32), {}, 0.0, ("v", "")).write(scene)
    ran = run("render", tmp_path / "a.csv", "--scene", scene, "-o", tmp_path / "v.mp4", "-q", "--renderer", "shapes", *flags)
    assert "kinescribe: warning: a.csv: " in ran.err
    assert ran.code == code
    assert (tmp_path / "v.mp4").exists()
