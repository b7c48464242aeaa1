import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import small_models
from hypothesis import given
from hypothesis import strategies as st
from phrase_detections import HARDLY_ANY, SIZE, assert_close, frames, of, suppressed

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.detections import Detections
from kinescribe.perception.grounded_sam._phrase_detector import Found, PhraseDetector
from kinescribe.perception.grounded_sam.boxes import box_iou
from kinescribe.perception.grounded_sam.grounding_dino import GroundingDinoDetector, MMGroundingDinoDetector
from kinescribe.video.frame import Frame

torch = pytest.importorskip("torch")

from kinescribe.perception.grounded_sam._image_processor import ImageProcessor, edge_limited_size  # noqa: E402
from kinescribe.perception.grounded_sam.runtime import Runtime  # noqa: E402
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision  # noqa: E402

CLASSES = {"grounding-dino": GroundingDinoDetector, "mm-grounding-dino": MMGroundingDinoDetector}
ALL = {"box_threshold": 1e-6, "text_threshold": 1e-6, "nms_iou": HARDLY_ANY}  # everything that the model says


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {family: small_models.write_grounding_dino(root / family, mm=family.startswith("mm")) for family in CLASSES}


@pytest.fixture(scope="module")
def folder(folders: dict[str, Path]) -> Path:
    return folders["grounding-dino"]


def detector(folder: Path, batch_size: int = 1, **options: Any) -> GroundingDinoDetector:
    made = GroundingDinoDetector(weights=str(folder), runtime=Runtime.choose("cpu", precision="fp32", batch_size=batch_size), **options)
    made.prepare(None, ["red ball"])
    return made


class Recipe:
    """As the documentation of transformers has it: processor, model, post-processing; one phrase, one picture."""

    def __init__(self, folder: Path) -> None:
        transformers = import_with_torchvision("transformers")
        images = transformers.GroundingDinoImageProcessor.from_pretrained(folder)
        self.processor = transformers.GroundingDinoProcessor(images, transformers.BertTokenizer.from_pretrained(folder))
        self.model = transformers.AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()

    def raw(self, frame: Frame, phrase: str) -> Any:
        inputs = self.processor(images=frame.image[..., ::-1].copy(), text=[[phrase]], return_tensors="pt")
        with torch.inference_mode():
            return self.model(**inputs)

    def __call__(self, frame: Frame, phrase: str) -> tuple[np.ndarray, np.ndarray]:
        (result,) = self.processor.post_process_grounded_object_detection(
            self.raw(frame, phrase), threshold=1e-6, text_threshold=1e-6, target_sizes=[frame.image.shape[:2]]
        )
        return result["boxes"].double().numpy(), result["scores"].double().numpy()


def assert_equal(one: Detections, other: Detections, atol: float = 1e-4) -> None:
    assert one.phrases == other.phrases
    assert_close(one, other.boxes, other.scores, atol)


@pytest.mark.parametrize("family", CLASSES)
def test_equals_the_plain_recipe(folders: dict[str, Path], family: str) -> None:
    phrases = ["red ball", "a Trolley", "stick-thing of 'black & white' balls", "мяч"]
    plain = Recipe(folders[family])
    ours = CLASSES[family](weights=str(folders[family]), runtime=Runtime.choose("cpu", precision="fp32", batch_size=3), **ALL)
    ours.prepare(None, phrases)
    shown = frames(2)
    for frame, found in zip(shown, ours.detect_batch(shown), strict=True):
        assert len(found) > 60
        for phrase in phrases:
            assert_close(of(found, phrase), *suppressed(*plain(frame, phrase)))
    assert ours.provenance["family"] == family
    assert len(ours.provenance["sha256"]) == 64


def test_batches_change_nothing(folder: Path) -> None:
    shown = frames(8)
    one, many = detector(folder, 1, **ALL), detector(folder, 8, **ALL)
    for each in (one, many):
        each.prepare(None, ["red ball | thing", "trolley: 0.5", "a long black pole and stick"])
    for single, batched, alone in zip(one.detect_batch(shown), many.detect_batch(shown), map(one.detect, shown), strict=True):
        assert len(single) > 10
        assert_equal(single, batched)
        assert_equal(single, alone, atol=1e-7)


def test_phrases_neither_merge_nor_suppress(folder: Path) -> None:
    (frame,) = frames(1)
    alone = detector(folder, **ALL).detect(frame)
    together = detector(folder, **ALL)
    together.prepare(None, ["ball", "red ball", "red"])
    assert len(alone) > 10
    assert_equal(of(together.detect(frame), "red ball"), alone)


