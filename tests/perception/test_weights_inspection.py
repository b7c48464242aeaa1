from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from weight_files import SHAPES, safetensors_bytes

from kinescribe.errors import InputError
from kinescribe.perception.weights.inspection import inspect
from kinescribe.perception.weights.pickles import foreign_names

WHOLE = safetensors_bytes()


def torch_zip(table: bytes, *, compressed: bool = False, extra: str | None = None) -> bytes:
    """An archive as torch writes it, around any table."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", table)
        archive.writestr("archive/data/0", bytes(64))
        if extra:
            archive.writestr(extra, b"")
    return made.getvalue()


class Opens:
    """Pickles to a call that makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_whole_file(tmp_path):
    path = tmp_path / "w.anything"
    path.write_bytes(WHOLE)
    found = inspect(path)
    assert (found.format, found.shapes, found.most_elements) == ("safetensors", SHAPES, 16)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"is text \x1b[2J", r"it begins 'is text \x1b[2J'"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git-lfs pointer"),
        (b"<!DOCTYPE html>\n<html><head>", "web page"),
        (b"\n  <html lang='en'>", "web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "web page"),
        (
            b"Access to model facebook/sam3 is restricted.",
            "is text, not weights (it begins 'Access to model facebook/sam3 is restricted.')",
        ),
        (b'{"error": "not found"}', "is text"),
        ("Ошибка 404".encode(), "is text"),
        (b"\x1f\x8b\x08\x00" + bytes(50), "compressed archive"),
        (bytes(range(200)), "neither safetensors nor a torch checkpoint"),
        (b"\x00", "neither"),
        (b"PK\x03\x04" + bytes(100), "cut off or damaged torch checkpoint"),
        (struct.pack("<Q", 2**62) + b"{" + bytes(50), "neither"),
        (struct.pack("<Q", 5_000_000) + b"{" + bytes(50), "cut off"),
        (struct.pack("<Q", 2) + b"{}", "holds no tensors"),
    ],
)
def test_files_that_are_no_weights_say_what_they_are(tmp_path, content, says):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        inspect(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_nothing_are_unreadable(tmp_path):
    for path in (tmp_path, tmp_path / "no"):
        with pytest.raises(InputError, match="can't be read"):
            inspect(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(length=st.integers(0, len(WHOLE) - 1))
def test_every_cut_is_noticed(tmp_path, length):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(WHOLE[:length])
    with pytest.raises(InputError):
        inspect(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(content=st.binary(max_size=120), start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x04", struct.pack("<Q", 9) + b"{"]))
@example(content=b"\x8e" + (2**62).to_bytes(8, "little"), start=b"\x80\x02")
def test_any_bytes_are_refused_in_one_line(tmp_path, content, start):
    path = tmp_path / "any.pth"
    path.write_bytes(start + content)
    with pytest.raises(InputError) as caught:
        inspect(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "claim",
    [
        b"\x80\x02\x8e" + (2**62).to_bytes(8, "little"),  # BINBYTES8
        b"\x80\x02\x8e" + (2**36).to_bytes(8, "little"),
        b"\x80\x02\x8d" + (2**62).to_bytes(8, "little"),  # BINUNICODE8
        b"\x80\x05\x96" + (2**62).to_bytes(8, "little"),  # BYTEARRAY8
        b"\x80\x02\x8b" + (2**31 - 1).to_bytes(4, "little"),  # LONG4
        b"\x80\x02X\xff\xff\xff\xff",  # BINUNICODE
        b"\x80\x02X\x02\x00\x00\x00\xff\xfe.",  # text that isn't UTF-8
        b"\x80\x02I" + b"9" * 5000 + b"\n.",
    ],
)
def test_a_pickle_that_claims_what_it_does_not_hold(tmp_path, claim):
    path = tmp_path / "w.pth"
    for content in (claim, torch_zip(claim)):
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(InputError, match="unreadable pickle"):
                inspect(path)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()


def test_a_pickle_longer_than_any_table(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(b"\x80\x04N" + b"\x94" * 1_000_001 + b".")
    with pytest.raises(InputError, match="too long a pickle"):
        inspect(path)
    path.write_bytes(b"\x80\x02" + b"".join(b"cevil\nname%d\n" % number for number in range(5000)) + b".")
    with pytest.raises(InputError, match=r"evil\.name0, evil\.name1, evil\.name2 …"):
        inspect(path)


def test_the_name_of_an_import_is_shown_without_what_steers_a_terminal(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(b"\x80\x02c\x1b[2Jos\n" + b"x" * 100_000 + b"\n.")
    with pytest.raises(InputError, match=r"\\x1b\[2Jos") as caught:
        inspect(path)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "kind", ["_rebuild_meta_tensor_no_storage", "_rebuild_sparse_tensor", "_rebuild_nested_tensor", "_rebuild_qtensor"]
)
def test_tensors_that_are_no_tables_of_numbers(tmp_path, kind):
    path = tmp_path / "w.pth"
    path.write_bytes(torch_zip(f"\x80\x02ctorch._utils\n{kind}\n.".encode("latin-1")))
    with pytest.raises(InputError, match=rf"not plain tables of numbers \(torch\._utils\.{kind}\)"):
        inspect(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes with names")
def test_pipes_and_devices_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    for path in (tmp_path / "pipe.pth", Path("/dev/zero")):
        with pytest.raises(InputError, match="no regular file"):
            inspect(path)


def test_archives_with_names_and_sizes_that_lie(tmp_path):
    table = pickle.dumps(OrderedDict(), 2)
    path = tmp_path / "w.pth"
    path.write_bytes(torch_zip(table, extra="archive/é").replace("é".encode(), b"\xff\xfe"))
    with pytest.raises(InputError, match="damaged torch checkpoint"):
        inspect(path)
    content = torch_zip(table)
    at = content.rindex(b"PK\x01\x02")  # the directory's entry of archive/data/0, whose sizes stand 20 and 24 bytes on
    path.write_bytes(content[: at + 20] + struct.pack("<II", 10**9, 10**9) + content[at + 28 :])
    with pytest.raises(InputError, match="claims 1000000000 bytes"):
        inspect(path)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [1] * 17, "data_offsets": [64, 68]},
        {"dtype": "F32", "shape": [2**62] * 100_000 + [0], "data_offsets": [64, 64]},
        {"dtype": "X", "shape": [2**40], "data_offsets": [64, 68]},
        {"dtype": "F32", "shape": [1], "data_offsets": [64, 72]},
        {"dtype": "F32", "shape": [1], "data_offsets": [72, 68]},
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},  # bytes of another one
        {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 64]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 64]},
        {"dtype": "F32", "shape": [True], "data_offsets": [0, 64]},
        {"dtype": "F32", "shape": ["4"], "data_offsets": [0, 64]},
        {"dtype": "F32", "shape": [4], "data_offsets": [0]},
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 10**30]},
        {"dtype": "F32", "shape": [4]},
        {"dtype": ["F32"], "shape": [4], "data_offsets": [0, 16]},
        [1, 2],
        None,
    ],
)
def test_headers_that_lie(tmp_path, entry):
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors_bytes(**{"x": entry}))
    with pytest.raises(InputError, match="damaged safetensors header"):
        inspect(path)


