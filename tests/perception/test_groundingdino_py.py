"""The adapter to groundingdino-py: its pipe and its process against a scripted program, and its boxes against the real package."""

from __future__ import annotations

import gc
import importlib.metadata
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from weight_files import safetensors_bytes

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.grounded_sam import _groundingdino_process as process
from kinescribe.perception.grounded_sam import groundingdino_py as adapter
from kinescribe.perception.grounded_sam import groundingdino_worker as protocol
from kinescribe.perception.grounded_sam.boxes import clip_boxes
from kinescribe.perception.grounded_sam.groundingdino_py import GroundingDinoPyDetector
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.perception.weights import MissingWeightsError
from kinescribe.perception.weights.catalogue import called
from kinescribe.video.frame import Frame

COLORS = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}

SCRIPTED = '''
"""Speaks for groundingdino-py: finds the box of all pixels of the color that a name begins with."""
import importlib.util, json, os, sys, time
import numpy as np

worker, log, trick = sys.argv[1:4]
spec = importlib.util.spec_from_file_location("worker", worker)
protocol = importlib.util.module_from_spec(spec)
spec.loader.exec_module(protocol)
COLORS = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


class Session:
    def load(self, arrays, **values):
        self.log("load", **values)
        if trick.startswith("load:"):
            raise protocol.ProblemError(trick.split(":")[1], "what the package says")
        unused = ["odd.weight"] if trick == "unused" else []
        return {"architecture": "Swin-T", "versions": {"torch": "9.9"}, "unused": unused, "longest": 9}, {}

    def read(self, arrays, names):
        known = [[len(n.split()) + 3, n != "[mark]", n == "quux"] for n in names]
        return {"names": known}, {}

    def encode(self, arrays):
        self.images = arrays["images"]
        self.log("encode", count=len(self.images))
        return {}, {}

    def meet(self, arrays, names):
        pairs, least = arrays["pairs"], arrays["least"]
        self.log("meet", pairs=pairs.tolist(), lengths=[len(names[j].split()) for j in pairs[:, 1]], least=least.tolist())
        misbehave(len(pairs))
        rows = []
        for k, (i, j) in enumerate(pairs):
            image = self.images[i]
            ys, xs = np.nonzero((image == COLORS[names[j].split()[0]]).all(-1))
            if len(xs) == 0:
                continue
            size = np.array([image.shape[1], image.shape[0]] * 2, float)
            box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) / size
            for shift, score, own in ((0, 0.8, 0.8), (0.004, 0.6, 0.6), (0.3, 0.4, 0.26), (-0.3, 0.9, 0.05)):
                if score > least[k, 0] and own > least[k, 1]:
                    x0, y0, x1, y1 = box + np.array([shift, 0, shift, 0])
                    rows.append(((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, score, k))
        found = np.array(rows, "<f4").reshape(-1, 6)
        if trick == "nan":
            found[:1, 0] = np.nan
        which = found[:, 5].astype("<i8") + (99 if trick == "elsewhere" else 0)
        return {}, {"boxes": found[:, :3] if trick == "misshapen" else found[:, :4], "scores": found[:, 4], "pairs": which}

    def log(self, kind, **values):
        with open(log, "a") as stream:
            stream.write(json.dumps({"kind": kind, **values}) + "\\n")


def misbehave(count):
    if trick == "die":
        print("first line\\nno kernel image is available", file=sys.stderr)
        os._exit(7)
    if trick == "killed":
        os.kill(os.getpid(), 9)
    if trick == "sleep":
        time.sleep(600)
    if trick == "print":
        os.write(1, b"Downloading shards: 100%\\n")
    if trick == "cut":
        os.write(1, b"KSW1" + b"\\xff\\x00\\x00\\x00{")
        os._exit(0)
    if trick == "raise":
        raise KeyError("some\\ninner thing")
    if trick == "memory" and count > 2 or trick == "memory at one":
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")


if trick == "mute":
    time.sleep(600)
if trick == "chatty":
    print("Python 2.7.18 (default, Jul 8 2024)", flush=True)
    time.sleep(600)
if trick == "short":
    print("hi", flush=True)
    time.sleep(600)
if trick == "quits":
    sys.exit("ModuleNotFoundError: No module named 'numpy'")
if trick == "deaf":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if trick == "other":
    protocol.HELLO = {"hello": "something else", "protocol": 1}
if trick == "child":
    import subprocess
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open(log, "a").write(json.dumps({"kind": "child", "id": child.pid}) + "\\n")
    trick = "sleep"
installed = {"groundingdino-py": None if trick == "bare" else "0.4.0", "transformers": "5.1.0" if trick == "new" else "4.57.6"}
if "--versions" in sys.argv:
    protocol.write_message(sys.stdout.buffer, {**protocol.HELLO, "versions": installed})
else:
    protocol.serve(sys.stdin.buffer, sys.stdout.buffer, Session())
    if trick == "deaf":
        time.sleep(600)
'''

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripted program is started by a shell script")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scripted") / "scripted.py"
    path.write_text(SCRIPTED, encoding="utf-8")
    return path


