"""Models that are programs: what they write, and what they are asked."""

from __future__ import annotations

import ast

import pytest

from kinescribe.dynamics.sandbox import complaints
from kinescribe.errors import UsageError
from kinescribe.evaluation.scripted import AlwaysWrong, Deceptive, Hostile, RightAtOnce, RightOnceIn, SlowlyImproving, Writer, WrongSign
from kinescribe.evaluation.scripted.hostile import ANSWERS, PROGRAMS
from kinescribe.evaluation.worlds import WORLDS, find_world
from kinescribe.llm import AnswerError, BudgetExceededError, Message, Model, Settings
from kinescribe.llm.extraction import fenced_blocks

WORLD = find_world("cubic drag")
EVERY = (RightAtOnce, RightOnceIn, WrongSign, SlowlyImproving, Deceptive, AlwaysWrong, Hostile)


def proposed(model: Model, count: int = 4) -> list[str]:
    reply = model.ask([Message.system("You write laws."), Message.user(f"Write {count} different programs.")])
    return [block.strip() for block in fenced_blocks(reply.text)]


def repaired(model: Model, source: str) -> str:
    reply = model.ask([Message.user(f"Mend this.\n\n```python\n{source.strip()}\n```\n\nIt drifts after 0.3 s.")])
    (block,) = fenced_blocks(reply.text)
    return block.strip()


def is_decoy(source: str) -> bool:
    """Up to a start."""
    return shape(source) in {shape(decoy) for decoy in WORLD.decoys}