def test_each_picture_and_each_phrase_is_encoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kinescribe.perception.grounded_sam import _grounding_dino_model as steps

    seen: list[tuple[str, int]] = []
    for encoder in (steps.PictureEncoder, steps.PhraseEncoder):
        original = encoder.forward

        def counted(self: Any, items: Any, *rest: Any, original: Any = original) -> Any:
            seen.append((type(self).__name__, len(items)))
            return original(self, items, *rest)

        monkeypatch.setattr(encoder, "forward", counted)
    both = detector(folder, 2)
    seen.clear()
    both.prepare(None, ["red ball | thing", "cart", "pole"])
    both.detect_batch(frames(4))
    assert seen == [("PhraseEncoder", 4), ("PictureEncoder", 2), ("PictureEncoder", 2)]


def test_synonyms_share_a_label_and_are_suppressed_together(folder: Path) -> None:
    (frame,) = frames(1)
    apart = detector(folder, **ALL)
    apart.prepare(None, ["cart", "trolley"])
    found = apart.detect(frame)
    joined = detector(folder, **{**ALL, "nms_iou": 0.5})
    joined.prepare(None, ["cart | trolley"])
    ours = joined.detect(frame)
    assert set(ours.phrases) == {"cart"}
    boxes, scores = suppressed(found.boxes, found.scores, 0.5)
    np.testing.assert_allclose(ours.boxes, boxes, atol=1e-3)
    np.testing.assert_allclose(ours.scores, scores, atol=1e-6)
    assert len(ours) < len(found)
    for i in range(len(ours)):
        assert box_iou(ours.boxes[i], np.delete(ours.boxes, i, 0)).max(initial=0) <= 0.5


def test_thresholds(folder: Path) -> None:
    (frame,) = frames(1)
    everything = detector(folder, **ALL).detect(frame).scores
    middle = float(np.median(everything))
    assert everything.min() < middle < everything.max()
    own = detector(folder, **ALL)
    own.prepare(None, [f"red ball: {middle}"])
    np.testing.assert_allclose(own.detect(frame).scores, everything[everything > middle], atol=1e-6)
    usual = detector(folder, **{**ALL, "box_threshold": middle})
    np.testing.assert_allclose(usual.detect(frame).scores, everything[everything > middle], atol=1e-6)
    usual.prepare(None, ["red ball: 0.000001"])
    assert len(usual.detect(frame)) == len(everything)


def test_a_box_counts_if_the_phrase_s_own_words_say_so(folder: Path) -> None:
    (frame,) = frames(1)
    shares = Recipe(folder).raw(frame, "stick of the pole").logits[0].sigmoid().numpy()  # [CLS], four words, the dot, [SEP]
    words, best = shares[:, 1:5].max(1), shares.max(1)
    middle = float(np.median(words))
    expected = best[(best > middle) & (words > middle)]
    assert 0 < len(expected) < (best > middle).sum()  # for some boxes only the marks and the dot speak
    strict = detector(folder, **{**ALL, "box_threshold": middle, "text_threshold": middle})
    strict.prepare(None, ["stick of the pole"])
    np.testing.assert_allclose(strict.detect(frame).scores, np.sort(expected)[::-1], atol=1e-4)
    strict.prepare(None, [f"stick of the pole: {middle / 2}"])  # no more is asked of the words than of the box
    assert len(strict.detect(frame)) > len(expected)


@pytest.mark.parametrize("size", [(121, 203), (480, 37), (33, 33), (96, 160), (301, 200)])
def test_preprocessing_equals_the_model_s_own(folder: Path, size: tuple[int, int]) -> None:
    transformers = import_with_torchvision("transformers")
    (frame,) = frames(1, size)
    theirs = transformers.GroundingDinoImageProcessor.from_pretrained(folder)(images=frame.image[..., ::-1].copy(), return_tensors="pt")
    ours = ImageProcessor.read(folder).scaled(Runtime.choose("cpu").upload([frame.image]))
    assert ours.shape == theirs.pixel_values.shape
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), theirs.pixel_values.numpy(), atol=1e-4)
    assert bool(theirs.pixel_mask.all())


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([(800, 1333), (96, 160), (480, 640)]))
def test_sizes_equal_the_model_s_own(height: int, width: int, edges: tuple[int, int]) -> None:
    transforms = import_with_torchvision("transformers.image_transforms")
    theirs = transforms.get_size_with_aspect_ratio((height, width), *edges)
    assert edge_limited_size(height, width, *edges) == tuple(max(edge, 1) for edge in theirs)


