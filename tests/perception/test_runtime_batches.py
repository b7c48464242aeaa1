import threading
import weakref

import pytest
import torch

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.perception.grounded_sam.runtime.batching import Batches, is_out_of_memory

CPU_WORDS = "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."


def runtime(size=8):
    return Runtime.choose("cpu", batch_size=size)


class Model:
    """Doubles numbers, and runs out of memory at more than `room` of them at once."""

    def __init__(self, room, error=None):
        self.room = room
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        self.seen = []

    def run(self, batch):
        self.seen.append(len(batch))
        if len(batch) > self.room:
            raise self.error
        return [2 * item for item in batch]


def test_batches_keep_the_order_and_hold_what_they_should():
    model = Model(100)
    made = runtime(4).in_batches(model.run, range(10))
    assert made == [2 * i for i in range(10)]
    assert model.seen == [4, 4, 2]
    assert runtime(4).in_batches(model.run, []) == []


def test_size_of_this_call():
    model = Model(100)
    runtime(4).in_batches(model.run, list(range(10)), size=7)
    assert model.seen == [7, 3]
    with pytest.raises(UsageError, match="at least 1"):
        runtime(4).in_batches(model.run, [1], size=0)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError(CPU_WORDS),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError("Unable to allocate 4.00 GiB for an array"),
    ],
)
def test_out_of_memory_halves_the_batch_and_remembers(error):
    model, here = Model(3, error), runtime(16)
    assert here.in_batches(model.run, range(20)) == [2 * i for i in range(20)]
    assert model.seen == [16, 8, 4] + [2] * 10
    model.seen.clear()
    assert here.in_batches(model.run, range(5)) == [0, 2, 4, 6, 8]
    assert model.seen == [2, 2, 1]
    assert here.warnings == ["memory ran out at 16 pictures a batch; going on with 2"]


def test_the_gpus_memory_is_called_so():
    batches = Batches(16, "mps", [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.mps, "empty_cache", lambda: None)
        batches.run(Model(8).run, range(16))
    assert batches.warnings == ["GPU memory ran out at 16 pictures a batch; going on with 8"]


def test_what_was_done_before_memory_ran_out_is_not_done_again():
    calls = []

    def run(batch):
        calls.append(list(batch))
        if len(calls) == 2:
            raise torch.OutOfMemoryError("another program took it")
        return batch

    assert runtime(4).in_batches(run, range(8)) == list(range(8))
    assert calls == [[0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [6, 7]]


def test_sizes_are_remembered_for_each_function():
    here, small, large = runtime(8), Model(2), Model(100)
    here.in_batches(lambda batch: small.run(batch), range(8))
    here.in_batches(lambda batch: large.run(batch), range(8))
    assert small.seen == [8, 4, 2, 2, 2, 2]
    assert large.seen == [8]
    assert len(here.warnings) == 1


def test_memory_too_small_for_one_names_the_way_out():
    with pytest.raises(InputError, match=r"memory ran out at one picture a batch; use a smaller model or smaller pictures") as raised:
        runtime(4).in_batches(Model(0).run, range(4))
    assert isinstance(raised.value.__cause__, torch.OutOfMemoryError)
    with pytest.raises(InputError, match="--device cpu"):
        Batches(1, "cuda", []).run(Model(0).run, [1])


def test_a_batch_inside_a_batch_halves_the_outer_one():
    here, held = runtime(8), []

    def outer(batch):
        held.append(len(batch))

        def inner(part):
            if len(batch) > 2:  # what the outer batch holds leaves no room for a single item
                raise torch.OutOfMemoryError("full")
            return part

        return here.in_batches(inner, batch)

    assert here.in_batches(outer, range(5)) == list(range(5))
    assert held == [8 - 3, 2, 2, 1]


def test_tensors_of_the_failed_batch_are_freed_before_the_next():
    class Held:
        pass

    alive, left = [], []

    def run(batch):
        left.append([one() for one in alive if one() is not None])
        held = Held()
        alive.append(weakref.ref(held))
        if len(batch) > 1:
            raise torch.OutOfMemoryError("full")
        return batch

    assert runtime(4).in_batches(run, range(2)) == [0, 1]
    assert left == [[], [], []]


def test_other_errors_pass_through():
    def run(batch):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        runtime().in_batches(run, range(4))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_a_function_that_loses_items_is_a_defect():
    with pytest.raises(ValueError, match="1 results for 2 items"):
        runtime().in_batches(lambda batch: batch[:1], range(2))


def test_batches_of_compiled_models_are_filled_up():
    here, seen = runtime(8), []

    def run(batch):
        seen.append(list(batch))
        here._count_compiled()
        return batch

    assert here.in_batches(run, range(19)) == list(range(19))
    assert [len(batch) for batch in seen] == [8, 8, 8]
    assert seen[2] == [16, 17, 18, 18, 18, 18, 18, 18]
    seen.clear()
    here.in_batches(run, range(2))
    assert [len(batch) for batch in seen] == [8]


def test_compiled_shapes_are_few():
    here, seen = runtime(16), set()

    def run(batch):
        seen.add(len(batch))
        here._count_compiled()
        return batch

    for count in (3, 5, 6, 7, 9, 11, 13, 2, 4, 15):
        assert here.in_batches(run, range(count)) == list(range(count))
    assert seen == {3, 8, 16}


def two_devices(size=2):
    return Runtime([torch.device("cpu"), torch.device("cpu")], torch.float32, batch_size=size)


def test_replicas_work_at_the_same_time_and_keep_the_order():
    built = []
    both_at_work = threading.Barrier(2)

    def build(single):
        assert single.devices == (torch.device("cpu"),)
        built.append(single)
        return {"number": len(built), "batches": 0}

    here = two_devices()
    models = here.replicate(build)
    assert len(models.models) == 2
    assert models.first is models.models[0]

    def run(model, single, batch):
        assert single is built[model["number"] - 1]
        if model["batches"] == 0:
            both_at_work.wait(10)  # breaks unless each device has a thread of its own
        model["batches"] += 1
        return [item * 10 for item in batch]

    assert models.in_batches(run, range(11)) == [item * 10 for item in range(11)]
    assert sum(model["batches"] for model in models.models) == 6
    assert models.in_batches(run, []) == []


def test_one_device_needs_no_threads():
    models = runtime(2).replicate(lambda single: single)

    def run(model, single, batch):
        assert model is single
        assert threading.current_thread() is threading.main_thread()
        return batch

    assert models.in_batches(run, range(5)) == list(range(5))


def test_replicas_halve_too_and_share_the_warnings():
    here = two_devices(4)
    models = here.replicate(lambda single: Model(2))

    def run(model, single, batch):
        return model.run(batch)

    assert models.in_batches(run, range(16)) == [2 * i for i in range(16)]
    assert set(here.warnings) == {"memory ran out at 4 pictures a batch; going on with 2"}


def test_an_exception_of_a_replica_reaches_the_caller():
    models = two_devices(1).replicate(lambda single: None)

    def run(model, single, batch):
        if batch == [3]:
            raise RuntimeError("broken")
        return batch

    with pytest.raises(RuntimeError, match="broken"):
        models.in_batches(run, range(100))
    assert models.in_batches(run, range(3)) == [0, 1, 2]


def test_warm_up_runs_a_full_batch():
    here, model = runtime(8), Model(3)
    here.warm_up(model.run, 7)
    assert model.seen == [8, 4, 2, 2, 2, 2]
    model.seen.clear()
    here.warm_up(model.run, 7)
    assert model.seen == [2]
