import subprocess
import sys

import numpy as np
import pytest

from kinescribe.errors import InputError, UsageError
from kinescribe.evaluation import Lpips

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(2)
ALEXNET = {0: 11, 3: 5, 6: 3, 8: 3, 10: 3}  # sides of the kernels
VGG = dict.fromkeys((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), 3)
LAST_OF_STAGE = {"alexnet": (0, 3, 6, 8, 10), "vgg16": (2, 7, 14, 21, 28)}


def weights(kind="alexnet", width=4, seed=0):
    """A narrow network with random weights: the backbone's tensors, and those of the linear layers."""
    made = torch.Generator().manual_seed(seed)
    backbone, before = {}, 3
    for number, side in (ALEXNET if kind == "alexnet" else VGG).items():
        backbone[f"features.{number}.weight"] = torch.randn(width, before, side, side, generator=made) / side
        backbone[f"features.{number}.bias"] = torch.randn(width, generator=made) / 10
        before = width
    linear = {f"lin{k}.model.1.weight": torch.rand(1, width, 1, 1, generator=made) for k in range(5)}
    return backbone, linear


def saved(folder, *tables):
    for k, table in enumerate(tables):
        torch.save(table, folder / f"part{k}.pth")
    return folder


def pictures(height=70, width=64):
    return tuple(RNG.integers(0, 256, (height, width, 3), np.uint8) for _ in range(2))


@pytest.mark.parametrize("kind", ["alexnet", "vgg16"])
def test_equal_pictures_have_no_distance_and_the_order_does_not_matter(tmp_path, kind):
    metric = Lpips.load(saved(tmp_path, *weights(kind)), device="cpu")
    one, other = pictures()
    assert metric.kind == kind
    assert metric.distance(one, one) == 0
    assert metric.distance(one, other) == pytest.approx(metric.distance(other, one))
    assert metric.distance(one, other) > 0.01
    assert metric.distance(one, other) > metric.distance(one, (one * 0.9 + other * 0.1).astype(np.uint8))


def test_bytes_floats_and_grey_pictures_agree(tmp_path):
    metric = Lpips.load(saved(tmp_path, *weights()), device="cpu")
    one, other = pictures()
    assert metric.distance(one / 255, other / 255) == pytest.approx(metric.distance(one, other), rel=1e-5)
    grey = [np.repeat(picture[..., :1], 3, axis=2) for picture in (one, other)]
    assert metric.distance(one[..., 0], other[..., 0]) == pytest.approx(metric.distance(*grey), rel=1e-5)


def test_distance_scales_with_the_linear_weights(tmp_path):
    backbone, linear = weights()
    one, other = pictures()
    plain = Lpips.load(saved(tmp_path, backbone, linear), device="cpu").distance(one, other)
    twice = Lpips.load(saved(tmp_path, backbone, {key: 2 * value for key, value in linear.items()}), device="cpu")
    assert twice.distance(one, other) == pytest.approx(2 * plain, rel=1e-5)


def test_black_and_white_by_hand(tmp_path):
    # two channels, red over and under its mean, seen through kernels of one pixel: unit vectors along different axes
    backbone, linear = weights(width=2)
    for key in backbone:
        backbone[key] = torch.zeros(2, 3, 1, 1) if key == "features.0.weight" else torch.zeros_like(backbone[key])
    backbone["features.0.weight"][0, 0], backbone["features.0.weight"][1, 0] = 1.0, -1.0
    linear = {key: torch.zeros(1, 2, 1, 1) for key in linear}
    linear["lin0.model.1.weight"] += torch.tensor([0.3, 0.5]).reshape(1, 2, 1, 1)
    metric = Lpips.load(saved(tmp_path, backbone, linear), device="cpu")
    black = np.zeros((64, 64, 3), np.uint8)
    # of 17 places a side, -2, 2, 6 … 62, the first lies in the padding, where both are zero
    white, red, blue = black + 255, black.copy(), black.copy()
    red[..., 2] = blue[..., 0] = 255
    expected = pytest.approx((0.3 + 0.5) * (16 / 17) ** 2, rel=1e-5)
    assert metric.distance(black, white) == expected
    assert metric.distance(black, red) == expected
    assert metric.distance(black, blue) == 0


def reference(features, taps, linear, one, other):
    """The definition, on torchvision's own layers."""
    shift, spread = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    sides = []
    for picture in (one, other):
        value = torch.from_numpy(((picture[..., ::-1] / 127.5 - 1 - shift) / spread).transpose(2, 0, 1)[None]).float()
        kept = []
        with torch.no_grad():
            for number, layer in enumerate(features):
                value = layer(value)
                if number in taps:
                    kept.append(value[0].numpy().astype(float).copy())
        sides.append([f / np.sqrt((f**2).sum(axis=0)) for f in kept])
    return sum(
        float((((a - b) ** 2).mean(axis=(1, 2)) * linear[f"lin{k}.model.1.weight"].numpy().ravel()).sum())
        for k, (a, b) in enumerate(zip(*sides, strict=True))
    )