class Scripted:
    """A scripted program in the place of another Python, and what it was asked."""

    def __init__(self, folder: Path, script: Path, trick: str) -> None:
        self.log = folder / f"log-{trick}"
        self.python = folder / f"python-{trick.replace(' ', '-').replace(':', '-')}"
        words = (sys.executable, script, protocol.__file__, self.log, trick)
        self.python.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in words) + ' "$@"\n', encoding="utf-8")
        self.python.chmod(0o755)

    def asked(self, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in map(json.loads, self.log.read_text().splitlines()) if entry["kind"] == kind]


Make = Callable[..., tuple[GroundingDinoPyDetector, Scripted]]


@pytest.fixture
def make(tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch):
    """Builds detectors that ask a scripted program; all are closed afterwards."""
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")
    (tmp_path / "gd.safetensors").write_bytes(safetensors_bytes())
    monkeypatch.delenv(process.PYTHON, raising=False)
    monkeypatch.delenv(adapter.VOCABULARY, raising=False)
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    made: list[GroundingDinoPyDetector] = []

    def build(trick: str = "none", batch_size: int = 4, **options: Any) -> tuple[GroundingDinoPyDetector, Scripted]:
        scripted = Scripted(tmp_path, script, trick)
        usual = {"weights": str(tmp_path / "gd.safetensors"), "python": str(scripted.python), "text_encoder": str(tmp_path / "bert")}
        detector = GroundingDinoPyDetector(runtime=Runtime.choose("cpu", batch_size=batch_size), **{**usual, "timeout_s": 30.0, **options})
        made.append(detector)
        return detector, scripted

    yield build
    for detector in made:
        detector.close()


def scene(index: int = 0, **boxes: tuple[int, int, int, int]) -> Frame:
    """A black picture of 200 × 100 px with filled boxes x0, y0, x1, y1."""
    image = np.zeros((100, 200, 3), np.uint8)
    for color, (x0, y0, x1, y1) in boxes.items():
        image[y0:y1, x0:x1] = COLORS[color]
    return Frame(index, index / 30, image)


def gone(process_id: int, patience_s: float = 20.0) -> bool:
    """Whether a process has ended; waits for it. One of ours that nobody has asked for its end is still there."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            os.kill(process_id, 0)
            state, parent = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[:2]
        except ProcessLookupError:
            return True
        except OSError:  # no such folder on this system, or just now
            state, parent = "?", "0"
        if state == "Z" and int(parent) != os.getpid():
            return True
        time.sleep(0.02)
    return False


def worker_of(detector: GroundingDinoPyDetector) -> process.WorkerProcess:
    assert detector._worker is not None
    return detector._worker


def give_up_after(detector: GroundingDinoPyDetector, seconds: float) -> None:
    """Waits no longer than this from now on: the start of a process may take longer than what is tested."""
    worker_of(detector)._timeout_s = seconds


# The pipe


arrays_to_send = st.dictionaries(
    st.text(max_size=8),
    st.one_of(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)) for dtype in ("u1", "<i8", "<f4", "<f8")),
    max_size=3,
)


def read(content: bytes, *most: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The first message of what a pipe holds."""
    return protocol.read_message(io.BufferedReader(io.BytesIO(content)), *most)


@given(st.dictionaries(st.text(max_size=8).filter(lambda key: key != "arrays"), st.text() | st.integers() | st.none()), arrays_to_send)
def test_messages_arrive_as_they_were_sent(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    stream = io.BytesIO()
    protocol.write_message(stream, header, arrays)
    protocol.write_message(stream, {"second": 2})
    sent = io.BufferedReader(io.BytesIO(stream.getvalue()))
    message = protocol.read_message(sent)
    assert message is not None
    assert message[0] == header
    assert list(message[1]) == list(arrays)
    for name, array in arrays.items():
        assert message[1][name].dtype == array.dtype
        assert message[1][name].shape == array.shape
        assert message[1][name].tobytes() == array.tobytes()
    assert protocol.read_message(sent) == ({"second": 2}, {})
    assert protocol.read_message(sent) is None


def test_slices_and_other_byte_orders_are_sent_whole_or_refused() -> None:
    stream = io.BytesIO()
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    protocol.write_message(stream, {}, {"a": image[::2, ::-1]})
    message = read(stream.getvalue())
    assert message is not None
    np.testing.assert_array_equal(message[1]["a"], image[::2, ::-1])
    for array in (np.zeros(2, ">f4"), np.array([None]), np.array(["text"])):
        with pytest.raises(ValueError, match="can't be sent"):
            protocol.write_message(stream, {}, {"a": array})


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (b"hi\n", "'hi'"),
        (b"x", "'x'"),
        (b"\n", r"'\\n'"),
        (b"\r\n loading\nmore\n", "'loading'"),
        (b"KS\n", "'KS'"),
        (b"Gr\xc3\xbc\xc3\x9fe\n", "'Grüße'"),
        (b"\x1b" * 500, r"'(\\x1b)+"),
    ],
)
def test_what_is_no_message_is_named_at_once_however_short_it_is(said: bytes, named: str) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:  # its other end stays open, as that of a program that waits to be asked
        os.write(writing, said)
        with pytest.raises(protocol.ProtocolError, match=f"it begins {named}") as caught:
            protocol.read_message(stream)
    os.close(writing)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


