import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from kinescribe.errors import UsageError
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.perception.grounded_sam.runtime.devices import choose_batch_size, choose_devices, choose_dtype

CPU = (torch.device("cpu"),)


@pytest.fixture
def machine(monkeypatch):
    """A machine with GPUs of these sizes in GiB, with or without bf16, as far as choosing goes."""

    def build(*sizes, bf16=True, built=True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(sizes))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(sizes))
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bf16 or including_emulation)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU number {torch.device(device).index}")
        monkeypatch.setattr(torch.cuda, "device", lambda device: _Nothing())
        total = [int(size * 2**30) for size in sizes]
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=total[device.index]))
        monkeypatch.setattr(torch.version, "cuda", "13.0" if built else None)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    return build


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def names(devices):
    return [str(device) for device in devices]


def test_auto_takes_the_first_gpu_else_the_cpu(machine):
    machine()
    assert names(choose_devices("auto")) == ["cpu"]
    machine(24, 24)
    assert names(choose_devices("auto")) == ["cuda:0"]


def test_auto_takes_metal_where_there_is_no_cuda(machine, monkeypatch):
    machine()
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert names(choose_devices("auto")) == ["mps"]
    assert names(choose_devices("mps")) == ["mps"]


def test_every_form_of_a_device(machine):
    machine(24, 24, 24)
    assert names(choose_devices("CUDA")) == ["cuda:0"]
    assert names(choose_devices("cuda:2")) == ["cuda:2"]
    assert names(choose_devices("cuda:2, 0")) == ["cuda:2", "cuda:0"]
    assert names(choose_devices(" cpu ")) == ["cpu"]


@pytest.mark.parametrize("spec", ["", "gpu", "cuda:", "cuda:a", "cuda:-1", "cuda:0;1", "cuda:0,,1", "cpu:7", "cuda:99999999"])
def test_what_means_no_device_is_refused_with_what_is_allowed(machine, spec):
    machine(24)
    with pytest.raises(UsageError, match="unknown device") as raised:
        choose_devices(spec)
    assert "cuda:0,1" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_cuda_the_message_says_why_and_names_the_way_out(machine):
    machine(built=False)
    with pytest.raises(UsageError, match=r"device 'cuda:1': torch .* is built without CUDA; .* --device cpu"):
        choose_devices("cuda:1")
    machine(built=True)
    with pytest.raises(UsageError, match=r"device 'cuda': torch finds no CUDA GPU; .*nvidia-smi.* --device cpu"):
        choose_devices("cuda")


def test_wrong_indices(machine):
    machine(24, 24)
    with pytest.raises(UsageError, match=r"there is no cuda:2 here; available: cuda:0, cuda:1, cpu"):
        choose_devices("cuda:0,2")
    with pytest.raises(UsageError, match="names a GPU twice"):
        choose_devices("cuda:1,1")


def test_no_metal(machine):
    machine()
    with pytest.raises(UsageError, match=r"device 'mps'.*--device cpu"):
        choose_devices("mps")


def test_torch_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r"pip install 'kinescribe\[sam\]'"):
        choose_devices("auto")


def test_precision_on_gpus_follows_what_they_can(machine):
    machine(24, bf16=True)
    gpus = choose_devices("cuda")
    assert choose_dtype("auto", gpus) == torch.bfloat16
    assert choose_dtype("fp16", gpus) == torch.float16
    assert choose_dtype("fp32", gpus) == torch.float32
    machine(24, bf16=False)
    assert choose_dtype("auto", gpus) == torch.float16
    with pytest.raises(UsageError, match=r"precision 'bf16': GPU number 0 \(cuda:0\) lacks bf16; use --precision fp16"):
        choose_dtype("bf16", gpus)


def test_precision_elsewhere():
    assert choose_dtype("auto", CPU) == torch.float32
    assert choose_dtype("bf16", CPU) == torch.bfloat16
    with pytest.raises(UsageError, match="unknown precision 'bf61'; did you mean 'bf16'"):
        choose_dtype("bf61", CPU)


def test_batch_size_follows_the_smallest_gpu(machine):
    machine(80, 23.6, 11.9, 5.8)
    assert choose_batch_size(choose_devices("cuda:0")) == 16
    assert choose_batch_size(choose_devices("cuda:0,1")) == 16
    assert choose_batch_size(choose_devices("cuda:0,2")) == 8
    assert choose_batch_size(choose_devices("cuda:0,1,2,3")) == 4
    assert choose_batch_size(CPU) == 1


def test_choose_and_describe(machine):
    machine()
    runtime = Runtime.choose("cpu", precision="bf16", batch_size=3)
    assert (runtime.device.type, runtime.dtype, runtime.batch_size, runtime.compile, runtime.warnings) == (
        "cpu",
        torch.bfloat16,
        3,
        False,
        [],
    )
    told = runtime.describe()
    assert told == {"devices": "cpu", "precision": "bfloat16", "batch_size": "3", "compiled": "no", "torch": str(torch.__version__)}


@pytest.mark.parametrize("size", [0, -4])
def test_batches_that_hold_nothing(size):
    with pytest.raises(UsageError, match="--batch-size"):
        Runtime.choose("cpu", batch_size=size)


def test_importing_the_package_does_not_import_torch():
    code = "import kinescribe.perception.grounded_sam.runtime, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