def test_several_devices_find_what_one_finds(folder: Path) -> None:
    cpu = torch.device("cpu")
    both = GroundingDinoDetector(weights=str(folder), runtime=Runtime([cpu, cpu], torch.float32, batch_size=1), **ALL)
    both.prepare(None, ["red ball"])
    shown = frames(5)
    for one, other in zip(both.detect_batch(shown), detector(folder, **ALL).detect_batch(shown), strict=True):
        assert_equal(one, other)


def test_half_precision_runs(folder: Path) -> None:
    half = GroundingDinoDetector(weights=str(folder), runtime=Runtime.choose("cpu", precision="bf16"), **ALL)
    half.prepare(None, ["red ball"])
    (frame,) = frames(1)
    found, exact = half.detect(frame), detector(folder, **ALL).detect(frame)
    assert np.isfinite(found.boxes).all()
    assert abs(float(found.scores.max() - exact.scores.max())) < 0.05


def test_pictures_smaller_than_the_number_of_queries(tmp_path: Path) -> None:
    tiny = detector(small_models.write_grounding_dino(tmp_path, edges=(32, 160), num_queries=120), **ALL)
    found = tiny.detect(*frames(1, (9, 80)))
    assert 0 < len(found) < 120
    assert (found.boxes[:, 2:] <= [80, 9]).all()


def test_a_phrase_in_an_unknown_script_is_told(folder: Path) -> None:
    told = detector(folder)
    told.prepare(None, ["мяч", "red ball", "красный ball"])
    assert len(told.warnings) == 1
    assert '"мяч"' in told.warnings[0]
    told.prepare(None, ["red ball"])
    assert told.warnings == []


@pytest.mark.parametrize(
    ("phrase", "says"),
    [
        ("a very long name " * 4, "tokens, GroundingDINO reads 32"),
        ("...?", '"...\\?" holds no words'),
        ("@cart.png", 'not pictures such as "@cart.png"; use --detector owlv2'),
        ("", "empty object name"),
        ("ball: 2", "threshold 2"),
    ],
)
def test_phrases_that_make_no_sense(folder: Path, phrase: str, says: str) -> None:
    ours = detector(folder)
    with pytest.raises(UsageError, match=says) as caught:
        ours.prepare(None, [phrase])
    assert "\n" not in str(caught.value)


def test_dots_do_not_divide_a_phrase(folder: Path) -> None:
    (frame,) = frames(1)
    dotted, plain = detector(folder, **ALL), detector(folder, **ALL)
    dotted.prepare(None, ["red. ball?"])
    plain.prepare(None, ["red ball"])
    np.testing.assert_allclose(dotted.detect(frame).boxes, plain.detect(frame).boxes, atol=1e-6)


def test_without_phrases_there_is_nothing_to_look_for(folder: Path) -> None:
    with pytest.raises(UsageError, match="name the objects: --objects"):
        GroundingDinoDetector(weights=str(folder)).prepare(None, [])
    with pytest.raises(RuntimeError, match="only after prepare"):
        GroundingDinoDetector(weights=str(folder)).detect(*frames(1))


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, float("nan"), True, "high"])
@pytest.mark.parametrize("name", ["box_threshold", "text_threshold", "nms_iou"])
def test_options_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=name):
        GroundingDinoDetector(**{name: value})


def copied(folder: Path, to: Path) -> Path:
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def test_what_is_missing_is_told(folder: Path, tmp_path: Path) -> None:
    assert GroundingDinoDetector.missing(str(folder)) is None
    assert "hf download" in str(GroundingDinoDetector.missing("grounding-dino-base"))
    for name, says in (("tokenizer.json", "no tokenizer"), ("preprocessor_config.json", "no preprocessor_config.json")):
        broken = copied(folder, tmp_path)
        (broken / name).unlink()
        with pytest.raises(InputError, match=says) as caught:
            GroundingDinoDetector(weights=str(broken)).prepare(None, ["ball"])
        assert "\n" not in str(caught.value)


