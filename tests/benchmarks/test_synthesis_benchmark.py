"""The benchmark of synthesis counts calls, and holds one strategy against the others."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from kinescribe.dynamics.fitting import fit_law
from kinescribe.evaluation.worlds import find_world


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import synthesis

    return synthesis


def runs(benchmark, model, strategy, *calls, deviations=(0.5, -1.0)):
    return [benchmark.Run("w", model, strategy, one, deviations if one else (), one is None) for one in calls]


def test_figures_hold_one_strategy_against_the_others(benchmark):
    some = [
        *runs(benchmark, "wrong sign", "rex", 2, 4, None),
        *runs(benchmark, "wrong sign", "best-first", 6, None, None),
        *runs(benchmark, "wrong sign", "resample", None, None, None),
        *runs(benchmark, "right once in four", "rex", 1, 1, 3, deviations=(2.5, 0.0)),
        *runs(benchmark, "right once in four", "best-first", 1, 1, 1),
    ]
    seen = [benchmark.Seen("w", 8.0, "free-fall", 1.0, tuple(some)), benchmark.Seen("v", 2.0, "rest", 1.0, ())]
    records = {(one.case, one.measure): one for one in benchmark.records_of(seen)}
    assert records["library", "least residuals"].value == 2.0
    assert records["library", "least residuals"].met is False
    assert records["wrong sign/rex", "right law"].value == pytest.approx(2 / 3, rel=1e-5)
    assert records["wrong sign/rex", "calls"].value == pytest.approx((2 + 4 + 13) / 3, rel=1e-5)
    assert records["wrong sign/rex", "calls"].goal == pytest.approx((6 + 13 + 13) / 3, rel=1e-5)
    assert records["wrong sign/rex", "calls"].met
    assert records["right once in four/rex", "calls"].met is False
    assert records["right once in four/rex", "right law"].met
    assert records["wrong sign/best-first", "calls"].goal is None
    assert records["all", "parameters within 2σ"].value == pytest.approx(15 / 18, rel=1e-5)


def test_a_run_in_a_world_is_told(benchmark):
    """Right is what computes the same as the true law, and won; the call counts that brought it first."""
    world = find_world("cubic drag")
    fit = fit_law(world.law, world.clips(0))
    tries = [SimpleNamespace(call=k, source=source) for k, source in enumerate((*world.decoys, world.equivalents[0], world.source), 1)]
    spelt = tries[-1].source.replace("slow", "drag_of_air").replace("class CubicDrag", "class Other")
    tries[-1].source = spelt
    run = SimpleNamespace(winner=tries[-1], attempts=tries, fit=fit, strategy="rex")
    right = benchmark.told(world, "slowly improving", run)
    assert right.calls == len(world.decoys) + 1
    assert not right.library_won
    assert len(right.deviations) == len(world.values)
    assert max(map(abs, right.deviations)) < 4.0
    wrong = benchmark.told(world, "slowly improving", SimpleNamespace(**{**vars(run), "winner": tries[0]}))
    assert wrong.calls is None
    assert wrong.deviations == ()
    none = benchmark.told(world, "hostile", SimpleNamespace(**{**vars(run), "winner": None}))
    assert none.library_won


def test_a_program_is_fitted_once_and_as_the_sandbox_would(benchmark):
    world = find_world("lift")
    judge = benchmark.Here(world.clips(0))
    first = judge(world.source)
    assert judge(world.source) is first
    walled = benchmark.Judge(world.clips(0))(world.source)
    assert first.fit.theta.tolist() == walled.fit.theta.tolist()
    assert first.score == walled.score