@given(st.data())
def test_a_message_that_breaks_off_is_an_error(data: st.DataObject) -> None:
    stream = io.BytesIO()
    protocol.write_message(stream, {"a": 1}, {"b": np.arange(7.0)})
    whole = stream.getvalue()
    part = whole[: data.draw(st.integers(1, len(whole) - 1))]
    with pytest.raises(protocol.ProtocolError):
        read(part)


@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_an_error(garbage: bytes) -> None:
    with pytest.raises(protocol.ProtocolError):
        read(garbage)
    with pytest.raises(protocol.ProtocolError):
        read(b"KSW1" + len(garbage).to_bytes(4, "little") + garbage)


@pytest.mark.parametrize(
    "listed",
    [
        '{"a": ["<f4", [-1]]}',
        '{"a": ["|O", [1]]}',
        '{"a": ["<f4", [9999999999]]}',
        '{"a": ["<f4"]}',
        '{"a": 3}',
        "[]",
        '{"a": ["<f4", ["x"]]}',
        '{"a": ["<f4", [1e999]]}',
        '{"a": ["<f4", [true]]}',
        '{"a": ["<f4", [1.5]]}',
        '{"a": ["<f4", 3]}',
        '{"a": [["<f4"], [1]]}',
        '{"a": ["|u1", [0, 4611686018427387904, 4611686018427387904]]}',
        f'{{"a": ["|u1", {[1] * 100}]}}',
        f'{{"a": ["|u1", {[1] * 100_000}]}}',
        '{"a": ["|u1", [8589934592]], "b": ["|u1", [1]]}',
        '{"' + "a" * 100_000 + '": ["no\\u001b", [1]]}',
        "[" * 100_000,
    ],
)
def test_arrays_that_no_one_would_send_are_errors(listed: str) -> None:
    text = f'{{"arrays": {listed}}}'.encode()
    with pytest.raises(protocol.ProtocolError) as caught:
        read(b"KSW1" + len(text).to_bytes(4, "little") + text + bytes(64), 2**33)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_all_arrays_of_a_message_have_one_bound() -> None:
    stream = io.BytesIO()
    protocol.write_message(stream, {}, {"a": np.zeros(60, np.uint8), "b": np.zeros(60, np.uint8)})
    with pytest.raises(protocol.ProtocolError, match="all take 40 bytes at most"):
        read(stream.getvalue(), 100)
    assert read(stream.getvalue(), 120) is not None


def test_a_header_that_would_fill_the_memory_is_an_error() -> None:
    with pytest.raises(protocol.ProtocolError, match="4294967295 bytes"):
        read(b"KSW1" + b"\xff" * 4 + bytes(100))


# The detector


def test_boxes_phrases_and_scores(make: Make) -> None:
    detector, scripted = make()
    detector.prepare(None, ["red ball | green ball", "blue"])
    frames = [scene(0, red=(60, 20, 90, 50), blue=(100, 60, 120, 90)), scene(1, green=(70, 30, 80, 40))]
    first, second = detector.detect_batch(frames)
    assert [(detection.frame, detection.time_s) for detection in (first, second)] == [(0, 0.0), (1, 1 / 30)]
    # the second, shifted box of each color is suppressed; the third stands apart; the fourth has no score on the phrase's own words
    assert first.phrases == ["red ball", "blue", "red ball", "blue"]
    np.testing.assert_allclose(first.scores, [0.8, 0.8, 0.4, 0.4], atol=1e-6)
    np.testing.assert_allclose(first.boxes, [[60, 20, 90, 50], [100, 60, 120, 90], [120, 20, 150, 50], [160, 60, 180, 90]], atol=1e-3)
    assert second.phrases == ["red ball"] * 2
    np.testing.assert_allclose(second.boxes[0], [70, 30, 80, 40], atol=1e-3)
    load = scripted.asked("load")[0]
    assert load["checkpoint"].endswith("gd.safetensors")
    assert load["vocabulary"].endswith("vocab.txt")
    assert load["device"] == "cpu"


