from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import warnings as python_warnings
from pathlib import Path

import pytest
from weight_files import small_sam

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
from kinescribe.perception.weights import Weights, find, load_pretrained
from kinescribe.perception.weights.library import quiet_offline

torch = pytest.importorskip("torch")
transformers = import_with_torchvision("transformers")
SamModel = transformers.SamModel


@pytest.fixture(scope="module")
def model():
    return small_sam()


@pytest.fixture
def folder(model, tmp_path) -> Path:
    model.save_pretrained(tmp_path / "sam")
    return tmp_path / "sam"


def load(folder: Path, model_class=SamModel, model_types=("sam",), **options):
    return load_pretrained(model_class, Weights("sam", "sam", folder, "folder", None, None), model_types=model_types, **options)


def change(folder: Path, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def resave(folder: Path, alter) -> None:
    """Write the weights anew after `alter` has changed the table."""
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    state = {name: tensor.clone() for name, tensor in state.items()}
    alter(state)
    save_file(state, folder / "model.safetensors")


def equal(one, other) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_model_comes_back_as_it_was(model, folder):
    loaded = load(folder)
    assert equal(loaded, model)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    assert {parameter.device.type for parameter in loaded.parameters()} == {"cpu"}
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_the_same_as_the_librarys_own_loader(folder):
    theirs, ours = SamModel.from_pretrained(folder).eval(), load(folder)
    pixels = torch.rand(2, 3, 32, 32)
    boxes = torch.tensor([[[4.0, 4.0, 20.0, 24.0]]] * 2)
    with torch.no_grad():
        one, other = theirs(pixel_values=pixels, input_boxes=boxes), ours(pixel_values=pixels, input_boxes=boxes)
    assert torch.equal(one.pred_masks, other.pred_masks)


def test_found_weights_load(model, folder):
    found = find(str(folder), families=("sam",), default="sam-vit-base")
    assert equal(load_pretrained(SamModel, found, model_types=("sam",)), model)


def test_half_precision_files_give_full_precision(model, folder):
    resave(folder, lambda state: state.update({name: tensor.half() for name, tensor in state.items()}))
    change(folder, dtype="float16", torch_dtype="float16")
    loaded = load(folder)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    assert torch.allclose(
        loaded.state_dict()["mask_decoder.iou_token.weight"], model.state_dict()["mask_decoder.iou_token.weight"], atol=1e-3
    )


def test_parts(model, tmp_path):
    model.save_pretrained(tmp_path / "parts", max_shard_size="40KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    assert equal(load(tmp_path / "parts"), model)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_of_tensors(model, folder, zipped):
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    assert equal(load(folder), model)


def test_safetensors_are_preferred(model, folder):
    torch.save(small_sam(seed=1).state_dict(), folder / "pytorch_model.bin")
    assert equal(load(folder), model)


class Makes:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_with_code_is_refused(model, folder, tmp_path):
    (folder / "model.safetensors").unlink()
    torch.save({**model.state_dict(), "hook": Makes(tmp_path / "made")}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="refused"):
        load(folder)
    assert not (tmp_path / "made").exists()


def test_the_picture_half_of_a_video_model(tmp_path):
    sizes = {
        "hidden_size": 8,
        "num_attention_heads": 1,
        "image_size": [64, 64],
        "blocks_per_stage": [1, 1, 1, 1],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 2, 2],
        "window_size_per_stage": [2, 2, 2, 2],
        "global_attention_blocks": [2],
        "window_positional_embedding_background_size": [2, 2],
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": {"model_type": "sam2_hiera_det_model", **sizes},
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        "fpn_hidden_size": 32,
    }
    config = transformers.Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 32, "image_size": 64},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 32},
        image_size=64,
        memory_attention_hidden_size=32,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=32,
        memory_encoder_hidden_size=32,
        memory_encoder_output_channels=8,
        mask_downsampler_embed_dim=32,
        memory_fuser_embed_dim=32,
        memory_fuser_intermediate_dim=32,
        memory_attention_rope_feat_sizes=[4, 4],
    )
    torch.manual_seed(0)
    video = transformers.Sam2VideoModel(config)
    video.save_pretrained(tmp_path / "v")
    told: list[str] = []
    picture = load(tmp_path / "v", transformers.Sam2Model, ("sam2", "sam2_video"), warnings=told)
    assert equal(picture, transformers.Sam2Model.from_pretrained(tmp_path / "v"))
    assert equal(load(tmp_path / "v", transformers.Sam2VideoModel, ("sam2_video",), warnings=told), video)
    assert told == []


def test_a_missing_tensor_is_named(folder):
    resave(folder, lambda state: state.pop("mask_decoder.iou_token.weight"))
    with pytest.raises(InputError, match=r"1 tensors missing \(mask_decoder\.iou_token\.weight\)"):
        load(folder)