@pytest.mark.parametrize("kind", ["alexnet", "vgg16"])
def test_equals_the_definition_on_the_backbone_of_torchvision(tmp_path, kind):
    from kinescribe.perception.grounded_sam.torchvision import import_torchvision

    models = import_torchvision().models
    torch.manual_seed(4)
    features = getattr(models, kind)(weights=None).features.eval()
    for layer in features:
        if hasattr(layer, "inplace"):
            layer.inplace = False
        if getattr(layer, "bias", None) is not None:
            torch.nn.init.uniform_(layer.bias, 0.0, 0.1)  # so that no place is without any feature
    ends = LAST_OF_STAGE[kind]
    linear = {f"lin{k}.model.1.weight": torch.rand(1, features[n].out_channels, 1, 1) for k, n in enumerate(ends)}
    backbone = {f"features.{key}": value for key, value in features.state_dict().items()}
    metric = Lpips.load(saved(tmp_path, backbone | {"classifier.1.weight": torch.zeros(2, 2)}, linear), device="cpu")
    one, other = pictures(66, 72)
    assert metric.distance(one, other) == pytest.approx(reference(features, [n + 1 for n in ends], linear, one, other), rel=1e-4)


def test_the_state_of_the_package_lpips_in_one_file(tmp_path):
    backbone, linear = weights()
    one, other = pictures()
    expected = Lpips.load(saved(tmp_path, backbone, linear), device="cpu").distance(one, other)
    stages = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}
    whole = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1)} | linear
    for key, value in backbone.items():
        number = int(key.split(".")[1])
        whole[key.replace("features", f"net.slice{stages[number]}")] = value
    torch.save(whole, tmp_path / "whole.pt")
    assert Lpips.load(tmp_path / "whole.pt", device="cpu").distance(one, other) == pytest.approx(expected)


def test_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    backbone, linear = weights()
    safetensors.save_file(backbone | linear, tmp_path / "lpips.safetensors")
    one, other = pictures()
    there = Lpips.load(tmp_path, device="cpu").distance(one, other)
    (tmp_path / "lpips.safetensors").unlink()
    assert Lpips.load(saved(tmp_path, backbone, linear), device="cpu").distance(one, other) == there


class Evil:
    def __reduce__(self):
        return print, ("code has run",)


def test_code_in_weights_is_not_run(tmp_path, capsys):
    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match="refused"):
        Lpips.load(tmp_path, device="cpu")
    assert "code has run" not in capsys.readouterr().out


def lacking(table, key):
    return {name: value for name, value in table.items() if name != key}


BACKBONE, LINEAR = weights()


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        ([], "holds no weights"),
        ([LINEAR], "has no features.0.weight"),
        ([BACKBONE], "lacks the tensor 'lin0.model.1.weight'"),
        ([BACKBONE, lacking(LINEAR, "lin3.model.1.weight")], "lacks the tensor 'lin3.model.1.weight'"),
        ([lacking(BACKBONE, "features.6.bias"), LINEAR], "lacks the tensor 'features.6.bias'"),
        ([lacking(BACKBONE, "features.6.weight"), LINEAR], r"has convolutions \[0, 3, 8, 10\]"),
        ([BACKBONE, weights(width=5)[1]], "the linear layers are another network's"),
        ([BACKBONE | {"features.3.weight": torch.zeros(4, 9, 5, 5)}, LINEAR], "layer features.3 of shapes"),
        ([BACKBONE | {"features.0.bias": torch.full((4,), float("nan"))}, LINEAR], "finite floats"),
        ([BACKBONE, LINEAR, LINEAR], "as another file beside it"),
    ],
)
def test_what_is_no_network_is_named(tmp_path, tables, line):
    with pytest.raises(InputError, match=line) as raised:
        Lpips.load(saved(tmp_path, *tables), device="cpu")
    assert "\n" not in str(raised.value)


def test_without_weights_it_says_where_they_come_from_and_downloads_nothing(tmp_path):
    with pytest.raises(InputError, match="none are downloaded") as raised:
        Lpips.load(tmp_path / "lpips")
    assert "alex.pth" in str(raised.value)


@pytest.mark.parametrize(("device", "line"), [("gpu", "unknown device 'gpu'"), ("cpu,cpu", "unknown device")])
def test_a_device_that_is_none_is_refused(tmp_path, device, line):
    with pytest.raises(UsageError, match=line):
        Lpips.load(saved(tmp_path, *weights()), device=device)


def test_pictures_that_do_not_fit_are_refused(tmp_path):
    metric = Lpips.load(saved(tmp_path, *weights()), device="cpu")
    with pytest.raises(UsageError, match="pictures of 20 x 16 px"):
        metric.distance(*pictures(16, 20))
    with pytest.raises(UsageError, match="scale one of them"):
        metric.distance(pictures(64, 64)[0], pictures(64, 65)[0])
    with pytest.raises(UsageError, match="predicted picture has 12288 values that are not finite"):
        metric.distance(np.zeros((64, 64, 3)), np.full((64, 64, 3), np.nan))


def test_without_lpips_no_torch_is_imported():
    code = "import sys, kinescribe.evaluation.video; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
