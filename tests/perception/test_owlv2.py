import json
import shutil
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import small_models
from phrase_detections import HARDLY_ANY, SIZE, assert_close, frames, of, suppressed

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.detections import Detections
from kinescribe.perception.grounded_sam.owlv2 import Owlv2Detector
from kinescribe.video.frame import Frame

torch = pytest.importorskip("torch")

from kinescribe.perception.grounded_sam._image_processor import ImageProcessor  # noqa: E402
from kinescribe.perception.grounded_sam.runtime import Runtime  # noqa: E402
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision  # noqa: E402

ALL = {"box_threshold": 1e-9, "exemplar_threshold": 1e-9, "nms_iou": HARDLY_ANY}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_models.write_owlv2(tmp_path_factory.mktemp("owlv2"))


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("examples") / "my cart, red.png"
    path.write_bytes(cv2.imencode(".png", frames(1, (60, 80), seed=5)[0].image)[1].tobytes())
    return path


def detector(folder: Path, phrases: list[str], batch_size: int = 1, **options: Any) -> Owlv2Detector:
    made = Owlv2Detector(weights=str(folder), runtime=Runtime.choose("cpu", precision="fp32", batch_size=batch_size), **options)
    made.prepare(None, phrases)
    return made


class Recipe:
    """As the documentation of transformers has it: processor, model, post-processing; one phrase, one picture."""

    def __init__(self, folder: Path) -> None:
        transformers = import_with_torchvision("transformers")
        images = transformers.Owlv2ImageProcessor.from_pretrained(folder)
        self.processor = transformers.Owlv2Processor(images, transformers.CLIPTokenizer.from_pretrained(folder))
        self.model = transformers.Owlv2ForObjectDetection.from_pretrained(folder).eval()

    def words(self, frame: Frame, phrase: str) -> tuple[np.ndarray, np.ndarray]:
        inputs = self.processor(images=frame.image[..., ::-1].copy(), text=[[phrase]], return_tensors="pt")
        with torch.inference_mode():
            outputs = self.model(**inputs)
        (result,) = self.processor.post_process_grounded_object_detection(outputs, threshold=0.0, target_sizes=[frame.image.shape[:2]])
        return result["boxes"].double().numpy(), result["scores"].double().numpy()

    def picture(self, frame: Frame, example: Path) -> tuple[np.ndarray, np.ndarray]:
        query = cv2.imdecode(np.fromfile(example, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].copy()
        inputs = self.processor(images=frame.image[..., ::-1].copy(), query_images=query, return_tensors="pt")
        with torch.inference_mode():
            outputs = self.model.image_guided_detection(**inputs)
        middle, half = outputs.target_pred_boxes[0, :, :2].double().numpy(), outputs.target_pred_boxes[0, :, 2:].double().numpy() / 2
        boxes = np.hstack([middle - half, middle + half]) * max(frame.image.shape[:2])
        return boxes, outputs.logits[0, :, 0].sigmoid().double().numpy()


def assert_like(found: Detections, expected: tuple[np.ndarray, np.ndarray]) -> None:
    assert len(found) > 10
    assert_close(found, *expected)


def test_words_equal_the_plain_recipe(folder: Path) -> None:
    plain, shown = Recipe(folder), frames(2)
    ours = detector(folder, ["a red ball", "Trolley", "мяч"], 2, **ALL)
    for frame, found in zip(shown, ours.detect_batch(shown), strict=True):
        for label, sentence in (
            ("a red ball", "a photo of a red ball"),
            ("Trolley", "a photo of a trolley"),
            ("мяч", "a photo of a мяч"),
        ):
            assert_like(of(found, label), suppressed(*plain.words(frame, sentence)))
    assert ours.provenance["family"] == "owlv2"


def test_example_pictures_equal_the_model_s_own_search(folder: Path, example: Path) -> None:
    (frame,) = frames(1)
    expected = suppressed(*Recipe(folder).picture(frame, example))
    assert_like(detector(folder, [f'"@{example}"'], **ALL).detect(frame), expected)
    by_label = detector(folder, ["cart", "red ball"], exemplars={"Cart": example}, **ALL).detect(frame)
    assert_like(of(by_label, "cart"), expected)
    assert_like(of(by_label, "red ball"), suppressed(*Recipe(folder).words(frame, "a photo of a red ball")))


def test_batches_change_nothing(folder: Path) -> None:
    shown = frames(8)
    phrases = ["red ball | trolley", "a long black pole", "cart: 0.5"]
    one, many = detector(folder, phrases, 1, **ALL), detector(folder, phrases, 8, **ALL)
    for single, batched in zip(one.detect_batch(shown), many.detect_batch(shown), strict=True):
        assert single.phrases == batched.phrases
        assert_close(single, batched.boxes, batched.scores)


def test_several_devices_find_what_one_finds(folder: Path) -> None:
    cpu = torch.device("cpu")
    both = Owlv2Detector(weights=str(folder), runtime=Runtime([cpu, cpu], torch.float32), **ALL)
    both.prepare(None, ["ball"])
    shown = frames(3)
    for one, other in zip(both.detect_batch(shown), detector(folder, ["ball"], **ALL).detect_batch(shown), strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-4 * max(SIZE))


def test_thresholds_of_words_and_of_pictures(folder: Path, example: Path) -> None:
    (frame,) = frames(1)
    phrases = ["red ball", f'"@{example}"']
    everything = detector(folder, phrases, **ALL).detect(frame)
    limits = {label: float(np.median(of(everything, label).scores)) for label in set(everything.phrases)}
    words, picture = limits["red ball"], limits[f"@{example}"]
    usual = detector(folder, phrases, **{**ALL, "box_threshold": words, "exemplar_threshold": picture}).detect(frame)
    own = detector(folder, [f"{phrases[0]}: {words}", f"{phrases[1]}: {picture}"], **ALL).detect(frame)
    for label, limit in limits.items():
        scores = of(everything, label).scores
        for found in (usual, own):
            np.testing.assert_allclose(of(found, label).scores, scores[scores > limit], atol=1e-6)


def test_synonyms_share_a_label(folder: Path, example: Path) -> None:
    (frame,) = frames(1)
    found = detector(folder, [f'cart | trolley | "@{example}"'], **{**ALL, "nms_iou": 0.5}).detect(frame)
    apart = detector(folder, ["cart", "trolley", f'"@{example}"'], **ALL).detect(frame)
    boxes, scores = suppressed(apart.boxes, apart.scores, 0.5)
    assert set(found.phrases) == {"cart"}
    np.testing.assert_allclose(found.boxes, boxes, atol=1e-3)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)


