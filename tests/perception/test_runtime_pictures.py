import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.grounded_sam.runtime import Runtime, normalize, resize
from kinescribe.perception.grounded_sam.runtime import pictures as pictures_module
from kinescribe.perception.grounded_sam.runtime import upload as upload_module
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision


def noise(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def torchvision_resize(images, size):
    functional = import_with_torchvision("torchvision.transforms.v2.functional")
    return functional.resize(images, list(size), antialias=True)


@pytest.mark.parametrize("target", [(20, 33), (64, 64), (75, 40), (50, 91), (200, 333), (1, 2), (50, 1), (49, 90)])
@pytest.mark.parametrize("count", [1, 3])
def test_resize_is_torchvisions_bit_for_bit_on_the_cpu(target, count):
    images = noise(count, 3, 50, 90)
    ours = resize(images, target)
    assert ours.dtype == torch.float32
    assert ours.shape == (count, 3, *target)
    assert torch.equal(ours, torchvision_resize(images, target).float())


def test_resize_does_not_depend_on_how_the_memory_is_laid_out():
    images = noise(2, 60, 70, 3)
    channels_last = images.permute(0, 3, 1, 2)
    assert torch.equal(resize(channels_last, (31, 44)), resize(channels_last.contiguous(), (31, 44)))


@settings(max_examples=60)
@given(*[st.integers(2, 70)] * 4, st.integers(0, 10**6))
def test_other_devices_differ_by_one_grey_level_at_most(height, width, to_height, to_width, seed):
    images = noise(1, 3, height, width, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures_module, "_has_uint8_kernel", lambda: False)  # as on a GPU: float32, rounded
        floated = resize(images, (to_height, to_width))
    assert torch.equal(floated, floated.round())
    assert floated.min() >= 0
    assert floated.max() <= 255
    assert (floated - resize(images, (to_height, to_width))).abs().max() <= 1


def test_resize_keeps_flat_pictures_and_those_of_the_right_size():
    flat = torch.full((1, 3, 37, 53), 201, dtype=torch.uint8)
    assert torch.equal(resize(flat, (300, 17)), torch.full((1, 3, 300, 17), 201.0))
    images = noise(2, 3, 20, 30)
    assert torch.equal(resize(images, (20, 30)), images.float())
    assert resize(images[:0], (7, 8)).shape == (0, 3, 7, 8)
    assert torch.equal(resize(flat, (1, 1)), torch.full((1, 3, 1, 1), 201.0))


@pytest.mark.parametrize("images", [torch.zeros(1, 3, 8, 8), noise(3, 8, 8), noise(1, 4, 8, 8), noise(1, 3, 0, 8)])
def test_resize_refuses_what_is_no_picture(images):
    with pytest.raises(UsageError, match=r"uint8 \(B, 3, H, W\) is wanted"):
        resize(images, (4, 4))


def test_resize_refuses_empty_sizes():
    with pytest.raises(UsageError, match="0×4"):
        resize(noise(1, 3, 8, 8), (0, 4))


@pytest.mark.parametrize(("mean", "std"), [((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))])
def test_normalize_is_exact_to_a_millionth(mean, std):
    images = noise(2, 3, 40, 50)
    exact = (images.double() / 255 - torch.tensor(mean, dtype=torch.float64).view(1, 3, 1, 1)) / torch.tensor(std).double().view(1, 3, 1, 1)
    made = normalize(images, mean, std)
    assert made.dtype == torch.float32
    # the std of the truth above is a float32 number too, so that only the arithmetic is judged
    assert (made.double() - exact).abs().max() < 1e-6


def test_normalize_leaves_its_input_alone_and_takes_the_scale():
    images = torch.full((1, 3, 2, 2), 10.0)
    made = normalize(images, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), scale=1.0)
    assert torch.equal(images, torch.full((1, 3, 2, 2), 10.0))
    assert made[0, :, 0, 0].tolist() == pytest.approx([(10 - 123.675) / 58.395, (10 - 116.28) / 57.12, (10 - 103.53) / 57.375], abs=1e-6)


def test_upload_turns_bgr_rows_into_rgb_planes():
    images = [np.random.default_rng(i).integers(0, 256, (11, 17, 3), np.uint8) for i in range(3)]
    sent = Runtime.choose("cpu").upload(images)
    assert sent.shape == (3, 3, 11, 17)
    assert sent.dtype == torch.uint8
    assert sent.is_contiguous()
    for image, planes in zip(images, sent.numpy(), strict=True):
        for channel in range(3):
            np.testing.assert_array_equal(planes[channel], image[:, :, 2 - channel])


def test_upload_takes_views_and_copies():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    sent = Runtime.choose("cpu").upload([image[::2, ::-1]])
    np.testing.assert_array_equal(sent[0].numpy(), image[::2, ::-1, ::-1].transpose(2, 0, 1))
    image[:] = 0
    assert sent.numpy().any()


def test_upload_refuses_what_does_not_fit():
    runtime = Runtime.choose("cpu")
    picture = np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(UsageError, match="at least one"):
        runtime.upload([])
    with pytest.raises(InputError, match=r"6×4 and 4×6 px"):
        runtime.upload([picture, np.zeros((6, 4, 3), np.uint8)])
    for wrong in (
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((0, 6, 3), np.uint8),
    ):
        with pytest.raises(InputError, match="is wanted"):
            runtime.upload([wrong])


class Sent:
    """An event that notes when it is waited for."""

    def __init__(self, waits):
        self.waits = waits

    def synchronize(self):
        self.waits.append(self)


def test_pinned_buffer_waits_for_what_was_sent_and_is_reused(monkeypatch):
    made = []
    allocate = torch.empty

    def empty(count, dtype, pin_memory):
        assert pin_memory
        made.append(count)
        return allocate(count, dtype=dtype)

    monkeypatch.setattr(torch, "empty", empty)
    buffer, waits = upload_module._Pinned(), []
    images = [np.random.default_rng(i).integers(0, 256, (5, 7, 3), np.uint8) for i in range(4)]
    first = buffer.fill(images[:2])
    assert waits == []
    assert torch.equal(first, torch.from_numpy(np.stack(images[:2])))
    event = buffer.sent = Sent(waits)
    second = buffer.fill(images[2:3])
    assert waits == [event]
    assert second.data_ptr() == first.data_ptr()
    assert torch.equal(second, torch.from_numpy(images[2][None]))
    buffer.fill(images)
    assert made == [2 * 105, 4 * 105]