def test_thresholds_reach_the_program(make: Make) -> None:
    detector, scripted = make(box_threshold=0.5, text_threshold=0.2, nms_iou=0.99)
    detector.prepare(None, ["red", "green: 0.15", "blue: 0.7"])
    found = detector.detect(scene(red=(60, 20, 90, 50), green=(100, 20, 130, 40), blue=(60, 60, 90, 90)))
    assert scripted.asked("meet")[0]["least"][0] == [0.5, 0.2]
    assert sorted(zip(found.phrases, found.scores.round(3), strict=True)) == [
        ("blue", 0.8),
        ("green", 0.4),
        ("green", 0.6),
        ("green", 0.8),
        ("red", 0.6),
        ("red", 0.8),
    ]


def test_batches_hold_few_pairs_and_names_of_one_length_side_by_side(make: Make) -> None:
    detector, scripted = make(batch_size=3)
    detector.prepare(None, ["red", "green rolling ball", "blue", "red box of tin", "green one over there"])
    frames = [scene(i, red=(60, 20, 90, 50 + i), green=(100, 20, 130, 40)) for i in range(4)]
    together = detector.detect_batch(frames)
    assert [entry["count"] for entry in scripted.asked("encode")] == [3, 1]
    assert max(len(entry["pairs"]) for entry in scripted.asked("meet")) <= 3
    lengths = [n for entry in scripted.asked("meet")[:5] for n in entry["lengths"]]
    assert lengths == sorted(lengths)
    assert len(lengths) == 15
    for frame, detections in zip(frames, together, strict=True):
        alone = detector.detect(frame)
        np.testing.assert_array_equal(detections.boxes, alone.boxes)
        assert detections.phrases == alone.phrases
    assert together[2].boxes[0, 3] == pytest.approx(52)


def test_memory_that_runs_out_halves_the_batch(make: Make) -> None:
    detector, scripted = make("memory", batch_size=8)
    detector.prepare(None, ["red", "blue", "green"])
    found = detector.detect(scene(red=(60, 20, 90, 50)))
    assert found.phrases == ["red", "red"]
    assert [len(entry["pairs"]) for entry in scripted.asked("meet")] == [3, 1, 1, 1]
    assert "ran out" in detector.runtime.warnings[0]
    detector, _ = make("memory at one")
    detector.prepare(None, ["red"])
    with pytest.raises(InputError, match="ran out at one picture"):
        detector.detect(scene())


def test_provenance_and_warnings(make: Make) -> None:
    detector, _ = make("unused")
    assert detector.provenance == {}
    detector.prepare(None, ["red", "quux"])
    assert detector.provenance.keys() >= {"name", "family", "path", "revision", "sha256", "licence"}
    assert detector.provenance["architecture"] == "Swin-T"
    assert detector.provenance["torch"] == "9.9"
    unused, unknown = detector.warnings
    assert "'odd.weight'" in unused
    assert '"quux"' in unknown
    detector.prepare(None, ["quux"])
    assert len(detector.warnings) == 2


@pytest.mark.parametrize(
    ("phrase", "text"), [("[mark]", "no words"), ("...", "no words"), ("@cart.png", "owlv2"), ("a b c d e f g", "reads 9")]
)
def test_phrases_that_make_no_sense(make: Make, phrase: str, text: str) -> None:
    detector, _ = make()
    detector.prepare(None, ["red"])
    with pytest.raises(UsageError, match=text):
        detector.prepare(None, ["blue", phrase])
    found = detector.detect(scene(red=(60, 20, 90, 50)))  # what was asked for before still holds
    assert set(found.phrases) == {"red"}


def test_numbers_that_are_none_are_left_out(make: Make) -> None:
    detector, _ = make("nan")
    detector.prepare(None, ["red"])
    found = detector.detect(scene(red=(60, 20, 90, 50)))
    np.testing.assert_allclose(found.scores, [0.6, 0.4], atol=1e-6)
    assert "aren't numbers" in detector.warnings[0]


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), True, "10"])
def test_wrong_timeout(timeout_s: Any) -> None:
    with pytest.raises(UsageError, match="timeout_s"):
        GroundingDinoPyDetector(timeout_s=timeout_s)


# The process


@pytest.mark.parametrize(
    ("trick", "text"),
    [
        ("die", r"ended with code 7 \(no kernel image is available\)$"),
        ("killed", "ended with code -9, killed, as happens where memory runs out"),
        ("print", "sent no message of groundingdino_worker.py: it begins 'Downloading shards: 100%'"),
        ("cut", "breaks off"),
        ("elsewhere", "answered boxes"),
        ("misshapen", "answered boxes"),
        ("raise", "failed at 'meet': KeyError: 'some.ninner thing'"),
    ],
)
def test_a_program_that_fails(make: Make, trick: str, text: str) -> None:
    detector, _ = make(trick)
    detector.prepare(None, ["red"])
    process_id = worker_of(detector).process_id
    with pytest.raises(InputError, match=text) as caught:
        detector.detect(scene(red=(60, 20, 90, 50)))
    assert "\n" not in str(caught.value)
    if trick in ("die", "killed", "print", "cut"):
        assert gone(process_id)
        with pytest.raises(InputError, match="prepare the detector again"):
            detector.detect(scene())
        detector.prepare(None, ["blue"])
        assert worker_of(detector).process_id != process_id


