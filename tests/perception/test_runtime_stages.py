import gc
import threading
import time
import traceback

import pytest

from kinescribe.errors import UsageError
from kinescribe.perception.grounded_sam.runtime import staged


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    gc.collect()
    assert set(threading.enumerate()) <= before


def test_items_pass_all_stages_in_order():
    assert list(staged(range(50), lambda x: x + 1, lambda x: x * 2)) == [2 * (i + 1) for i in range(50)]
    assert list(staged([], lambda x: x)) == []
    assert list(staged("abc")) == ["a", "b", "c"]


def test_none_is_an_item():
    assert list(staged([None, 1, None], lambda x: x)) == [None, 1, None]


def test_source_and_stages_work_at_the_same_time():
    together = threading.Barrier(3)  # breaks unless all three are in the middle of an item at once

    def source():
        yield from "abc"
        together.wait(10)

    def first(x):
        if x == "b":
            together.wait(10)
        return x

    def second(x):
        if x == "a":
            together.wait(10)
        return x

    assert list(staged(source(), first, second, depth=2)) == ["a", "b", "c"]


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_items_under_way_are_bounded(depth):
    lock = threading.Lock()
    count = {"now": 0, "most": 0}

    def source():
        for i in range(60):
            with lock:
                count["now"] += 1
                count["most"] = max(count["most"], count["now"])
            yield i

    stages = (lambda x: x, lambda x: x)
    taken = 0
    for _ in staged(source(), *stages, depth=depth):
        time.sleep(0.002)  # a slow consumer, so that everything fills up
        taken += 1
        with lock:
            count["now"] -= 1
    assert taken == 60
    assert depth < count["most"] <= (len(stages) + 1) * (depth + 1) + 1


def fails_at_three(x):
    if x == 3:
        raise ValueError("three is too much")
    return x


@pytest.mark.parametrize("place", [0, 1, 2])
def test_exceptions_arrive_after_the_results_before_them_with_their_traceback(place):
    def source():
        for i in range(1000):
            yield fails_at_three(i) if place == 0 else i

    stages = [fails_at_three if place == k else (lambda x: x) for k in (1, 2)]
    made = staged(source(), *stages)
    assert [next(made) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three is too much") as raised:
        next(made)
    assert "fails_at_three" in [entry.name for entry in traceback.extract_tb(raised.value.__traceback__)]


def test_interrupts_in_a_stage_arrive_too():
    def stage(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(staged(range(3), stage))


def test_a_consumer_that_stops_ends_the_threads_and_closes_the_source():
    closed = threading.Event()

    def endless():
        i = 0
        try:
            while True:
                yield i
                i += 1
        finally:
            closed.set()

    made = staged(endless(), lambda x: x, lambda x: x)
    assert [next(made) for _ in range(3)] == [0, 1, 2]
    made.close()
    assert closed.is_set()


def test_a_consumer_that_raises_ends_the_threads():
    def consume():
        for item in staged(iter(int, 1), lambda x: x):
            raise KeyboardInterrupt(item)

    with pytest.raises(KeyboardInterrupt):
        consume()


def test_a_source_that_fails_when_closed_is_heard():
    class Source:
        def __iter__(self):
            return self

        def __next__(self):
            raise StopIteration

        def close(self):
            raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        list(staged(Source(), lambda x: x))


def test_something_that_is_no_source():
    with pytest.raises(TypeError, match="not iterable"):
        list(staged(3, lambda x: x))


def test_nothing_starts_before_it_is_asked_for():
    read = []

    def source():
        read.append(1)
        yield 1

    made = staged(source(), lambda x: x)
    assert not read
    assert list(made) == [1]


def test_depth_must_let_something_through():
    with pytest.raises(UsageError, match="depth of 0"):
        staged([1], depth=0)


def test_stages_can_be_stages_of_stages():
    inner = staged(range(10), lambda x: x + 1)
    assert list(staged(inner, lambda x: -x)) == [-i for i in range(1, 11)]