def test_many_missing_tensors_are_counted(folder):
    resave(folder, lambda state: [state.pop(name) for name in list(state) if name.startswith("mask_decoder.transformer")])
    with pytest.raises(InputError, match=r"tensors missing \(mask_decoder\.transformer.* and \d+ more\)") as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_tensor_of_another_shape_is_named_with_both(folder):
    resave(folder, lambda state: state.update({"mask_decoder.iou_token.weight": torch.zeros(1, 7)}))
    with pytest.raises(InputError, match=r"mask_decoder\.iou_token\.weight \[1, 7\] instead of \[1, 16\]"):
        load(folder)


def test_a_configuration_of_another_size(folder):
    config = json.loads((folder / "config.json").read_text())
    change(folder, vision_config=config["vision_config"] | {"mlp_dim": 24})
    with pytest.raises(InputError, match="another shape"):
        load(folder)


def test_a_few_unused_tensors_are_told(model, folder):
    resave(folder, lambda state: state.update({"extra.scale": torch.zeros(2)}))
    told: list[str] = []
    assert equal(load(folder, warnings=told), model)
    assert len(told) == 1
    assert "1 tensors" in told[0]
    assert "extra.scale" in told[0]
    with pytest.warns(UserWarning, match=r"extra\.scale"):
        load(folder)


def test_tables_that_older_files_hold_are_no_matter(model, folder):
    resave(folder, lambda state: state.update({"vision_encoder.layers.0.attn.relative_position_index": torch.zeros(9, dtype=torch.int64)}))
    told: list[str] = []
    assert equal(load(folder, warnings=told), model)
    assert told == []


def test_many_unused_tensors_are_another_models(folder):
    resave(folder, lambda state: state.update({"extra.scale": torch.zeros(10_000)}))
    with pytest.raises(InputError, match=r"extra\.scale.*another model"):
        load(folder)


def test_another_model_type_is_named(folder):
    change(folder, model_type="owlv2")
    with pytest.raises(InputError, match="type 'owlv2', where 'sam' is needed"):
        load(folder)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"auto_map": {"AutoModel": "code.Model"}}, "Python code"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised"),
        ({"use_pretrained_backbone": True}, "network"),
        ({"use_timm_backbone": True}, "another library"),
        ({"transformers_weights": "/etc/passwd"}, "another file"),
        ({"vision_config": {"auto_map": {"AutoModel": "a--b.c"}}}, "Python code"),
        ({"vision_config": {"hidden_size": 10**9}}, "hidden_size = 1000000000"),
        ({"vision_config": {"num_hidden_layers": 10**6}}, "num_hidden_layers = 1000000"),
        ({"vision_config": {"hidden_size": -(10**9)}}, "no model has"),
        ({"vision_config": {"hidden_size": "many"}}, "hidden_size = many, which is no whole number"),
        ({"vision_config": {"num_attention_heads": 0}}, "num_attention_heads = 0, which no model has"),
        ({"backbone": "microsoft/resnet-50"}, "network"),
        ({"vision_config": {"backbone": "resnet50"}}, "network"),
        ({"backbone_kwargs": {"out_indices": [1]}}, "network"),
        ({"vision_config": {"model_type": "timm_backbone"}}, "another library"),
        ({"use_kernels": True}, "network"),
        ({"attn_implementation": "evil-org/evil-kernel"}, r"attn_implementation = evil-org/evil-kernel"),
        ({"_attn_implementation": {"vision_config": "evil-org/evil"}}, "_attn_implementation"),
        ({"vision_config": {"_attn_implementation_internal": "flash_attention_2"}}, "_attn_implementation_internal"),
        ({"_experts_implementation": "evil-org/evil"}, "_experts_implementation"),
        ({"num_labels": 10_000_000}, "num_labels = 10000000"),
        ({"id2label": {str(i): "x" for i in range(100_001)}}, "100001 values"),
        ({"vision_config": {"window_size": 200}}, "window_size = 200"),
        ({"vision_config": {"window_size_per_stage": [8, 4, 200]}}, "window_size_per_stage = 200"),
        ({"vision_config": {"image_size": 2049}}, "image_size = 2049"),
        ({"vision_config": {"image_size": 0}}, "image_size = 0"),
        ({"vision_config": {"image_size": [64, 4096]}}, "image_size = 4096"),
        ({"vision_config": {"patch_size": 0}}, "patch_size = 0"),
        ({"prompt_encoder_config": {"image_size": 100_000}}, "image_size = 100000"),
        ({"memory_attention_rope_feat_sizes": [100_000, 100_000]}, "rope_feat_sizes = 100000"),
        ({"vision_config": {"backbone_feature_sizes": [[1, 100_000]]}}, "backbone_feature_sizes = 100000"),
        ({"vision_config": {"depths": [900, 900]}}, r"depths = \[900, 900\]"),
        ({"vision_config": {"anything": [0] * 1001}}, "1001 values for anything"),
        ({"hotstart_delay": -5}, "hotstart_delay = -5"),
        ({"max_text_len": -5}, "max_text_len = -5"),
        ({"num_queries": "24"}, "num_queries = 24, which is no whole number"),
        ({"num_queries": 24.0}, "no whole number"),
        ({"vision_config": {"layer_norm_eps": float("nan")}}, "layer_norm_eps = nan"),
        ({"vision_config": {"layer_norm_eps": float("inf")}}, "layer_norm_eps = inf"),
        ({"model_type": "\x1b[2J" + "x" * 1000}, r"of type '\\x1b\[2Jx+…'"),
        ({"vision_config": {"hidden_act": "no such"}}, "makes no SamModel"),
        ({"vision_config": [1, 2]}, "makes no SamModel"),
    ],
)
def test_configurations_that_are_refused(folder, entry, says):
    change(folder, **entry)
    with pytest.raises(InputError, match=says) as caught:
        load(folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "entry",
    [
        {"backbone": None, "backbone_kwargs": None, "use_timm_backbone": False, "use_pretrained_backbone": False, "auto_map": {}},
        {"attn_implementation": "eager", "_attn_implementation_autoset": True},
        {"_attn_implementation": "sdpa", "dtype": "evil", "torch_dtype": "load"},
        {"return_dict": False, "torchscript": True, "output_attentions": True, "chunk_size_feed_forward": 7, "_name_or_path": "a/b"},
    ],
)
def test_what_does_not_describe_the_model_is_left_out(model, folder, entry):
    change(folder, **entry)
    loaded = load(folder)
    assert equal(loaded, model)
    assert (loaded.config.return_dict, loaded.config.output_attentions, loaded.config.chunk_size_feed_forward) == (True, False, 0)


