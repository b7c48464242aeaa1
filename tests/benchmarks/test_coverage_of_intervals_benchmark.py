"""The benchmark of intervals draws problems whose truth it knows, and judges a fit's claims by it."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import coverage_of_intervals

    return coverage_of_intervals


def interval(benchmark, **changes):
    told = {"covered": True, "identified": True, "determined": True, "wrong": False} | changes
    return benchmark.Interval("free fall", "gravity", 0, 9.0, 9.1, 0.1, **told)


def figures(benchmark, *intervals, failed=False, wrong=False):
    outcome = benchmark.Outcome("free fall", 0, intervals, failed, wrong, 0.1, 10)
    return {(record.case, record.measure): record for record in benchmark.records_of([outcome])}


@pytest.mark.parametrize("seed", range(3))
def test_every_problem_is_drawn_within_what_its_law_allows(benchmark, seed):
    for case, draw in benchmark.CASES.items():
        rng = np.random.default_rng(seed)
        drawn = draw(rng)
        law = benchmark.find_law(drawn.law)
        clips = benchmark.clips_of(law, drawn, rng)
        free = {slot.name for slot in benchmark.Slots.of(law, clips[0].bodies, fixed=drawn.fixed).all}
        assert set(drawn.truth) | set(drawn.fixed) <= free, case
        assert drawn.lost <= set(drawn.truth)
        assert all(np.isfinite(clip.x).any(axis=0).all() for clip in clips)


@pytest.mark.parametrize(("case", "touch"), [("discs, masses given", True), ("discs that never touch", False)])
def test_discs_meet_where_they_should(benchmark, case, touch):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        drawn = benchmark.CASES[case](rng)
        clips = benchmark.clips_of(benchmark.find_law(drawn.law), drawn, rng)
        assert all(bool(clip.impacts) is touch for clip in clips)


@pytest.mark.parametrize(("case", "share"), [("5 % bad sightings", 0.05), ("25 % bad sightings", 0.25), ("free fall", 0.0)])
def test_bad_sightings_are_anywhere_in_the_scene(benchmark, case, share):
    off = []
    for seed in range(12):
        rng = np.random.default_rng([seed])
        drawn = benchmark.CASES[case](rng)
        law = benchmark.find_law(drawn.law)
        for clip, start in zip(benchmark.clips_of(law, drawn, rng), drawn.starts, strict=True):
            slots = benchmark.Slots.of(law, start.bodies, fixed={**drawn.truth, **drawn.fixed})
            values = slots.values(np.zeros((1, 0)))
            path = benchmark.simulate(law, values, law.project(start, values), benchmark.Schedule.of([clip.times], substeps=4))
            misses = np.hypot(clip.x - path.component("x")[0], clip.y - path.component("y")[0])
            off.append(misses[np.isfinite(misses)] > 0.06 * drawn.extent)
    found = np.concatenate(off).mean()
    assert 0.5 * share <= found <= 1.3 * share


def test_a_fit_that_is_off_by_more_than_any_table_is_wrong(benchmark, monkeypatch):
    right = benchmark.fit_law
    monkeypatch.setattr(benchmark, "fit_law", lambda *a, **k: dataclasses.replace(right(*a, **k), scale=3.0))
    assert benchmark.solve(("free fall", 0)).wrong
    monkeypatch.setattr(benchmark, "fit_law", right)
    assert not benchmark.solve(("free fall", 0)).wrong


def test_the_same_seed_gives_the_same_intervals(benchmark):
    first, second = (benchmark.solve(("constant acceleration", 4)) for _ in range(2))
    assert first.intervals == second.intervals
    assert {one.parameter for one in first.intervals} == {"ax", "ay"}
    assert all(one.identified and one.determined for one in first.intervals)


def test_coverage_counts_determined_parameters_of_right_fits(benchmark):
    found = figures(
        benchmark,
        interval(benchmark),
        interval(benchmark, covered=False),
        interval(benchmark, covered=False, wrong=True),
        interval(benchmark, determined=False, identified=False, covered=False),
        wrong=True,
    )
    assert found["all", "coverage"].value == 0.5
    assert found["all", "deviation_of_coverage"].value == pytest.approx(0.45)
    assert found["all", "coverage_with_wrong_minima"].value == pytest.approx(1 / 3, rel=1e-5)
    assert found["all", "wrong_minima"].value == 1
    assert found["all", "intervals"].value == 2
    assert found["free fall/gravity", "coverage"].value == 0.5


def test_false_claims_about_what_can_be_told_miss_their_goals(benchmark):
    found = figures(
        benchmark,
        interval(benchmark),
        interval(benchmark, identified=False),
        interval(benchmark, determined=False),
        interval(benchmark, determined=False, identified=False),
    )
    assert found["all", "undetermined_called_so"].value == 0.5
    assert found["all", "undetermined_called_so"].met is False
    assert found["all", "determined_called_undetermined"].value == 0.5
    assert found["all", "determined_called_undetermined"].met is False


def test_a_minimum_that_the_truth_beats_is_wrong(benchmark, monkeypatch):
    right = benchmark.fit_law

    def astray(law, clips, *, fixed, start=None):
        # without the truth the fit is held at a wrong gravity
        return right(law, clips, fixed=fixed, start=start) if start else right(law, clips, fixed={"gravity": 0.5}, free=["gravity"])

    class Held:
        def __init__(self, fit):
            self.fit = fit

        def __getattr__(self, name):
            return getattr(self.fit, name)

        @property
        def estimates(self):
            from dataclasses import replace

            return {name: replace(one, sigma=1e-6, low=one.value, high=one.value, fixed=False) for name, one in self.fit.estimates.items()}

    monkeypatch.setattr(benchmark, "fit_law", lambda *a, **k: Held(astray(*a, **k)))
    outcome = benchmark.solve(("free fall", 0))
    assert outcome.wrong
    assert not outcome.intervals[0].covered


def test_figures_are_printed_and_written(benchmark, tmp_path, capsys):
    target = tmp_path / "figures.json"
    arguments = ["--problems", "2", "--only", "free fall", "--only", "floor never reached", "--json", str(target)]
    assert benchmark.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "| free fall           | gravity     |    2 |" in printed
    assert "2 (must be 2)" in printed
    records = {(record["case"], record["measure"]): record for record in json.loads(target.read_text())}
    assert records["all", "intervals"]["value"] == 4
    assert records["all", "undetermined_called_so"]["value"] == 1.0


def test_senseless_options_are_refused(benchmark):
    with pytest.raises(SystemExit):
        benchmark.main(["--problems", "0"])