def test_a_header_larger_than_any_models(tmp_path):
    path = tmp_path / "w.safetensors"
    raw = b'{"a":[' + b"[]," * 3_000_000 + b"[]]}"
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(8))
    with pytest.raises(InputError, match="header of 9000010 bytes"):
        inspect(path)


def test_a_deeply_nested_header(tmp_path):
    path = tmp_path / "w.safetensors"
    raw = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    path.write_bytes(struct.pack("<Q", len(raw)) + raw)
    with pytest.raises(InputError, match="damaged"):
        inspect(path)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_with_code_is_named_and_not_run(tmp_path, protocol):
    made = tmp_path / "made"
    table = pickle.dumps({"model": OrderedDict(), "epoch": Opens(made)}, protocol)
    for content in (table, torch_zip(table)):
        path = tmp_path / "evil.pth"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"holds code besides tensors \(.*open.*\); refused"):
            inspect(path)
    assert not made.exists()


def test_code_is_found_behind_memos_and_in_later_pickles():
    twice = pickle.dumps([Opens(Path("a")), Opens(Path("b")), "open", "io"], 4)
    assert foreign_names(io.BytesIO(twice)) == ["io.open"]
    row = pickle.dumps(1, 2) + pickle.dumps(Opens(Path("a")), 2)
    assert foreign_names(io.BytesIO(row), count=1) == []
    assert foreign_names(io.BytesIO(row), count=2) == ["io.open"]


@pytest.mark.parametrize(
    "name", ["posix system", "torch.hub load", "torch load", "builtins eval", "torch._utils_internal x", "torch.nn Linear"]
)
def test_names_that_no_table_needs_are_foreign(name):
    code = b"\x80\x02c" + name.replace(" ", "\n").encode() + b"\n."
    assert foreign_names(io.BytesIO(code)) == [name.replace(" ", ".")]


@pytest.mark.parametrize("how", [{}, {"pickle_protocol": 4}, {"_use_new_zipfile_serialization": False}])
def test_the_names_of_a_table_of_tensors_are_known(tmp_path, how):
    torch = pytest.importorskip("torch")
    state = {"a": torch.zeros(2), "b": torch.zeros(3, dtype=torch.bfloat16), "c": torch.nn.Parameter(torch.ones(1)), "d": torch.Size([2])}
    state |= {f"more.{i}": torch.zeros(2, dtype=kind) for i, kind in enumerate((torch.float16, torch.int64, torch.bool, torch.complex64))}
    torch.save(OrderedDict(model=state, kind=torch.float16), tmp_path / "w.pth", **how)
    assert inspect(tmp_path / "w.pth").format == ("legacy torch" if "_use_new_zipfile_serialization" in how else "torch")


def test_archives_that_are_not_torchs(tmp_path):
    table = pickle.dumps(OrderedDict(), 2)
    path = tmp_path / "w.pth"
    for content, says in [
        (torch_zip(table, extra="archive/code/__torch__.py"), "TorchScript"),
        (torch_zip(table, compressed=True), "not as torch writes it"),
        (torch_zip(table, extra="other/data.pkl"), "not torch's"),
        (torch_zip(table)[:-30], "cut off"),
        (torch_zip(table[:-2]), "unreadable pickle"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=says):
            inspect(path)
    path.write_bytes(torch_zip(table))
    assert inspect(path).format == "torch"


def test_metadata_is_no_tensor(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors_bytes(__metadata__={"format": "pt"}))
    assert set(inspect(path).shapes) == set(SHAPES)
    assert json.loads(path.read_bytes()[8:].split(b"}}")[0] + b"}}")["__metadata__"] == {"format": "pt"}