def test_a_program_that_is_slow(make: Make) -> None:
    detector, _ = make("sleep")
    detector.prepare(None, ["red"])
    give_up_after(detector, 1.5)
    process_id = worker_of(detector).process_id
    with pytest.raises(InputError, match=r"gave no answer within 1\.5 s"):
        detector.detect(scene())
    assert gone(process_id)


LOADED = {"architecture": "Swin-T", "versions": {"torch": "9.9"}, "unused": [], "longest": 9}


@pytest.mark.parametrize(
    "change",
    [
        *({"longest": value} for value in ("x", 0, True, 10**30, None)),
        *({"versions": value} for value in ([], None)),
        *({"unused": value} for value in (5, None)),
        *({"architecture": value} for value in (1, None)),
    ],
)
def test_facts_of_a_model_that_make_no_sense(change: dict[str, Any]) -> None:
    assert adapter._loaded(LOADED) == (9, "Swin-T", {"torch": "9.9"}, [])
    with pytest.raises(InputError, match="answered 'load' with") as caught:
        adapter._loaded({**LOADED, **change})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "names",
    [None, [], [5], [[5, True]], [["a", True, False]], [[5, 1, 0]], [[10**30, True, False]], [[-5, True, False]], [[5, True, False]] * 2],
)
def test_counts_of_words_that_make_no_sense(names: Any) -> None:
    assert adapter._read({"names": [[5, True, False]]}, 1) == [(5, True, False)]
    with pytest.raises(InputError, match="answered 'read' of 1 names with"):
        adapter._read({"names": names}, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"boxes": np.zeros((1, 3), "<f4")},
        {"boxes": np.zeros((1, 4), "<i8")},
        {"boxes": np.full((1, 4), 1e30, "<f4")},
        {"scores": np.zeros(2, "<f4")},
        {"scores": np.full(1, 1.5, "<f4")},
        {"scores": np.full(1, -0.5, "<f4")},
        {"scores": np.full(1, np.inf, "<f4")},
        {"scores": np.zeros(1, "|u1")},
        {"pairs": np.zeros(1, "<f8")},
        {"pairs": np.zeros((), "<i8")},
        {"pairs": np.full(1, 2, "<i8")},
        {"pairs": np.full(1, -1, "<i8")},
    ],
)
def test_boxes_that_make_no_sense(change: dict[str, Any]) -> None:
    good = {"boxes": np.full((1, 4), np.nan, "<f4"), "scores": np.full(1, np.nan, "<f4"), "pairs": np.ones(1, "<i8")}
    boxes, scores, pairs = adapter._checked(good, 2)
    assert (boxes.shape, scores.shape, pairs.tolist()) == ((1, 4), (1,), [1])
    with pytest.raises(InputError, match="answered boxes"):
        adapter._checked({**good, **change}, 2)
    for name in good:
        with pytest.raises(InputError, match=f"answered without '{name}'"):
            adapter._checked({key: value for key, value in good.items() if key != name}, 2)


def test_what_a_program_says_is_made_fit_to_be_shown() -> None:
    assert process.cleaned("a\x1b[2J\n b" + "c" * 10**6, 20) == "a [2J b" + "c" * 12 + "…"


@pytest.mark.parametrize("name", ["~no-such-user-here/python", "x" * 5000, "a/" * 3000])
def test_places_that_can_not_be_looked_at(make: Make, name: str) -> None:
    with pytest.raises(UsageError, match=r"the python of groundingdino-py '.*(can't be looked at|is no program)") as caught:
        process.find_python(name)
    assert len(str(caught.value)) < 300
    with pytest.raises(InputError, match=r"the text encoder '.*(can't be looked at|has no)"):
        adapter.find_vocabulary(name)


def test_what_the_program_started_ends_with_it(make: Make) -> None:
    detector, scripted = make("child")
    detector.prepare(None, ["red"])
    give_up_after(detector, 2.0)
    with pytest.raises(InputError, match="gave no answer"):
        detector.detect(scene())
    assert gone(scripted.asked("child")[0]["id"])


