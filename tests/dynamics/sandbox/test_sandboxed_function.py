"""A plain function in the sandbox: what goes in, what comes out, and that its door is as shut as that of laws."""

from __future__ import annotations

from pathlib import Path

import escapes
import numpy as np
import pytest

from kinescribe.dynamics.sandbox import Limits, SandboxedFunction, SandboxError
from kinescribe.dynamics.sandbox.frames import Frame
from kinescribe.dynamics.sandbox.functions import MOST_ROWS, Signature
from kinescribe.dynamics.sandbox.syscalls import machine
from kinescribe.errors import UsageError

pytestmark = pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")
SHORT = Limits(seconds=1.0, memory=256 * 2**20)
SOURCE = """
import math
import numpy as np

calls = []

def halves(picture, at):
    middle = picture.shape[1] // 2
    return picture[:, :middle], picture[:, middle:] * at

def brightest(picture):
    rows, columns = np.nonzero(picture.max(axis=2) > 200)
    return [[x, y] for x, y in zip(columns.tolist(), rows.tolist())]

def counted():
    calls.append(1)
    return len(calls)

def rooted(x):
    return math.sqrt(x)

def wrong(kind):
    if kind == 0:
        return "words"
    if kind == 1:
        return np.array([None])
    if kind == 2:
        return [[1.0], [1.0, 2.0]]
    if kind == 3:
        return None
    if kind == 4:
        return np.ones((3, 3))
    if kind == 5:
        return np.ones(2), np.ones(2)
    if kind == 6:
        return [(-1) ** 0.5, 2.0]
    return 1 // 0
"""


def test_arrays_of_every_kind_go_in_and_come_out_as_they_are():
    picture = np.random.default_rng(0).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    halves = SandboxedFunction.of(SOURCE, "halves")
    assert halves.arguments == ("picture", "at")
    left, right = halves.call([picture, 0.5], [(4, 3, 3), (4, None, 3)])
    assert left.dtype == np.uint8
    assert right.dtype == np.float64
    assert np.array_equal(left, picture[:, :3])
    assert np.array_equal(right, picture[:, 3:] * 0.5)
    left[:] = 0  # nobody else's memory


def test_lists_numbers_and_nothing_found_are_arrays_too():
    brightest = SandboxedFunction.of(SOURCE, "brightest")
    picture = np.zeros((3, 4, 3), np.uint8)
    (none,) = brightest.call([picture], [(None, 2)])
    assert none.shape == (0, 2)
    picture[1, 2] = 255
    (one,) = brightest.call([picture], [(None, 2)])
    assert one.tolist() == [[2, 1]]
    (root,) = SandboxedFunction.of(SOURCE, "rooted").call([2.25], [()])
    assert root.shape == ()
    assert float(root) == 1.5


def test_the_worker_stays_warm_and_is_started_anew_where_it_was_ended():
    counted = SandboxedFunction.of(SOURCE, "counted")
    worker = counted.session.worker
    assert [int(counted.call([], [()])[0]) for _ in range(3)] == [1, 2, 3]
    assert counted.session.worker is worker
    counted.close()
    assert int(counted.call([], [()])[0]) == 1


WRONG = [
    (0, "array of <U5"),
    (1, "array of object"),
    (2, "different lengths"),
    (3, "returned nothing"),
    (4, r"shape \(3, 3\); it must be \(2,\)"),
    (5, r"shape \(2, 2\)"),
    (6, "complex128"),
]


@pytest.fixture(scope="module")
def wrong() -> SandboxedFunction:
    return SandboxedFunction.of(SOURCE, "wrong", limits=SHORT)


@pytest.mark.parametrize(("kind", "said"), WRONG)
def test_what_is_no_array_of_that_shape_is_refused(wrong: SandboxedFunction, kind: int, said: str):
    with pytest.raises(SandboxError, match=rf"^function wrong: .*{said}") as caught:
        wrong.call([kind], [(2,)])
    assert caught.value.reason == "contract"


def test_its_own_errors_are_told_with_their_line(wrong: SandboxedFunction):
    with pytest.raises(SandboxError, match=r"^function wrong: line \d+: raises ZeroDivisionError") as caught:
        wrong.call([9], [(2,)])
    assert caught.value.reason == "raised"
    with pytest.raises(SandboxError, match="raises TypeError"):
        wrong.call([], [(2,)])
    with pytest.raises(SandboxError, match="must return 2 arrays in a tuple, not a ndarray"):
        wrong.call([4], [(3,), (3,)])


