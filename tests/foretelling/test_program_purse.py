"""Questions are counted, for a part and for the whole."""

from __future__ import annotations

import pytest
from program_answers import ProgramModel

from kinescribe.errors import UsageError
from kinescribe.foretelling.programs.purse import Purse
from kinescribe.llm import BudgetExceededError, Message

ASK = [Message.user("why?")]


def test_a_part_spends_the_whole():
    model = ProgramModel(law="so")
    whole = Purse.of(model, 5)
    part = whole.part(2)
    assert [part.ask(ASK).text for _ in range(2)] == ["so", "so"]
    with pytest.raises(BudgetExceededError, match="--max-calls"):
        part.ask(ASK)
    assert (part.left, whole.left, len(model.asked)) == (0, 3, 2)
    assert whole.part(100).left == 3
    assert whole.part(-1).left == 0


def test_a_part_ends_with_the_whole():
    whole = Purse.of(ProgramModel(law="so"), 2)
    one, other = whole.part(2), whole.part(2)
    one.ask(ASK)
    other.ask(ASK)
    assert one.left == other.left == whole.left == 0
    with pytest.raises(BudgetExceededError):
        one.ask(ASK)


def test_what_fails_is_counted_too():
    whole = Purse.of(ProgramModel(law=[BudgetExceededError("no"), "so"]), 2)
    with pytest.raises(BudgetExceededError, match="no"):
        whole.ask(ASK)
    assert whole.left == 1


@pytest.mark.parametrize("calls", [0, -3, 41, 2.5, True, "7"])
def test_a_number_that_makes_no_sense_is_refused(calls: object):
    with pytest.raises(UsageError, match="1 to 40"):
        Purse.of(ProgramModel(), calls)  # type: ignore[arg-type]