@pytest.mark.parametrize("size", [(121, 203), (203, 121), (96, 96), (40, 30), (500, 333), (97, 1)])
def test_preprocessing_equals_the_model_s_own(folder: Path, size: tuple[int, int]) -> None:
    processor = import_with_torchvision("transformers").Owlv2ImageProcessor.from_pretrained(folder)
    (frame,) = frames(1, size)
    theirs = processor(images=frame.image[..., ::-1].copy(), return_tensors="pt").pixel_values
    ours = ImageProcessor.read(folder).squared(Runtime.choose("cpu").upload([frame.image]))
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-4)


def test_the_sentence_around_the_words(folder: Path) -> None:
    (frame,) = frames(1)
    plain = detector(folder, ["the red ball"], template="{}", **ALL).detect(frame)
    assert_like(plain, suppressed(*Recipe(folder).words(frame, "red ball")))
    for template in ("a photo", "{} and {}"):
        with pytest.raises(UsageError, match=r"must hold \{\} once"):
            Owlv2Detector(template=template)


def test_phrases_too_long(folder: Path) -> None:
    with pytest.raises(UsageError, match=r'"a very long name .*" takes \d+ tokens .* reads 16; use fewer words'):
        detector(folder, ["a very long name of a thing"])


def test_pictures_that_are_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"example picture nowhere\.png can't be read: No such file"):
        detector(folder, ["@nowhere.png"])
    for content in (b"", b"no picture"):
        (tmp_path / "text.png").write_bytes(content)
        with pytest.raises(InputError, match="is not a picture; use a PNG or JPEG"):
            detector(folder, [f"@{tmp_path / 'text.png'}"])


def test_pictures_too_large_to_read(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    for width, height in ((9000, 9000), (60_000, 60_000), (60_000, 1)):
        chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT": b"", b"IEND": b""}
        parts = [struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks.items()]
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
        with pytest.raises(InputError, match=r"large\.png is over 8000 px high or wide"):
            detector(folder, [f"@{path}"])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a device file")
def test_a_device_is_no_picture(folder: Path) -> None:
    with pytest.raises(InputError, match="example picture /dev/zero can't be read: it is no regular file"):
        detector(folder, ["@/dev/zero"])


def test_a_tokenizer_with_more_words_than_the_model(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy" / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["vocab"] = {word: number + 10**6 for word, number in content["model"]["vocab"].items()}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"the tokenizer in .*(ids up to 1000|doesn't load)"):
        detector(tmp_path / "copy", ["ball"])


def test_pictures_for_what_is_not_asked_for(folder: Path, example: Path) -> None:
    with pytest.raises(UsageError, match='a picture for "pole", which is not asked for; the objects are: cart'):
        detector(folder, ["cart"], exemplars={"pole": example})
    found = detector(folder, [], exemplars={"pole": example}, **ALL).detect(*frames(1))
    assert set(found.phrases) == {"pole"}
    with pytest.raises(UsageError, match="name the objects"):
        detector(folder, [])


def test_a_model_that_sees_another_size(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes().replace(b'"height": 96, "width": 96', b'"height": 64, "width": 64'))
    with pytest.raises(InputError, match=r"scales pictures to \(64, 64\), but its model sees 96"):
        detector(tmp_path, ["ball"])


def test_half_precision_runs(folder: Path, example: Path) -> None:
    half = Owlv2Detector(weights=str(folder), runtime=Runtime.choose("cpu", precision="bf16"), **ALL)
    half.prepare(None, ["red ball", f'"@{example}"'])
    (frame,) = frames(1)
    found, exact = half.detect(frame), detector(folder, ["red ball", f'"@{example}"'], **ALL).detect(frame)
    assert np.isfinite(found.boxes).all()
    assert abs(float(found.scores.mean() - exact.scores.mean())) < 0.05
