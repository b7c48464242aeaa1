from __future__ import annotations

import json
import pickle
from collections import OrderedDict

import pytest
from weight_files import safetensors_bytes

from kinescribe.errors import InputError
from kinescribe.perception.weights import load_state

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file

STATE = {"layer.weight": torch.arange(12.0).reshape(3, 4), "layer.bias": torch.ones(4, dtype=torch.float16)}


def same(state):
    return state.keys() == STATE.keys() and all(torch.equal(state[name], STATE[name]) for name in STATE)


def test_safetensors(tmp_path):
    save_file(STATE, tmp_path / "w.safetensors")
    assert same(load_state(tmp_path / "w.safetensors"))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: OrderedDict(state),
        lambda state: {"model": state, "epoch": 3},
        lambda state: {"state_dict": state, "best": 0.5},
        lambda state: {"state_dict": {"model": state}, "args": "text"},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"model": {f"module.{name}": tensor for name, tensor in state.items()}},
    ],
)
def test_tables_come_out_of_their_wrapping(tmp_path, wrap, zipped):
    torch.save(wrap(STATE), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert same(load_state(tmp_path / "w.pth"))


def test_a_module_of_that_name_keeps_it(tmp_path):
    state = {"module.a": torch.zeros(1), "head": torch.zeros(1)}
    torch.save(state, tmp_path / "w.pth")
    assert load_state(tmp_path / "w.pth").keys() == state.keys()


def test_a_name_does_not_make_a_format(tmp_path):
    save_file(STATE, tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").rename(tmp_path / "w.pth")
    assert same(load_state(tmp_path / "w.pth"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (torch.zeros(3), "holds a Tensor"),
        ([torch.zeros(3)], "holds a list"),
        ({}, "it is empty"),
        ({"model": {}}, "it is empty"),
        ({"a": torch.zeros(1), "epoch": 3}, r"no table of tensors \(epoch\)"),
        ({"epoch": 3, "lr": 0.1}, r"\(epoch, lr\)"),
        ({1: torch.zeros(1)}, r"\(1\)"),
    ],
)
def test_what_is_no_table_of_tensors(tmp_path, content, says):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(InputError, match=says):
        load_state(tmp_path / "w.pth")


class Makes:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_never_runs(tmp_path, zipped):
    made = tmp_path / "made"
    torch.save({"model": STATE, "hook": Makes(made)}, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="refused"):
        load_state(tmp_path / "w.pth")
    assert not made.exists()
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "w.pth", weights_only=True)
    torch.load(tmp_path / "w.pth", weights_only=False)
    assert made.exists(), "the file would have been made, had the code run"


def test_the_wall_holds_where_the_scan_sees_nothing(tmp_path, monkeypatch):
    made = tmp_path / "made"
    torch.save({"model": STATE, "hook": Makes(made)}, tmp_path / "w.pth")
    monkeypatch.setattr("kinescribe.perception.weights.inspection.foreign_names", lambda *args, **kwargs: [])
    with pytest.raises(InputError, match="holds objects besides tensors; refused"):
        load_state(tmp_path / "w.pth")
    assert not made.exists()


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95, 0.999])
@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_cut_off_files(tmp_path, kind, share):
    path = tmp_path / f"w.{kind}"
    big = {"a": torch.randn(64, 64), "b": torch.randn(64)}
    save_file(big, path) if kind == "safetensors" else torch.save(big, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="download it again"):
        load_state(path)


def test_a_few_bytes_that_claim_to_be_many_are_refused(tmp_path):
    torch.save({"a": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="no such numbers behind it"):
        load_state(tmp_path / "w.pth")


def test_views_of_one_storage_are_no_such_claim(tmp_path):
    whole = torch.arange(10.0)
    torch.save({"a": whole[:5], "b": whole[2:8]}, tmp_path / "w.pth")
    assert torch.equal(load_state(tmp_path / "w.pth")["b"], whole[2:8])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "alter",
    [lambda tensor: tensor.to("meta"), lambda tensor: tensor.to_sparse(), lambda tensor: torch.nested.nested_tensor([tensor, tensor])],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_of_other_kinds_are_refused_before_and_after_loading(tmp_path, monkeypatch, zipped, alter):
    path = tmp_path / "w.pth"
    torch.save({"a": torch.zeros(2), "b": alter(torch.ones(3))}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="not plain tables of numbers"):
        load_state(path)
    monkeypatch.setattr("kinescribe.perception.weights.inspection.foreign_names", lambda *args, **kwargs: [])
    with pytest.raises(InputError, match=r"'b' is (without numbers|of a kind)|objects besides tensors|is damaged"):
        load_state(path)


def test_complex_numbers_are_refused(tmp_path):
    torch.save({"a": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="'a' is of a kind that no model here has"):
        load_state(tmp_path / "w.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_many_tensors_over_the_same_numbers_are_refused(tmp_path, zipped):
    numbers = torch.zeros(1_000_000, dtype=torch.uint8)
    path = tmp_path / "w.pth"
    torch.save({str(i): numbers for i in range(10)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"names tensors of 10000000: many share the same numbers"):
        load_state(path)
    torch.save({str(i): numbers for i in range(2)}, path, _use_new_zipfile_serialization=zipped)
    assert set(load_state(path)) == {"0", "1"}


def folder_of_parts(folder, parts):
    folder.mkdir()
    for name, part in parts.items():
        save_file(part, folder / name)
    names = {key: name for name, part in parts.items() for key in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    return folder


def test_parts_are_joined(tmp_path):
    parts = {f"model-{i}-of-2.safetensors": {name: STATE[name]} for i, name in enumerate(STATE)}
    assert same(load_state(folder_of_parts(tmp_path / "m", parts)))


def test_parts_that_repeat_each_other(tmp_path):
    parts = {"1.safetensors": STATE, "2.safetensors": STATE}
    with pytest.raises(InputError, match="repeats tensors"):
        load_state(folder_of_parts(tmp_path / "m", parts | {"1.safetensors": STATE | {"other": torch.zeros(1)}}))


def test_an_unknown_number_format_is_said(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(safetensors_bytes({"a": (2,)}, b={"dtype": "F7", "shape": [1], "data_offsets": [8, 8]}))
    with pytest.raises(InputError, match="damaged"):
        load_state(tmp_path / "w.safetensors")