def test_weights_of_another_kind(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises((InputError, UsageError), match="mm-grounding-dino"):
        GroundingDinoDetector(weights=str(folders["mm-grounding-dino"])).prepare(None, ["ball"])
    (copied(folders["grounding-dino"], tmp_path) / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"tokenizer in .* doesn't load"):
        GroundingDinoDetector(weights=str(tmp_path)).prepare(None, ["ball"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": {"shortest_edge": -1, "longest_edge": 5}}, "-1 for size's shortest_edge"),
        ({"size": {"shortest_edge": 10**9, "longest_edge": 5}}, "from 1 to 2048"),
        ({"size": "large"}, "'large' for size's shortest_edge"),
        ({"image_mean": [0.5, 0.5]}, "image_mean; it must be three numbers"),
        ({"image_std": [0.5, 0, 0.5]}, "gives 0 for image_std; it must be a number from 0.001"),
        ({"image_std": [0.5, None, 0.5]}, "None for image_std"),
        ({"rescale_factor": float("inf")}, "rescale_factor"),
        ({"rescale_factor": True}, "True for rescale_factor"),
        ({"rescale_factor": -1}, "-1 for rescale_factor"),
        ({"image_mean": [float("nan")] * 3}, "nan for image_mean"),
        ({"image_mean": [10**400] * 3}, "0… for image_mean"),
        ({"image_mean": [0.5, "x", 0.5]}, "'x' for image_mean"),
        ({"image_std": [1e-320] * 3}, "image_std"),
        ({"image_std": [-1, 1, 1]}, "-1 for image_std"),
        ({"size": {"shortest_edge": 96, "longest_edge": 8000}}, "8000 for size's longest_edge"),
        ({"size": {"height": True, "width": 96}}, "True for size's height"),
        ({"do_resize": "\x1b[2J"}, r"do_resize = '\\x1b\[2J'"),
        ({"do_normalize": False}, "do_normalize = False, which isn't supported"),
        ({"resample": 3}, "resample = 3"),
    ],
)
def test_settings_that_make_no_sense(folder: Path, tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    values = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8")) | changes
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(InputError, match=says):
        ImageProcessor.read(tmp_path)


def rewritten(path: Path, alter: Callable[[dict[str, Any]], object]) -> None:
    """Write a JSON file anew after `alter` has changed its content."""
    content = json.loads(path.read_text(encoding="utf-8"))
    alter(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("alter", "says"),
    [
        (lambda vocabulary: vocabulary.update({"red": 100_000}), "ids up to 100000, and its model knows 1100 words"),
        (lambda vocabulary: vocabulary.pop("."), r"does not know '\.'"),
        (lambda vocabulary: vocabulary.clear(), "tokenizer in"),
    ],
)
def test_a_tokenizer_that_does_not_belong_to_the_model(folder: Path, tmp_path: Path, alter: Any, says: str) -> None:
    rewritten(copied(folder, tmp_path) / "tokenizer.json", lambda content: alter(content["model"]["vocab"]))
    with pytest.raises(InputError, match=says) as caught:
        detector(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cls_token": None, "sep_token": None}, "lacks the cls token|does not know|ids up to"),
        ({"cls_token": 5}, "doesn't load"),
        ({"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}, r"other files to be read \(auto_map\)"),
        ({"fast_tokenizer_files": ["../../../etc/passwd.json"]}, r"other files to be read \(fast_tokenizer_files\)"),
    ],
)
def test_a_tokenizer_s_settings_that_make_no_sense(folder: Path, tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    rewritten(copied(folder, tmp_path) / "tokenizer_config.json", lambda content: content.update(changes))
    with pytest.raises(InputError, match=says):
        detector(tmp_path)


def test_truncation_and_padding_of_a_tokenizer_s_file_do_not_count(folder: Path, tmp_path: Path) -> None:
    padding = {
        "strategy": {"Fixed": 10**4},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    truncation = {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0}
    rewritten(copied(folder, tmp_path) / "tokenizer.json", lambda content: content.update(padding=padding, truncation=truncation))
    plain, odd = detector(folder, **ALL), detector(tmp_path, **ALL)
    (frame,) = frames(1)
    assert_equal(odd.detect(frame), plain.detect(frame))


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes with names")
@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "preprocessor_config.json"])
def test_pipes_are_not_waited_for(folder: Path, tmp_path: Path, name: str) -> None:
    (copied(folder, tmp_path) / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=r"no regular file|holds no"):
        detector(tmp_path)


@pytest.mark.parametrize("changes", [{"decoder_attention_heads": 3}, {"text_config": {"layer_norm_eps": "x"}}])
def test_a_configuration_that_only_fails_in_use(folder: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    def alter(content: dict[str, Any]) -> None:
        for key, value in changes.items():
            content[key] = content[key] | value if isinstance(value, dict) else value

    rewritten(copied(folder, tmp_path) / "config.json", alter)
    with pytest.raises(InputError, match=r"can't be run|makes no GroundingDino|does not load"):
        detector(tmp_path).detect(*frames(1))


def test_what_fails_after_a_first_run_is_no_matter_of_the_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = detector(folder)

    def fail(images: Any) -> Any:
        raise IndexError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr(made, "_search", fail)
        with pytest.raises(InputError, match=r"can't be run \(IndexError: a defect\)"):
            made.detect(*frames(1))
    made.detect(*frames(1))
    monkeypatch.setattr(made, "_search", fail)
    with pytest.raises(IndexError, match="a defect"):
        made.detect(*frames(1))


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"image_processor": 3}'])
def test_settings_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "preprocessor_config.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="download it again"):
        ImageProcessor.read(tmp_path)


def test_settings_inside_those_of_the_processor(folder: Path, tmp_path: Path) -> None:
    values = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": values}), encoding="utf-8")
    assert ImageProcessor.read(tmp_path) == ImageProcessor.read(folder)


class Scripted(PhraseDetector):
    """Finds what it is told: lists of (box, score, query)."""

    families, default, called = ("none",), "none", "Scripted"

    def __init__(self, script: Sequence[tuple[Sequence[float], float, int]]) -> None:
        one_by_one = SimpleNamespace(in_batches=lambda function, items: [found for item in items for found in function([item])])
        super().__init__(None, one_by_one, 0.3, 0.7)  # type: ignore[arg-type]
        boxes, scores, queries = zip(*script, strict=True)
        self.found = Found(np.array(boxes, float), np.array(scores, float), np.array(queries))

    def _load_once(self) -> None:
        pass

    def _load(self, weights: Any) -> None:
        raise AssertionError("never loaded")

    def _learn(self, queries: Any) -> None:
        self.learnt = list(queries)

    def _find(self, images: list) -> list[Found]:
        return [self.found] * len(images)


def test_broken_numbers_are_left_out_and_told_once() -> None:
    ours = Scripted([((1, 1, 9, 9), 0.9, 0), ((np.nan, 1, 9, 9), 0.8, 0), ((20, 1, 30, 9), np.nan, 1), ((20, 20, 30, 30), 0.7, 1)])
    ours.prepare(None, ["ball", "cart"])
    shown = frames(3)
    assert [(len(found), found.phrases) for found in ours.detect_batch(shown)] == [(2, ["ball", "cart"])] * 3
    assert len(ours.warnings) == 1
    assert ours.warnings[0].startswith("frame 0: 2 boxes or scores")
    ours.prepare(None, ["ball", "cart"])
    assert ours.warnings == []


def test_no_more_than_three_hundred_boxes_a_frame() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 100, (450, 2))
    scores = rng.uniform(0.3, 1, 450)
    ours = Scripted([((x, y, x + 1.5, y + 1.5), score, i % 9) for i, (x, y, score) in enumerate(zip(*corner.T, scores, strict=True))])
    ours.prepare(None, [f"thing {i}" for i in range(9)])
    found = ours.detect(*frames(1))
    assert len(found) == 300
    assert found.scores.min() > 0.4
    assert "over 300 boxes" in ours.warnings[0]


def test_the_whole_picture_for_every_object_is_flagged_and_kept() -> None:
    height, width = SIZE
    script = [((0, 0, width, height), 0.6, 0), ((1, 0, width, height - 2), 0.5, 1), ((5, 5, 20, 20), 0.4, 1)]
    ours = Scripted(script)
    ours.prepare(None, ["ball", "cart"])
    assert ours.detect(*frames(1)).phrases == ["ball", "cart", "cart"]
    assert "as large as the whole picture" in ours.warnings[0]
    for phrases, seen in ((["ball | cart"], script), (["ball", "cart"], script[1:])):
        quiet = Scripted(seen)
        quiet.prepare(None, phrases)
        quiet.detect(*frames(1))
        assert quiet.warnings == []


def test_what_is_learnt() -> None:
    ours = Scripted([((1, 1, 9, 9), 0.9, 0)])
    ours.prepare(None, ["cart | trolley: 0.5", "red ball"])
    assert [tuple(query) for query in ours.learnt] == [
        (0, "cart", "cart", 0.5),
        (0, "cart", "trolley", 0.5),
        (1, "red ball", "red ball", 0.3),
    ]


def test_nothing_learned_is_imported_with_the_class() -> None:
    code = (
        "import sys; from kinescribe.perception.grounded_sam.grounding_dino import GroundingDinoDetector as A;"
        "from kinescribe.perception.grounded_sam.owlv2 import Owlv2Detector as B; A(); B(); A.missing(); B.missing();"
        "print(sorted({'torch', 'torchvision', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