def test_what_cannot_be_asked_is_refused_before_anything_runs(wrong: SandboxedFunction):
    for given in (["words"], [np.ones((1,) * 5)], [np.array([1j])]):
        with pytest.raises(UsageError, match="argument 1 of wrong"):
            wrong.call(given, [(2,)])
    with pytest.raises(UsageError, match="are the most"):
        wrong.call([0], [(None, None, 4)])
    with pytest.raises(UsageError, match="are the most"):
        wrong.call([0], [(1,) * 5])


def test_a_source_without_that_function_is_refused():
    with pytest.raises(SandboxError, match=r"defines no function draw, but halves, brightest") as caught:
        SandboxedFunction.of(SOURCE, "draw")
    assert caught.value.reason == "contract"
    with pytest.raises(SandboxError, match="no function calls"):
        SandboxedFunction.of(SOURCE, "calls")
    with pytest.raises(UsageError, match="no name of a function"):
        SandboxedFunction.of(SOURCE, "__import__")
    with pytest.raises(SandboxError, match=r"^detector\.py may not run in the sandbox: line 1: import of os"):
        SandboxedFunction.of("import os\ndef f(): return 0", "f", file="detector.py")


@pytest.mark.parametrize(
    "text",
    [
        {}, {"name": 3, "arguments": []}, {"name": "draw", "arguments": "size"}, {"name": "draw", "arguments": ["a b"]},
        {"name": "draw", "arguments": ["\x1b"]}, {"name": "draw", "arguments": [3]}, {"name": "draw", "arguments": ["a"] * 65},
        {"name": "__class__", "arguments": []}, {"name": "x" * 65, "arguments": []},
    ],
)  # fmt: skip
def test_a_forged_signature_is_not_believed(text: dict[str, object]):
    with pytest.raises(SandboxError) as caught:
        Signature.of(Frame(1, text))
    assert caught.value.reason == "contract"
    assert str(caught.value).isprintable()


def in_a_call(body: str) -> SandboxedFunction:
    """A function whose body holds what nobody has looked at."""
    indented = "\n    ".join(body.splitlines())
    return SandboxedFunction.of(
        f"{escapes.BEGIN}\nimport _thread\ndef probe():\n    {indented}\n    return 1.0", "probe", check=False, limits=SHORT
    )


def test_nothing_is_reached_from_inside_a_call():
    probe = SandboxedFunction.of(escapes.calling(escapes.REFUSED), "probe", check=False)
    (said,) = probe.call([], [(None,)])
    lines = said.tobytes().decode().splitlines()
    assert len(lines) == len(escapes.REFUSED)
    assert [line for line in lines if not line.startswith("held ")] == []
    assert not Path("/tmp/kinescribe_escape").exists()


@pytest.mark.parametrize("name", escapes.DEADLY)
def test_a_call_that_reaches_for_others_ends_its_process(name: str):
    with pytest.raises(SandboxError, match=r"system call .* during call") as caught:
        in_a_call(escapes.DEADLY[name]).call([], [()])
    assert caught.value.reason == "ended"


CHEAP = [name for name, (_, reasons) in escapes.BOMBS.items() if "time" not in reasons]


@pytest.mark.parametrize("name", [*CHEAP, "loop in C"])
def test_bombs_in_a_call_cost_no_more_than_their_limits(name: str):
    body, reasons = escapes.BOMBS[name]
    probe = in_a_call(body)
    with pytest.raises(SandboxError) as caught:
        probe.call([], [()])
    assert caught.value.reason in reasons
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


FLOODS = {
    "more arrays": "return [np.ones(2)] * 3",
    "a large array": "return np.ones(10**6)",
    "many rows": f"return np.ones(({MOST_ROWS + 1}, 1))",
    "array that lies about itself": "class A(np.ndarray):\n    def __array__(self, *a, **k): return self\nreturn np.ones(3).view(A)",
}


@pytest.mark.parametrize("name", FLOODS)
def test_more_than_was_asked_for_is_not_taken(name: str):
    probe = in_a_call(FLOODS[name])
    with pytest.raises(SandboxError) as caught:
        probe.call([], [(None, 1)])
    assert caught.value.reason in ("contract", "protocol")


def test_a_function_that_was_let_go_leaves_no_process():
    probe = in_a_call("pass")
    worker = probe.session.worker
    assert worker is not None
    process = worker._process
    probe.close()
    assert process.poll() is not None


def test_a_system_without_walls_refuses_functions_too(monkeypatch: pytest.MonkeyPatch):
    from kinescribe.dynamics.sandbox import worker

    monkeypatch.setattr(worker, "machine", lambda: None)
    with pytest.raises(SandboxError, match="no isolation here") as caught:
        SandboxedFunction.of("def draw(): return 0", "draw")
    assert caught.value.reason == "unavailable"