@pytest.mark.parametrize(
    ("trick", "text"),
    [
        ("chatty", r"it begins 'Python 2\.7\.18 \(default, Jul 8 2024\)'"),
        ("short", "it begins 'hi'"),
        ("quits", "No module named 'numpy'"),
        ("mute", "gave no answer"),
        ("other", "another program"),
    ],
)
def test_a_program_that_does_not_begin(make: Make, trick: str, text: str) -> None:
    detector, _ = make(trick, timeout_s=1.5 if trick == "mute" else 60.0)
    with pytest.raises(UsageError, match=text) as caught:
        detector.prepare(None, ["red"])
    assert "groundingdino-py==0.4.0" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert detector.provenance == {}


@pytest.mark.parametrize(("kind", "error"), [("package", UsageError), ("usage", UsageError), ("input", InputError)])
def test_a_model_that_does_not_load(make: Make, kind: str, error: type[Exception]) -> None:
    detector, _ = make(f"load:{kind}")
    with pytest.raises(error, match="what the package says") as caught:
        detector.prepare(None, ["red"])
    assert ("pip install" in str(caught.value)) == (kind == "package")
    assert detector._worker is None


@pytest.mark.parametrize("trick", ["none", "deaf"])
def test_closing_ends_the_program(make: Make, trick: str) -> None:
    detector, _ = make(trick)
    detector.prepare(None, ["red"])
    process_id = worker_of(detector).process_id
    os.kill(process_id, 0)
    detector.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)
    detector.close()
    with pytest.raises(RuntimeError, match="prepare"):
        detector.detect(scene())


def test_the_program_ends_with_the_detector(make: Make, tmp_path: Path, script: Path) -> None:
    worker = process.WorkerProcess(Scripted(tmp_path, script, "none").python, 20.0)
    process_id = worker.process_id
    del worker
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


