"""The process by itself: sources that nobody has looked at, with all that Python has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import escapes
import law_sources
import numpy as np
import pytest

import kinescribe
from kinescribe.dynamics import Bodies, State, Values
from kinescribe.dynamics.sandbox import Limits, SandboxedLaw, SandboxError
from kinescribe.dynamics.sandbox.syscalls import machine

pytestmark = pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")
CALLS = """
    average(x) bincount([1,2]) broadcast_arrays(x,1.0) clip(x,0,1) column_stack([x,x]) concatenate([x,x]) convolve(x,x) count_nonzero(x)
    cross([1.,2.,3.],[1.,2.,4.]) diff(x) dot(x,x) einsum('i,i->',x,x) eye(2) gradient(x) interp(0.5,x,x) linspace(0,1,3) std(x) ptp(x)
    median(x) meshgrid(x,x) moveaxis(x[None],0,0) nan_to_num(x) nanmedian(x) percentile(x,50) polyfit(x,x,1) polyval([1.,2.],x)
    quantile(x,0.5) repeat(x,2) roll(x,1) searchsorted(x,0.5) select([x>1],[x]) sinc(x) stack([x,x]) take_along_axis(x,i,0)
    tensordot(x,x,1) tile(x,2) trapezoid(x) tril(x[None]) triu_indices(3,1) unique(x) unwrap(x) where(x>1,x,0.0) nanstd(x) isclose(x,x)
    linalg.cholesky(m) linalg.det(m) linalg.eigh(m) linalg.eigvalsh(m) linalg.inv(m) linalg.lstsq(m,m[0]) linalg.norm(m) linalg.pinv(m)
    linalg.solve(m,m[0]) indices((2,2)) pad(x,1) histogram(x) lexsort([x]) digitize(x,x) fliplr(m) flipud(m) rot90(m)
    sum(x) mean(x) all(x>0) any(x>0) prod(x) cumsum(x) min(x) max(x) argmax(x) round(x) nansum(x)
    """
METHODS = "all any argmax argmin argsort cumsum max mean min nonzero prod ravel round sort squeeze std sum tolist transpose var"
SHORT = Limits(seconds=1.5, memory=256 * 2**20)


def outcomes(attempts: dict[str, str]) -> dict[str, str]:
    law = SandboxedLaw.of(escapes.probing(attempts), check=False)
    law.close()
    return dict(zip(attempts, (one.meaning for one in law.parameters.values()), strict=True))


def test_nothing_is_reached_from_inside():
    found = outcomes(dict(list(escapes.REFUSED.items())[:60])) | outcomes(dict(list(escapes.REFUSED.items())[60:]))
    assert set(found) == set(escapes.REFUSED)
    through = {name: text for name, text in found.items() if not text.startswith("held ")}
    assert not through
    # held by the walls, and not by a slip of the pen in the attempt
    walls = ("PermissionError", "OSError", "IndexError", "ValueError not allowed to raise", "ModuleNotFoundError No module named")
    slips = {name: text for name, text in found.items() if not text.removeprefix("held ").startswith(walls)}
    assert not slips
    assert not Path("/tmp/kinescribe_escape").exists()


def test_the_attempts_get_through_where_nothing_holds_them():
    source = escapes.probing({name: escapes.REFUSED[name] for name in escapes.CONTROL})
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["through"] * len(escapes.CONTROL)


@pytest.mark.parametrize("name", escapes.DEADLY)
def test_a_process_that_reaches_for_others_ends(name: str):
    source = f"{escapes.BEGIN}\nimport _thread\n{escapes.DEADLY[name]}\nraise ValueError('it got through')"
    with pytest.raises(SandboxError, match="system call") as caught:
        SandboxedLaw.of(source, check=False, limits=SHORT)
    assert caught.value.reason == "ended"


@pytest.mark.parametrize("name", escapes.BOMBS)
def test_bombs_cost_no_more_than_their_limits(name: str):
    body, reasons = escapes.BOMBS[name]
    with pytest.raises(SandboxError) as caught:
        SandboxedLaw.of(f"{escapes.BEGIN}\n{body}", check=False, limits=SHORT)
    assert caught.value.reason in reasons
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_processor_time_ends():
    with pytest.raises(SandboxError, match="processor time") as caught:
        SandboxedLaw.of("while True: pass", check=False, limits=Limits(seconds=20, cpu_seconds=1))
    assert caught.value.reason == "ended"


def test_a_worker_has_no_descriptors_environment_or_rights():
    law = SandboxedLaw.of(law_sources.DRAG)
    worker = law.session.worker
    assert worker is not None
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines() if ":\t" in line)
    assert status["Seccomp"] == "2"
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["Threads"] == "1"
    if os.geteuid() == 0:
        assert {int(one) for one in (one.name for one in Path(f"/proc/{worker.pid}/fd").iterdir())} == {0, 1, 2, 3, 4}
        assert "0" not in status["Uid"].split()
    found = outcomes({"environment": "dict(os.environ)", "words": "sys.argv[1:]"})
    assert found == {"environment": "through {}", "words": "through []"}


def test_the_parents_descriptors_and_environment_stay_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("KINESCRIBE_SECRET", "hidden")
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    open_here = os.open(secret, os.O_RDONLY)
    os.set_inheritable(open_here, True)
    try:
        found = outcomes(
            {
                "descriptor": f"os.read({open_here}, 9)",
                "environment": "os.environ['KINESCRIBE_SECRET']",
                "environment of C": "[one for one in [call('getenv', b'KINESCRIBE_SECRET')] if one][0]",
            }
        )
    finally:
        os.close(open_here)
    assert all(one.startswith("held ") for one in found.values()), found


def test_it_ends_with_the_program_that_started_it():
    source = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import os\n"
        "from kinescribe.dynamics.sandbox import SandboxedLaw\n"
        "import law_sources\n"
        "law = SandboxedLaw.of(law_sources.DRAG)\n"
        "print(law.session.worker.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    folders = [str(Path(__file__).parent), *filter(None, sys.path)]
    done = subprocess.run([sys.executable, "-c", source, *folders], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -9, done.stderr
    assert not _lives(int(done.stdout))


def _lives(pid: int) -> bool:
    """Whether it still runs, after as long as ending takes; a dead one that nobody has asked for may remain."""
    status = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        try:
            if status.read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except OSError:
            return False
        subprocess.run(["sleep", "0.05"], check=True)
    return True


def test_it_outlives_the_thread_that_asked_for_it():
    import threading

    made: list[SandboxedLaw] = []
    thread = threading.Thread(target=lambda: made.append(SandboxedLaw.of(law_sources.DRAG)))
    thread.start()
    thread.join()
    (law,) = made
    worker = law.session.worker
    assert worker is not None
    subprocess.run(["sleep", "0.1"], check=True)
    assert worker.alive
    assert law.session.worker is worker


def test_a_law_that_was_let_go_leaves_no_process():
    law = SandboxedLaw.of(law_sources.DRAG)
    assert law.session.worker is not None
    pid = law.session.worker.pid
    del law
    assert not _lives(pid)


def test_everything_that_a_source_may_name_works_without_files():
    from kinescribe.dynamics.sandbox.allowed import LINALG, NUMPY

    calls = CALLS.split()
    assert {call.partition("(")[0] for call in calls} <= NUMPY | {f"linalg.{name}" for name in LINALG}
    methods = METHODS.split()
    body = "\n".join([*(f"        np.{call}" for call in calls), *(f"        x.{name}()" for name in methods)])
    source = escapes.IN_A_METHOD.format("x = np.arange(4.0)\n        i = np.argsort(x)\n        m = 2.0 * np.eye(2) + 0.1\n" + body)
    law = SandboxedLaw.of(source)
    state = State.of(Bodies.make(1), x=1.0)
    ax, ay = law.acceleration(np.zeros((1, 1)), state, Values({"gravity": np.full((1, 1), 2.0)}), Values({}))
    assert (ax.item(), ay.item()) == (0.0, -2.0)


NOBODY: dict[str, Any] = {"user": 65_534, "group": 65_534, "extra_groups": [], "cwd": "/", "capture_output": True, "text": True}


def _for_nobody() -> str | None:
    """An interpreter of this version that a user without rights can start."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for one in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin")):
        try:
            if one and subprocess.run([one, "-c", ""], **NOBODY, check=False).returncode == 0:
                return one
        except PermissionError:
            continue
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="these tests run without rights anyway")
def test_the_walls_stand_without_rights():
    python = _for_nobody()
    if python is None:
        pytest.skip("no interpreter that a user without rights can start")
    script = """
import os, sys
sys.path[:0] = sys.argv[1:]
import escapes, law_sources
from kinescribe.dynamics.sandbox import SandboxedLaw, SandboxError
assert os.getuid() == 65534, os.getuid()
for attempts in (dict(list(escapes.REFUSED.items())[:60]), dict(list(escapes.REFUSED.items())[60:])):
    law = SandboxedLaw.of(escapes.probing(attempts), check=False)
    for name, one in zip(attempts, law.parameters.values(), strict=True):
        print(one.meaning.split()[0], name)
try:
    SandboxedLaw.of(escapes.BEGIN + "os.fork()", check=False)
except SandboxError as error:
    print(error.reason, "fork")
print("law", SandboxedLaw.of(law_sources.DRAG).title)
"""
    guard = ["prlimit", "--nproc=400", "--as=8000000000"]
    # the package's own folder by name: an installation in place is no entry of sys.path
    folders = [str(Path(__file__).parent), str(Path(kinescribe.__file__).parents[1]), *filter(os.path.isdir, sys.path)]
    readable = "import sys; sys.path[:0] = sys.argv[1:]; import kinescribe, numpy, escapes, law_sources"
    if subprocess.run([python, "-B", "-c", readable, *folders], **NOBODY, timeout=60, check=False).returncode:
        pytest.skip("a user without rights can't read this installation")
    done = subprocess.run([*guard, python, "-B", "-c", script, *folders], **NOBODY, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("held ")] == ["ended fork", "law air drag"]
    assert len(lines) == len(escapes.REFUSED) + 2