def shape(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            node.value = 0.0
    return ast.dump(tree)


@pytest.mark.parametrize("kind", EVERY)
def test_the_same_seed_gives_the_same_answers(kind: type[Writer]):
    def told(seed: int) -> list[str]:
        model = kind(WORLD, seed)
        return [model.ask([Message.user("Write 4 different programs.")]).text for _ in range(6)]

    assert told(3) == told(3)
    assert told(3) != told(4)


@pytest.mark.parametrize("kind", [RightOnceIn, SlowlyImproving, Deceptive, AlwaysWrong, Hostile, WrongSign])
def test_luck_is_that_of_the_question_whatever_was_asked_before(kind: type[Writer]):
    """The third question gets the same answer, whether a repair or a proposal came before it."""
    one, other = kind(WORLD, 7), kind(WORLD, 7)
    proposed(one)
    proposed(one)
    proposed(other)
    other.ask([Message.user(f"Mend this.\n```python\n{WORLD.decoys[0]}```")])
    question = [Message.user("Write 4 different programs.")]
    assert one.ask(question).text == other.ask(question).text


@pytest.mark.parametrize("kind", [RightAtOnce, RightOnceIn, WrongSign, SlowlyImproving, Deceptive, AlwaysWrong])
@pytest.mark.parametrize("count", [1, 4, 6])
def test_as_many_programs_as_are_asked_for(kind: type[Writer], count: int):
    programs = proposed(kind(WORLD), count)
    assert len(programs) == count
    assert not any(complaints(program) for program in programs)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_decoys_with_other_starts_may_run_and_keep_to_their_bounds(world):
    from kinescribe.dynamics.sandbox import law_of_source

    for program in fenced_blocks(AlwaysWrong(world, 1).ask([Message.user("Write 4 different programs.")]).text):
        assert not complaints(program)
        assert law_of_source(program, trust=True).parameters


def test_right_at_once():
    model = RightAtOnce(WORLD)
    assert proposed(model)[0] == WORLD.source.strip()
    assert repaired(model, WORLD.decoys[0]) == WORLD.source.strip()


def test_right_once_in_four():
    right = [program == WORLD.source.strip() for seed in range(100) for program in proposed(RightOnceIn(WORLD, seed))]
    assert 0.17 < sum(right) / len(right) < 0.33
    mended = [repaired(RightOnceIn(WORLD, seed, n=2), WORLD.steps[0]) == WORLD.source.strip() for seed in range(100)]
    assert 35 < sum(mended) < 65


def test_right_once_in_less_than_one():
    with pytest.raises(UsageError, match="not once in 0"):
        RightOnceIn(WORLD, n=0)


def test_a_wrong_sign_is_mended_where_its_program_is_repaired():
    programs = proposed(WrongSign(WORLD))
    assert programs[0] == WORLD.wrong_sign.strip()
    assert all(is_decoy(program) for program in programs[1:])
    mended = [repaired(WrongSign(WORLD, seed), WORLD.wrong_sign) for seed in range(60)]
    assert set(mended) == {WORLD.source.strip(), WORLD.wrong_sign.strip()}
    assert 15 < mended.count(WORLD.source.strip()) < 45
    assert all(is_decoy(repaired(WrongSign(WORLD, seed), WORLD.decoys[0])) for seed in range(20))


def test_slow_improvement_goes_step_by_step():
    chain = [step.strip() for step in (*WORLD.steps, WORLD.source)]
    assert proposed(SlowlyImproving(WORLD))[0] == chain[0]
    for k in range(len(WORLD.steps)):
        after = [repaired(SlowlyImproving(WORLD, seed), chain[k]) for seed in range(60)]
        assert set(after) == {chain[k + 1], chain[k], chain[max(k - 1, 0)]}
        assert 15 < after.count(chain[k + 1]) < 45
    assert is_decoy(repaired(SlowlyImproving(WORLD), WORLD.decoys[1]))


def test_deception_hides_one_step_among_decoys():
    places = set()
    for seed in range(30):
        programs = proposed(Deceptive(WORLD, seed))
        (place,) = [k for k, program in enumerate(programs) if program == WORLD.steps[0].strip()]
        assert sum(map(is_decoy, programs)) == len(programs) - 1
        places.add(place)
    assert len(places) > 1
    assert is_decoy(repaired(Deceptive(WORLD), WORLD.decoys[0]))


def test_always_wrong():
    model = AlwaysWrong(WORLD)
    assert all(is_decoy(program) for program in proposed(model))
    assert all(is_decoy(repaired(model, source)) for source in (WORLD.wrong_sign, WORLD.steps[-1]))


def test_hostile_answers_are_of_every_kind_and_none_is_the_law():
    seen = "\n".join(Hostile(WORLD, seed).ask([Message.user("Write 4 different programs.")]).text for seed in range(200))
    assert all(text.strip()[:60] in seen for text in ANSWERS.values())
    assert sum(program.strip().splitlines()[-1][:60] in seen for program in PROGRAMS.values()) == len(PROGRAMS)
    assert WORLD.source.strip() not in seen
    assert max(map(len, ANSWERS.values())) >= 100_000


def test_usage_counts_questions_tokens_and_money():
    model = RightAtOnce(WORLD, settings=Settings("scripted", "http://localhost/v1", price_in=3.0, price_out=15.0))
    reply = model.ask([Message.user("Write 4 different programs. " + "frame " * 300)])
    used = model.usage
    assert used.calls == 1
    assert used.prompt_tokens > 300
    assert used.completion_tokens == pytest.approx(len(reply.text) / 4, abs=1)
    assert used.cost == pytest.approx((3.0 * used.prompt_tokens + 15.0 * used.completion_tokens) / 1e6)
    assert reply.usage == used
    proposed(model)
    assert model.usage.calls == 2


def test_caps_hold():
    model = AlwaysWrong(WORLD, settings=Settings("scripted", "http://localhost/v1", max_calls=2))
    proposed(model)
    proposed(model)
    with pytest.raises(BudgetExceededError, match="cap of 2 calls"):
        proposed(model)


def test_no_answers_in_a_form():
    with pytest.raises(AnswerError, match="writes programs"):
        RightAtOnce(WORLD).ask([Message.user("Write 1 different programs.")], schema={"type": "object"})
