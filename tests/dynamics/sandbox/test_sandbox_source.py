"""The check of a source by itself: what is refused, and what isn't."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import escapes
import law_sources
import pytest

from kinescribe.dynamics.sandbox import SandboxError, check_source, complaints
from kinescribe.dynamics.sandbox.limits import MOST_SOURCE


@pytest.mark.parametrize("place", [escapes.IN_A_METHOD, escapes.IN_A_FUNCTION], ids=["method", "function"])
@pytest.mark.parametrize("name", escapes.SOURCES)
def test_a_known_escape_is_refused(name: str, place: str):
    source = place.format(escapes.SOURCES[name])
    with pytest.raises(SandboxError, match="may not run in the sandbox") as caught:
        check_source(source)
    assert caught.value.reason == "refused"
    assert "not Python" not in str(caught.value), "an escape that doesn't parse shows nothing"


def test_the_frame_around_the_escapes_is_not_what_is_refused():
    for place in (escapes.IN_A_METHOD, escapes.IN_A_FUNCTION):
        assert complaints(place.format("x = np.sin(state.x)")) == []


def test_sources_that_hurt_who_reads_them_are_refused():
    # in a process of its own, for what is tested is whether the reader lives on
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import escapes\n"
        "from kinescribe.dynamics.sandbox.source import complaints\n"
        "for name, source in escapes.WHOLE.items():\n"
        "    print(name, bool(complaints(source)))\n"
    )
    folders = [str(Path(__file__).parent), *filter(None, sys.path)]
    done = subprocess.run([sys.executable, "-c", script, *folders], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name} True" for name in escapes.WHOLE]


@pytest.mark.parametrize("name", law_sources.ALL)
def test_laws_of_every_kind_pass(name: str):
    assert complaints(law_sources.ALL[name]) == []


def test_the_laws_of_the_handbook_pass():
    text = (Path(__file__).parents[3] / "docs" / "howto" / "write-a-law.md").read_text()
    # those of the page that say what they are a law of, with its one base in place of the module that it imports
    blocks = [block.replace("projectile.", "") for block in re.findall(r"^class .*?(?=^\S)", text, flags=re.DOTALL | re.MULTILINE)]
    assert len(blocks) >= 3
    begin = "import numpy as np\nfrom kinescribe.dynamics import Contacts, Discs, Law, Parameter, Wall\n"
    begin += "class Projectile(Law):\n    gravity = Parameter(9.8)\n"
    for block in blocks:
        assert complaints(begin + block) == [], block


def test_what_is_wrong_is_told_with_its_line_and_what_may_be_written_instead():
    found = complaints("import os\nfrom numpy import load\nx = open('a')\n")
    assert found == [
        (1, "import of os; a law may import collections.abc, kinescribe.dynamics, math, numpy, typing"),
        (2, "import of load from numpy is not allowed"),
        (3, "there is no 'open' here; laws use numpy, math and what they define"),
    ]
    with pytest.raises(SandboxError, match=r"^mine\.py may not run in the sandbox: line 1: import of os; .*; line 3: there is no 'open'"):
        check_source("import os\nfrom numpy import load\nx = open('a')\n", "mine.py")


def test_a_source_as_long_as_allowed_passes():
    law = law_sources.DRAG
    assert complaints(law + "#" * (MOST_SOURCE - len(law))) == []
    assert complaints(law + "#" * (MOST_SOURCE - len(law) + 1)) == [
        (0, f"{MOST_SOURCE + 1} bytes are too many; a law takes {MOST_SOURCE} at most")
    ]


PLAIN = (
    "x = 2 ** 0.5", "x = state.x ** -1.5", "x = 10 ** (1 / 3)", "x = [0.0] * len(state.bodies)", "x = np.add.outer(state.x, state.x)",
    "x = sum(k for k in range(3))", "x = f'{1.5:.3f} m'", "x = {'a': 1}.get('a', 0)", "x = state.x.T @ state.x",
    "with np.errstate(divide='ignore'):\n            x = 1 / state.x", "self.count = 3\n        x = self.count", "assert True, 'no'",
    "raise ValueError('no')", "import math as m\n        x = m.pi", "x = (y := 3)", "x = -state.bodies.radius[None, :]",
    "x: float = 1.0", "x = np.linalg.norm(state.x)", "x = parameters['gravity']", "x = 1e300 * 10 ** 18",
    "def inner(a, *b, c=1, **d):\n            return a\n        x = inner(1)",
)  # fmt: skip


@pytest.mark.parametrize("statement", PLAIN)
def test_plain_arithmetic_passes(statement: str):
    assert complaints(escapes.IN_A_METHOD.format(statement)) == []


def test_annotations_and_names_of_inputs_pass():
    source = """
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kinescribe.dynamics import Law, Parameter, State, Values


class Pushed(Law):
    inputs: tuple[str, ...] = ("push",)
    strength: Parameter = Parameter(2.0, (0, float("inf")), "length/time^2")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return parameters.strength * inputs.push, 0.0
"""
    assert complaints(source) == []
    assert complaints(source.replace("Sequence", "Callable")) == [(4, "import of Callable from collections.abc is not allowed")]
    assert complaints(source.replace("inputs.push", "inputs.pull")) == [(15, "'.pull' is not allowed")]
