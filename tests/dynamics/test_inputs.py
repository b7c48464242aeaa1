"""Known inputs: files that are wrong say where, values hold until the next."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.dynamics import Inputs
from kinescribe.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it has nothing"),
        ("t,force\n0,1\n", "column time_s"),
        ("time_s,force\n", "no rows"),
        ("time_s,force\n0,1\n0.1,up\n", "line 3: force is 'up', not a number"),
        ("time_s,force\n0,1\n\n0.1,2,3\n", "line 4 has 3 cells for 2 columns"),
        ("time_s,force\n0,1\n0,2\n", "must ascend: 0 s comes after 0 s"),
        ("time_s,force\n0,1\n1,nan\n", "input 'force' has a value that is not finite at 1 s"),
        ("time_s,force\nnan,1\n", "finite numbers"),
        ("time_s,force,force\n0,1,2\n", "name of its own"),
        ("time_s,\n0,1\n", "name of its own"),
        ("time_s,force\n0," + "9" * 200_000 + "\n", "line 2|too"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path, text, says):
    path = tmp_path / "push.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        Inputs.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_or_not_there(tmp_path):
    path = tmp_path / "push.csv"
    with pytest.raises(InputError, match="No such file"):
        Inputs.read(path)
    path.write_bytes(b"\xff\xfe\x00time_s")
    with pytest.raises(InputError, match="UTF-8"):
        Inputs.read(path)


def test_a_file_is_read_with_its_names(tmp_path):
    path = tmp_path / "push.csv"
    path.write_text("\ufeff time_s, force ,times,cls\n0,1,5,7\n\n0.5,2,6,8\n")
    found = Inputs.read(path)
    assert list(found.columns) == ["force", "times", "cls"]
    np.testing.assert_array_equal(found.times, [0, 0.5])
    np.testing.assert_array_equal(found.columns["times"], [5, 6])


def test_values_hold_until_the_next_and_at_both_ends():
    found = Inputs.of([1.0, 2.0, 4.0], force=[10.0, 20.0, 40.0])
    np.testing.assert_array_equal(found.at([0.0, 1.0, 1.9, 2.0, 3.999, 4.0, 99.0])["force"], [10, 10, 10, 20, 20, 40, 40])
    np.testing.assert_array_equal(found.at([[1.0], [2.0]])["force"], [[10], [20]])
    # a time that is off by rounding is that time
    assert found.at(2.0 - 1e-12)["force"] == 20


def test_unequal_lengths_are_refused():
    with pytest.raises(UsageError, match="'force' has 3 values for 2 times"):
        Inputs.of([0, 1], force=[1, 2, 3])
    with pytest.raises(UsageError, match="at least one"):
        Inputs.of([], force=[])


def test_what_a_law_needs_must_be_there_and_last():
    found = Inputs.of([0.0, 0.1, 0.2], force=[1, 2, 3])
    found.require(["force"], 0.3, "cart")
    with pytest.raises(UsageError, match=r"end at 0.2 s and the motion runs to 0.5 s"):
        found.require(["force"], 0.5, "cart")
    with pytest.raises(UsageError, match="law cart needs the input 'wind'; given: force"):
        found.require(["wind"], 0.1, "cart")
    # one value is a constant, and no input is no need
    Inputs.of([0.0], force=[1]).require(["force"], 99.0, "cart")
    found.require([], 99.0, "cart")
