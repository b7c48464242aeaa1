"""Work shared by threads."""

from __future__ import annotations

import threading

import pytest

from kinescribe.perception import threads
from kinescribe.perception.threads import SideBySide


@pytest.mark.parametrize("count", [0, 1, 3, 4, 11])
@pytest.mark.parametrize("cores", [1, 2])
def test_each_is_done_once(monkeypatch: pytest.MonkeyPatch, count: int, cores: int) -> None:
    monkeypatch.setattr(threads, "cores", lambda: cores)
    done: list[int] = []
    names = set()

    def work(item: int) -> None:
        names.add(threading.current_thread().name)
        done.append(item)

    with SideBySide() as both:
        for _ in range(3):
            both.each(work, range(count))
    assert sorted(done) == sorted([*range(count)] * 3)
    assert len(names) == (2 if cores == 2 and count >= 4 else min(count, 1))


@pytest.mark.parametrize("bad", [2, 3])
def test_what_fails_in_either_thread_reaches_the_caller(monkeypatch: pytest.MonkeyPatch, bad: int) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)

    def work(item: int) -> None:
        if item == bad:
            raise ValueError(f"item {item}")

    with SideBySide() as both:
        with pytest.raises(ValueError, match=f"item {bad}"):
            both.each(work, range(6))
        both.each(lambda _: None, range(6))  # still at work