@pytest.mark.parametrize("end", ["", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_program_ends_with_its_parent(make: Make, tmp_path: Path, script: Path, end: str) -> None:
    python = Scripted(tmp_path, script, "none").python
    code = (
        "from pathlib import Path; from kinescribe.perception.grounded_sam._groundingdino_process import WorkerProcess; "
        f"worker = WorkerProcess(Path({str(python)!r}), 20.0); print(worker.process_id, flush=True); {end}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == -signal.SIGKILL) == bool(end), done.stderr
    assert gone(int(done.stdout))


def test_a_fork_that_ends_leaves_the_program_running(make: Make) -> None:
    detector, _ = make()
    detector.prepare(None, ["red"])
    worker = worker_of(detector)
    child = os.fork()
    if child == 0:
        worker.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert worker.alive
    assert len(detector.detect(scene(red=(60, 20, 90, 50)))) == 2


# What is missing


def test_missing_says_what_to_do(make: Make, tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reason(weights: str | None = None) -> str:
        line = GroundingDinoPyDetector.missing(weights)
        assert line is not None
        assert "\n" not in line
        return line

    assert "$KINESCRIBE_GROUNDINGDINO_PYTHON" in reason()
    assert process.RECIPE in reason()
    for place, text in ((tmp_path, "is a folder"), (tmp_path / "gd.safetensors", "no program"), (tmp_path / "nowhere", "no program")):
        monkeypatch.setenv(process.PYTHON, str(place))
        assert text in reason()
    for trick, text in (("bare", "not installed"), ("new", "transformers 4 and"), ("quits", "No module named 'numpy'")):
        monkeypatch.setenv(process.PYTHON, str(Scripted(tmp_path, script, trick).python))
        assert text in reason()
    monkeypatch.setenv(process.PYTHON, str(Scripted(tmp_path, script, "none").python))
    assert "hf download google-bert/bert-base-uncased vocab.txt" in reason()
    monkeypatch.setenv(adapter.VOCABULARY, str(tmp_path / "bert"))
    model = called("groundingdino_swint_ogc")
    assert model is not None
    assert str(model.url) in reason()
    assert GroundingDinoPyDetector.missing(str(tmp_path / "gd.safetensors")) is None


def test_a_python_that_is_none(make: Make, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x00\x01\x02\x03")
    broken.chmod(0o755)
    for python, text in ((str(broken), "does not start"), (str(tmp_path), "is a folder"), ("/nowhere/python", "no program")):
        detector, _ = make(python=python)
        with pytest.raises(UsageError, match=text):
            detector.prepare(None, ["red"])


@pytest.mark.skipif("groundingdino-py" in {item.name for item in importlib.metadata.distributions()}, reason="the package is here")
def test_this_python_lacks_the_package(make: Make) -> None:
    detector, _ = make(python=sys.executable)
    with pytest.raises(UsageError, match="groundingdino-py is not installed beside") as caught:
        detector.prepare(None, ["red"])
    assert process.RECIPE in str(caught.value)
    assert process.python_missing(sys.executable) is not None


def test_the_program_runs_apart_from_kinescribe(tmp_path: Path) -> None:
    """With -I it sees neither the folder it lies in, which has a torchvision.py, nor this interpreter's path."""
    code = f"""
import runpy, sys
spoken = runpy.run_path({str(process.SCRIPT)!r}, run_name="worker")
assert "torch" not in sys.modules and "kinescribe" not in sys.modules, sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=60)
    source = process.SCRIPT.read_text(encoding="utf-8")
    assert "import kinescribe" not in source
    assert "from kinescribe" not in source


def test_where_the_vocabulary_is_found(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingWeightsError, match="bert-base-uncased"):
        adapter.find_vocabulary()
    cached = tmp_path / "hub" / "models--google-bert--bert-base-uncased" / "snapshots" / ("a" * 40)
    cached.mkdir(parents=True)
    (cached / "tokenizer.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert adapter.find_vocabulary() == cached / "tokenizer.json"
    mine = tmp_path / "weights" / "bert-base-uncased"
    mine.mkdir(parents=True)
    for name in ("tokenizer.json", "vocab.txt"):
        (mine / name).write_text("{}", encoding="utf-8")
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path / "weights"))
    assert adapter.find_vocabulary() == mine / "vocab.txt"
    monkeypatch.setenv(adapter.VOCABULARY, str(tmp_path / "bert"))
    assert adapter.find_vocabulary() == tmp_path / "bert" / "vocab.txt"
    assert adapter.find_vocabulary(str(mine / "tokenizer.json")) == mine / "tokenizer.json"
    with pytest.raises(InputError, match=r"no vocab\.txt"):
        adapter.find_vocabulary(str(tmp_path))


# The real package


REFERENCE = '''
"""Makes checkpoints with random weights and runs the package's own functions on them."""
import importlib.util, os, sys, warnings
from pathlib import Path
import numpy as np

warnings.simplefilter("ignore")
os.environ["HF_HUB_OFFLINE"] = "1"
worker, folder, size, sizes = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
spec = importlib.util.spec_from_file_location("worker", worker)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.import_torchvision()
import torch, transformers
import groundingdino
from groundingdino.models import build_model
from groundingdino.util import inference
from groundingdino.util.slconfig import SLConfig

torch.manual_seed(3)
bert = folder / "bert"
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "red", "ball", "black", "cart", "rolling", "tin", "##s"]
bert.mkdir(exist_ok=True)
(bert / "vocab.txt").write_text("\\n".join(words) + "\\n")
small = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=1, intermediate_size=64)
config = transformers.BertConfig(vocab_size=len(words), **({} if sizes == "full" else small))
transformers.BertModel(config).save_pretrained(bert)
transformers.BertTokenizerFast(vocab_file=str(bert / "vocab.txt")).save_pretrained(bert)

original = Path(groundingdino.__file__).parent / "config" / {"T": "GroundingDINO_SwinT_OGC.py", "B": "GroundingDINO_SwinB_cfg.py"}[size]
text = original.read_text() + f"\\ntext_encoder_type = {str(bert)!r}\\n"
if sizes != "full":
    text += "enc_layers = 2\\ndec_layers = 2\\nnum_queries = 80\\ndim_feedforward = 128\\n"
(folder / "config.py").write_text(text)
args = SLConfig.fromfile(str(folder / "config.py"))
args.device = "cpu"
model = build_model(args).eval()
with torch.no_grad():
    model.transformer.decoder.norm.weight.mul_(0.07)  # scores that are neither all 0 nor all 1
    for layer in (model.bbox_embed[0].layers[-1], model.transformer.enc_out_bbox_embed.layers[-1]):
        layer.weight.normal_(0, 0.2)
state = {"module." + name: value for name, value in model.state_dict().items()}
state["module.label_enc.weight"] = torch.zeros(3, 4)
checkpoint = folder / "checkpoint.pth"
torch.save({"model": state}, checkpoint)
del model, state

model = inference.load_model(str(folder / "config.py"), str(checkpoint), device="cpu")
images = np.load(folder / "images.npy")
found = {}
for i, image in enumerate(images):
    pixels = inference.Model.preprocess_image(image)
    for j, phrase in enumerate(["red ball", "black rolling cart", "tin"]):
        boxes, scores, read = inference.predict(model, pixels, phrase, 0.3, 0.25, device="cpu")
        found[f"boxes_{i}_{j}"] = inference.Model.post_process_result(*image.shape[:2], boxes, scores).xyxy
        found[f"scores_{i}_{j}"] = scores.numpy()
        # the package keeps boxes for which only a mark or the dot scores as well
        found[f"worded_{i}_{j}"] = np.array([bool(set(words.split()) & set(phrase.split())) for words in read], bool)
np.savez(folder / "found.npz", **found)
'''

PACKAGE = os.environ.get(process.PYTHON, "")
external = [pytest.mark.external, pytest.mark.skipif(not PACKAGE, reason=f"${process.PYTHON} names no environment with groundingdino-py")]
PHRASES = ["red ball", "black rolling cart", "tin"]


def pictures() -> list[Frame]:
    """Long, thin pictures, which stay small when the package scales them to at most 1333 px."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (2, 3, 40, 3), np.uint8)
    images = np.kron(coarse, np.ones((1, 12, 16, 1), np.uint8))
    return [Frame(i, i / 30, np.ascontiguousarray(image)) for i, image in enumerate(images)]


@pytest.mark.parametrize(
    ("size", "sizes"), [pytest.param(*sizes, marks=external) for sizes in (("T", "small"), ("B", "small"), ("T", "full"))]
)
def test_equals_the_package_s_own_functions(tmp_path: Path, size: str, sizes: str) -> None:
    frames = pictures()
    found = run_reference(tmp_path, np.stack([frame.image for frame in frames]), size, sizes)
    detector = GroundingDinoPyDetector(
        weights=str(tmp_path / "checkpoint.pth"),
        text_encoder=str(tmp_path / "bert" / "vocab.txt"),
        python=PACKAGE,
        runtime=Runtime.choose("cpu", precision="fp32", batch_size=4),
    )
    detector.prepare(None, PHRASES)
    assert detector.provenance["architecture"] == f"Swin-{size}"
    assert detector.provenance["groundingdino-py"] == "0.4.0"
    assert detector.warnings == []
    finished = detector.detect_batch(frames)
    compared = dropped = 0
    for i, raw in enumerate(detector._find([frame.image for frame in frames])):
        assert len(finished[i]) > 0
        for j, phrase in enumerate(PHRASES):
            worded = found[f"worded_{i}_{j}"]
            theirs = np.column_stack([found[f"boxes_{i}_{j}"] / 640, found[f"scores_{i}_{j}"]])[worded]
            ours = np.column_stack([raw.boxes / 640, raw.scores])[raw.queries == j]
            assert len(ours) == len(theirs)
            nearest = [int(np.abs(theirs - row).max(1).argmin()) for row in ours]  # equally good places may change their order
            assert sorted(nearest) == list(range(len(theirs)))
            np.testing.assert_allclose(ours, theirs[nearest], atol=1e-4)
            clipped = np.column_stack([clip_boxes(theirs[:, :4] * 640, (640, 36))[0] / 640, theirs[:, 4]])
            chosen = [name == phrase for name in finished[i].phrases]
            for row in np.column_stack([finished[i].boxes / 640, finished[i].scores])[chosen]:
                assert np.abs(clipped - row).max(1).min() < 1e-4
            compared += len(ours)
            dropped += int((~worded).sum())
    assert compared > 100
    assert dropped > 0 or sizes == "full"  # of so many boxes all have words
    process_id = worker_of(detector).process_id
    detector.close()
    assert gone(process_id, 0.5)


def run_reference(folder: Path, images: Any, size: str, sizes: str) -> Any:
    """What the package finds in pictures (B, H, W, 3) with a checkpoint that is left in the folder."""
    np.save(folder / "images.npy", images)
    (folder / "reference.py").write_text(REFERENCE, encoding="utf-8")
    words = [PACKAGE, "-I", folder / "reference.py", process.SCRIPT, folder, size, sizes]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return np.load(folder / "found.npz")


@pytest.mark.external
@pytest.mark.skipif(not PACKAGE, reason=f"${process.PYTHON} names no environment with groundingdino-py")
@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        ("drop", "1 tensors are missing and 0 of another shape, such as 'feat_map.bias'"),
        ("shape", "0 tensors are missing and 1 of another shape, such as 'feat_map.bias'"),
        ("other", "is no GroundingDINO"),
        ("words", "words and the text encoder in"),
    ],
)
def test_checkpoints_that_do_not_fit(tmp_path: Path, spoil: str, text: str) -> None:
    import torch

    run_reference(tmp_path, np.zeros((0, 36, 640, 3), np.uint8), "T", "small")
    state = torch.load(tmp_path / "checkpoint.pth", weights_only=True)["model"]
    if spoil == "drop":
        del state["module.feat_map.bias"]
    elif spoil == "shape":
        state["module.feat_map.bias"] = torch.zeros(5)
    elif spoil == "other":
        state = {"a.weight": torch.zeros(2)}
    else:
        with (tmp_path / "bert" / "vocab.txt").open("a") as stream:
            stream.write("more\n")
    torch.save({"model": state}, tmp_path / "spoilt.pth")
    detector = GroundingDinoPyDetector(
        weights=str(tmp_path / "spoilt.pth"), text_encoder=str(tmp_path / "bert"), python=PACKAGE, runtime=Runtime.choose("cpu")
    )
    with pytest.raises(InputError, match=text):
        detector.prepare(None, ["red ball"])