@pytest.mark.parametrize("entry", [{}, {"backbone": "microsoft/resnet-50"}, {"attn_implementation": "kernels-community/flash-attn3"}])
def test_nothing_reaches_the_network(folder, entry, monkeypatch):
    from huggingface_hub import constants, hf_hub_download

    reached = []

    def refuse(*arguments, **options):
        reached.append(arguments)
        raise OSError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    change(folder, **entry)
    if entry:
        with pytest.raises(InputError, match="refused"):
            load(folder)
    else:
        load(folder)
    with quiet_offline(), pytest.raises(Exception, match=r"offline|disabled|local"):
        hf_hub_download("microsoft/resnet-50", "config.json", cache_dir=folder / "cache")
    assert reached == []
    assert constants.HF_HUB_OFFLINE is False


def test_tables_that_no_model_has_take_no_memory(folder, monkeypatch):
    from kinescribe.perception.weights import pretrained

    monkeypatch.setattr(pretrained, "MOST_COMPUTED", -1)
    with pytest.raises(InputError, match="tables of 0 numbers"):
        load(folder)


def test_shapes_are_compared_before_anything_is_built(folder, monkeypatch):
    resave(folder, lambda state: state.update({"mask_decoder.iou_token.weight": torch.zeros(1, 7)}))
    monkeypatch.setattr(SamModel, "from_pretrained", lambda *arguments, **options: pytest.fail("was built"))
    with pytest.raises(InputError, match=r"1 tensors of another shape"):
        load(folder)


def test_whole_numbers_in_place_of_weights(folder):
    resave(folder, lambda state: state.update({"mask_decoder.iou_token.weight": torch.zeros(1, 16, dtype=torch.int64)}))
    with pytest.raises(InputError, match=r"1 tensors of another kind \(mask_decoder\.iou_token\.weight torch\.int64\)"):
        load(folder)


@pytest.mark.parametrize("content", ["", "not json", "[]", "[" * 100_000, '{"model_type": ["sam"]}', "{}", "\x00"])
def test_no_configuration(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config\.json|type"):
        load(folder)


def test_nesting_without_end(folder):
    inner: dict[str, object] = {}
    for _ in range(50):
        inner = {"a": inner}
    change(folder, vision_config=inner)
    with pytest.raises(InputError, match="deep"):
        load(folder)


def test_a_single_file_names_its_folder(folder):
    with pytest.raises(UsageError, match=f"name its folder '{folder}'"):
        load(folder / "model.safetensors")


def test_no_configuration_and_no_weights(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="no weights file"):
        load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"no config\.json"):
        load(folder)


LIMITED = """
import json, resource, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
transformers = import_with_torchvision("transformers")
from kinescribe.errors import InputError
from kinescribe.perception.weights import Weights, load_pretrained
folder = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_pretrained(transformers.SamModel, Weights("x", None, folder, "folder", None, None), model_types=("sam",))
except InputError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes with names")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_pipes_are_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match=r"no regular file|no weights file"):
        load(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
def test_a_model_that_its_file_can_not_fill_takes_no_memory(folder):
    config = json.loads((folder / "config.json").read_text())
    change(folder, vision_config=config["vision_config"] | {"hidden_size": 8192, "mlp_dim": 1_000_000})  # 131 GB
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder)], capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    said, kilobytes = ran.stdout.splitlines()
    assert "they don't belong together" in said
    assert int(kilobytes) < 200_000


def test_the_librarys_messages_are_back_on_afterwards(folder, capfd):
    from transformers.utils import logging

    level = logging.get_verbosity()
    bar = logging.is_progress_bar_enabled()
    filters = list(python_warnings.filters)
    load(folder)
    assert python_warnings.filters == filters
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, bar)
    assert capfd.readouterr() == ("", "")
