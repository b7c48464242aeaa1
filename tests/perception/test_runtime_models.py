import os
import threading

import numpy as np
import pytest
import torch
from torch import nn

from kinescribe.errors import InputError
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.perception.grounded_sam.runtime.compiling import cache_folder, compile_in_place


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)
        self.norm = nn.LayerNorm(8)
        self.words = nn.Embedding(5, 8)
        self.linear = nn.Linear(8, 5, bias=False)
        self.linear.weight = self.words.weight  # shared with an embedding
        self.out = nn.Linear(8, 4)
        self.free = nn.Parameter(torch.ones(8))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        features = self.norm(self.convolution(x).mean((2, 3))) * self.free
        return {"out": self.out(self.dropout(features)), "words": self.linear(features)}


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net()


def test_place_makes_a_model_ready_to_run(net):
    placed = Runtime.choose("cpu").place(net)
    assert placed is net
    assert not placed.training
    assert all(not p.requires_grad and p.dtype == torch.float32 for p in placed.parameters())


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_only_the_weights_of_products_are_lowered(net, precision, dtype):
    here = Runtime.choose("cpu", precision=precision)
    pictures = torch.rand(2, 3, 9, 9)
    with torch.inference_mode():
        exact = net.eval()(pictures)
    here.place(net)
    kinds = {name: parameter.dtype for name, parameter in net.named_parameters()}
    assert kinds["convolution.weight"] == kinds["convolution.bias"] == kinds["out.weight"] == dtype
    assert kinds["norm.weight"] == kinds["words.weight"] == kinds["free"] == torch.float32
    assert net.linear.weight is net.words.weight
    with here.autocast():
        made = net(pictures)
    assert made["out"].dtype == made["words"].dtype == dtype
    for name in made:
        assert (made[name].float() - exact[name]).norm() < 0.02 * exact[name].norm()


def test_autocast_leaves_no_gradients_and_no_trace(net):
    here = Runtime.choose("cpu")
    with here.autocast():
        made = net(torch.rand(1, 3, 9, 9))["out"]
        assert torch.is_inference_mode_enabled()
    assert made.dtype == torch.float32
    assert not made.requires_grad
    assert not torch.is_inference_mode_enabled()
    assert not torch.is_autocast_enabled("cpu")


def test_a_model_that_does_not_fit():
    class Huge(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 2)

        def to(self, *_):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(InputError, match=r"Huge \(0.0 GB\) doesn't fit into the memory of cpu; use a smaller model"):
        Runtime.choose("cpu").place(Huge())


def test_compiled_equals_eager_and_says_that_it_ran(net):
    pictures = torch.rand(2, 3, 9, 9)
    with torch.inference_mode():
        eager = net.eval()(pictures)
    ran, warnings = [], []
    compile_in_place(net, warnings, graphs=False, ran=lambda: ran.append(1), backend="aot_eager")
    assert type(net) is Net
    with torch.inference_mode():
        made = net(pictures)
    assert ran == [1]
    assert warnings == []
    for name in eager:
        assert torch.allclose(made[name], eager[name], atol=1e-6)


def test_outputs_that_graphs_would_overwrite_are_copies():
    class Same(nn.Module):
        def forward(self, x):
            return [x, {"also": x}, "text"]

    module, x = Same(), torch.rand(3)
    compile_in_place(module, [], graphs=True, backend="eager")
    made = module(x)
    x.zero_()
    assert made[0].all()
    assert made[1]["also"].all()
    assert made[2] == "text"


def failing_backend(graph, inputs):
    raise RuntimeError("no compiler found\nlong story")


def test_a_failed_compilation_is_told_and_the_model_runs_uncompiled(net):
    warnings, ran = [], []
    pictures = torch.rand(1, 3, 9, 9)
    eager = net.eval()(pictures)["out"]
    compile_in_place(net, warnings, graphs=False, ran=lambda: ran.append(1), backend=failing_backend)
    for _ in range(2):
        assert torch.allclose(net(pictures)["out"], eager)
    assert len(warnings) == 1
    assert "Net could not be compiled" in warnings[0]
    assert "no compiler found" in warnings[0]
    assert "uncompiled" in warnings[0]
    assert "\n" not in warnings[0]
    assert not ran


def test_wrong_input_is_not_taken_for_a_failed_compilation(net):
    warnings = []
    compile_in_place(net.eval(), warnings, graphs=False, backend="eager")
    with pytest.raises(RuntimeError):
        net(torch.rand(1, 5, 9, 9))
    assert warnings == []
    assert net(torch.rand(1, 3, 9, 9))["out"].shape == (1, 4)


def test_out_of_memory_in_a_compiled_model_is_left_to_the_batches():
    class Full(nn.Module):
        calls = 0

        @torch.compiler.disable
        def fill(self, x):
            Full.calls += 1
            raise torch.OutOfMemoryError("full")

        def forward(self, x):
            return self.fill(x + 1)

    module, warnings = Full(), []
    compile_in_place(module, warnings, graphs=False, backend="eager")
    with pytest.raises(torch.OutOfMemoryError):
        module(torch.rand(2))
    assert Full.calls == 1
    assert warnings == []


@torch._dynamo.config.patch(recompile_limit=2)
def test_too_many_shapes_are_told():
    class Double(nn.Module):
        def forward(self, x):
            return x * 2

    module, warnings = Double(), []
    compile_in_place(module, warnings, graphs=False, backend="eager")
    for count in (1, 2, 1, 3, 4):
        assert module(torch.ones(count)).tolist() == [2.0] * count
    assert warnings == ["Double is compiled for 2 shapes of input, torch's limit; for others it runs uncompiled, which is slower"]


def test_parts_are_compiled_and_batches_filled_up(net, monkeypatch):
    from kinescribe.perception.grounded_sam.runtime import runtime as module

    compiled = []

    def note(part, warnings, **options):
        compiled.append(part)
        compile_in_place(part, warnings, **options, backend="eager")

    monkeypatch.setattr(module, "compile_in_place", note)
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    here = Runtime.choose("cpu", compile=True, batch_size=4)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(cache_folder())
    here.place(net, parts=("convolution", "out"))
    assert compiled == [net.convolution, net.out]
    seen = []

    def run(batch):
        seen.append(len(batch))
        with here.autocast():
            return list(net(torch.from_numpy(np.stack(batch)))["out"])

    items = list(np.random.default_rng(0).random((6, 3, 9, 9), np.float32))
    made = here.in_batches(run, items)
    assert seen == [4, 4]
    with torch.inference_mode():
        expected = net(torch.from_numpy(np.stack(items)))["out"]
    assert torch.allclose(torch.stack(made), expected, atol=1e-6)


def test_kernels_are_kept_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "mine"))
    Runtime.choose("cpu", compile=True)
    assert cache_folder() == tmp_path / "mine"
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "mine")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "kinescribe" / "compiled"


def test_autocast_is_entered_in_each_thread():
    here, seen = Runtime.choose("cpu", precision="bf16"), []

    def work():
        seen.append(torch.is_inference_mode_enabled())
        with here.autocast():
            seen.append((torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")))

    with here.autocast():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [False, (True, True)]
