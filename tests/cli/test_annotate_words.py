"""What stands on the command line of `kinescribe annotate`, as the library takes it."""

from __future__ import annotations

import pytest

from kinescribe.cli.annotate_words import split
from kinescribe.errors import UsageError


def test_bare_fractions_are_those_of_train_val_and_test():
    assert split("0.5,0.5") == {"train": 0.5, "val": 0.5}
    assert split("0.8,0.1,0.1") == {"train": 0.8, "val": 0.1, "test": 0.1}


@pytest.mark.parametrize("text", ["0.25,0.25,0.25,0.25", "0.5,train=0.5", "val=0.5,0.5", "", ","])
def test_a_split_that_cannot_be_understood_is_refused(text: str):
    with pytest.raises(UsageError, match=r"--split .* must be fractions"):
        split(text)
