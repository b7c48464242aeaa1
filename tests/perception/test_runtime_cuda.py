"""What only a GPU can show. Skipped where there is none."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from kinescribe.perception.grounded_sam.runtime import Runtime, resize, staged

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def pictures(count, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, 120, 200, 3), np.uint8))


def test_upload_and_resize_equal_the_cpus():
    gpu, cpu = Runtime.choose("cuda"), Runtime.choose("cpu")
    batches = [pictures(8, seed) for seed in range(12)]
    sent = [gpu.upload(batch) for batch in batches]  # more than there are buffers, so that each is refilled
    for batch, there in zip(batches, sent, strict=True):
        here = cpu.upload(batch)
        assert torch.equal(there.cpu(), here)
        assert (resize(there, (64, 90)).cpu() - resize(here, (64, 90))).abs().max() <= 1


def test_memory_that_runs_out_halves_the_batch():
    gpu = Runtime.choose("cuda", batch_size=16)
    total = torch.cuda.get_device_properties(0).total_memory

    def run(batch):
        torch.empty(len(batch) * (total // 10), dtype=torch.uint8, device=gpu.device)
        return batch

    assert gpu.in_batches(run, range(20)) == list(range(20))
    assert gpu.warnings[0].startswith("GPU memory ran out at 16 pictures a batch; going on with ")


@pytest.mark.slow
def test_compiled_with_graphs_equals_eager_in_any_thread():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.GELU(), nn.Conv2d(16, 8, 3)).eval()
    plain, compiled = Runtime.choose("cuda"), Runtime.choose("cuda", compile=True, batch_size=4)
    x = [torch.rand(3, 32, 32, device="cuda") for _ in range(10)]
    with plain.autocast():
        expected = net.cuda()(torch.stack(x)).float()
    compiled.place(net)

    def run(batch):
        with compiled.autocast():
            return list(net(torch.stack(batch)))

    compiled.warm_up(run, x[0])
    assert compiled.warnings == []
    inside = []

    def stage(batch):
        inside.append(threading.current_thread())
        return compiled.in_batches(run, batch)

    for made in ([compiled.in_batches(run, x)], staged([x], stage)):
        assert (torch.stack(next(iter(made))).float() - expected).abs().max() < 0.02
    assert compiled.warnings == []
    assert inside[0] is not threading.main_thread()
