"""Programs are found in whatever a model writes around them, and told apart by what they compute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magnet import DRAG, TRUTH, WRONG_SIGN, fenced

from kinescribe.dynamics.synthesis import normalised
from kinescribe.dynamics.synthesis.programs import drafts, size_of


def test_blocks_are_found_in_prose_with_the_line_before_each():
    reply = f"Sure!\n\n1. **A magnet** turns it.\n```python\n{TRUTH}```\nor\n# Drag instead\n~~~py\n{DRAG}~~~\nHope that helps."
    first, second = drafts(reply)
    assert first.source == TRUTH
    assert first.idea == "1. **A magnet** turns it"
    assert second.source == DRAG
    assert second.idea == "Drag instead"


@pytest.mark.parametrize(
    "reply",
    ["", "I can't.", "```json\n{}\n```", "```bash\nrm -rf /\n```", "```python\nx = 1\n```", "```\nnot closed", "class"],
)
def test_what_holds_no_law_gives_nothing(reply):
    assert drafts(reply) == []


def test_thoughts_are_passed_over():
    assert [one.source for one in drafts(f"<think>{fenced(DRAG)}</think>{fenced(TRUTH)}")] == [TRUTH]


def test_a_program_without_a_fence_is_taken_whole():
    assert [one.source for one in drafts(TRUTH)] == [TRUTH]


def test_a_block_that_was_cut_off_is_handed_on():
    (found,) = drafts(f"```python\n{TRUTH[:-40]}")
    assert found.source.strip() == TRUTH[:-40].strip()


def test_no_more_than_eight_of_a_reply_that_never_ends():
    assert len(drafts(fenced(*[TRUTH] * 50))) == 8


@given(st.text())
def test_any_text_is_read(text):
    found = drafts(text)
    assert len(found) <= 8
    assert all("class" in draft.source and normalised(draft.source) for draft in found)


SAME = {
    "names": TRUTH.replace("Magnetic", "Other")
    .replace("gravity", "g")
    .replace("parameters", "p")
    .replace(".turn", ".omega")
    .replace("turn =", "omega ="),
    "notes": TRUTH.replace("    name =", '    """What it is."""\n\n    name =').replace("return", "# turned\n        return"),
    "types": TRUTH.replace("state,", "state: object,").replace("gravity = P", "gravity: Parameter = P"),
    "order of factors": TRUTH.replace("-parameters.turn * state.vy", "state.vy * -parameters.turn"),
    "order of terms": TRUTH.replace("parameters.turn * state.vx - parameters.gravity", "-parameters.gravity + state.vx * parameters.turn"),
    "imports": "import math\n" + TRUTH,
    "meaning": TRUTH.replace('"downward acceleration"', '"g"'),
}
OTHER = {
    "sign": WRONG_SIGN,
    "structure": DRAG,
    "start": TRUTH.replace("9.0", "5.0"),
    "bounds": TRUTH.replace("(0, 10)", "(-10, 10)"),
    "component": TRUTH.replace("state.vy", "state.vx"),
    "power": TRUTH.replace("state.vy", "state.vy**2"),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_law_spelt_otherwise_is_the_same(how):
    assert SAME[how] != TRUTH
    assert normalised(SAME[how]) == normalised(TRUTH)


@pytest.mark.parametrize("how", OTHER)
def test_another_law_is_another(how):
    assert OTHER[how] != TRUTH
    assert normalised(OTHER[how]) != normalised(TRUTH)


def test_a_longer_program_is_larger_and_comments_weigh_nothing():
    longer = TRUTH.replace("- parameters.gravity", "- parameters.gravity - 0.1 * state.y")
    assert size_of(longer) > size_of(TRUTH) == size_of(TRUTH + "# and so on\n" * 20)


def test_what_cannot_be_parsed_is_itself():
    assert normalised("def (") == "def ("
    assert normalised("(" * 5000) == "(" * 5000


def test_a_sum_of_hundreds_of_terms_is_itself_and_no_error():
    long = TRUTH.replace("- parameters.gravity", "- parameters.gravity" + " + 0.0" * 600)
    assert normalised(long) == long.strip()
    assert size_of(long) > size_of(TRUTH)


def test_a_block_within_a_list_is_found():
    indented = "".join(f"   {line}\n" if line else "\n" for line in TRUTH.splitlines())
    assert [one.source for one in drafts(f"1. **A magnet**\n\n   ```python\n{indented}   ```\n")] == [TRUTH]


def test_half_a_surrogate_pair_is_no_part_of_a_program():
    (found,) = drafts("an idea \ud800\n" + fenced(TRUTH.replace("downward", "\ud800")))
    assert (found.source + found.idea).encode()


UNPACKED = """class A(Law):
    k = Parameter(1.0, (0, 9), "1/time^2", "stiffness")

    def acceleration(self, t, state, parameters, inputs):
        x = state.x
        return -parameters.k * x, 0.0 * x
"""


FORCE = "-parameters.k * x, 0.0 * x"
SINE = "from math import sin as f\n" + UNPACKED.replace("0.0 *", "f(1.0) *")
PAIR = UNPACKED.replace(FORCE, "(x,) + (2.0 * x,)")
APART = {
    "component": (UNPACKED, UNPACKED.replace("state.x", "state.y").replace("x = ", "y = ").replace("* x", "* y")),
    "function": (UNPACKED.replace("= state.x", "= np.sin(t)"), UNPACKED.replace("x = state.x", "cos = np.cos(t)").replace("* x", "* cos")),
    "import": (SINE, SINE.replace("import sin", "import cos")),
    "each object's own": (UNPACKED, UNPACKED.replace('"stiffness"', '"stiffness", "object"')),
    "order of components": (PAIR, PAIR.replace("(x,) + (2.0 * x,)", "(2.0 * x,) + (x,)")),
}


@pytest.mark.parametrize("how", APART)
def test_what_differs_by_more_than_its_own_names_is_no_twin(how):
    one, other = APART[how]
    assert one != other
    assert normalised(one) != normalised(other)
