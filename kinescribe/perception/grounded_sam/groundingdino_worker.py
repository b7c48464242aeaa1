"""A program that runs the package `groundingdino-py` in an environment of its own and is spoken to over pipes.

It is started as ``python -I groundingdino_worker.py`` by an interpreter that has the package but not kinescribe, of which it imports
nothing; kinescribe imports the functions that write and read messages from here, so this module loads without torch.

A message is the four bytes ``KSW1``, the header's length (unsigned 32 bits, little-endian), the header (a JSON object) and the bytes of the
arrays that the header lists under ``arrays``: ``{name: [dtype, shape]}``, in that order, little-endian, row by row. Every request gets one
answer; one with ``error`` holds no result. The requests are the methods of `Session`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import math
import os
import re
import struct
import sys
import traceback
from io import BufferedReader
from typing import IO, Any

import numpy as np

__all__ = ["HELLO", "PACKAGES", "ProtocolError", "Session", "read_message", "serve", "versions", "write_message"]

MAGIC = b"KSW1"
HELLO = {"hello": "kinescribe-groundingdino", "protocol": 1}
MOST_HEADER_BYTES, MOST_ARRAY_BYTES = 2**20, 2**33
MOST_REPLY_BYTES = 2**26  # of the arrays in an answer: some boxes, where a request holds pictures
MOST_DIMENSIONS, LONGEST_TEXT = 8, 200
DTYPES = ("|u1", "<i8", "<f4", "<f8")
PACKAGES = ("groundingdino-py", "transformers", "torch", "torchvision")
CONFIGURATIONS = {96: ("GroundingDINO_SwinT_OGC", "Swin-T"), 128: ("GroundingDINO_SwinB_cfg", "Swin-B")}  # by channels of the first layer
PATCHES = "backbone.0.patch_embed.proj.weight"
UNUSED = ("label_enc.weight", "bert.embeddings.position_ids")  # in the original checkpoints: of the training, and of old transformers
OPERATOR = re.compile(r"operator torchvision::(\w+) does not exist")
_declared: list[Any] = []  # a declaration of an operator lives as long as its object


class ProtocolError(Exception):
    """What came is no message."""


class ProblemError(Exception):
    """A request that can't be fulfilled. `kind`: package, usage, input or memory."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def write_message(stream: IO[bytes], header: dict[str, Any], arrays: dict[str, Any] | None = None) -> None:
    """Send a header and arrays, and flush."""
    items = {name: np.asarray(array, order="C") for name, array in (arrays or {}).items()}
    for name, array in items.items():
        if array.dtype.str not in DTYPES:
            raise ValueError(f"an array '{name}' of {array.dtype} can't be sent; use one of {', '.join(DTYPES)}")
    listed = {name: [array.dtype.str, list(array.shape)] for name, array in items.items()}
    text = json.dumps({**header, "arrays": listed}).encode("ascii")
    stream.write(MAGIC + struct.pack("<I", len(text)) + text)
    for array in items.values():
        stream.write(array.reshape(-1).view(np.uint8).data)
    stream.flush()


def read_message(stream: BufferedReader, most: int = MOST_ARRAY_BYTES) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The next header and its arrays by name; None where the stream ends.

    `most`: bytes of all arrays together. Raises `ProtocolError` for what is no message, is larger, or breaks off.
    """
    # what is there by now, however little: whoever prints a word and then waits to be asked would never send the rest of a message's start
    seen = stream.peek()
    if not seen:
        return None
    if not MAGIC.startswith(seen[: len(MAGIC)]):
        line = (seen.strip().splitlines() or [seen])[0]
        raise ProtocolError(f"it begins {line[:LONGEST_TEXT].decode('utf-8', 'replace')!r:.{LONGEST_TEXT}}")
    size = struct.unpack("<I", _exactly(stream, 8)[4:])[0]
    if size > MOST_HEADER_BYTES:
        raise ProtocolError(f"its header has {size} bytes")
    try:
        header = json.loads(_exactly(stream, size))
        listed = {str(name): (dtype, tuple(shape)) for name, (dtype, shape) in header.pop("arrays").items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProtocolError(f"its header is damaged: {_line(error)[:LONGEST_TEXT]}") from error
    arrays = {}
    for name, (dtype, shape) in listed.items():
        if dtype not in DTYPES or len(shape) > MOST_DIMENSIONS or any(type(n) is not int or n < 0 for n in shape):
            raise ProtocolError(f"its array {name!r:.60} is {[dtype, *shape]!s:.{LONGEST_TEXT}}")
        # an empty array takes no bytes, but its other sides must be countable too
        if math.prod(max(n, 1) for n in shape) * np.dtype(dtype).itemsize > most:
            raise ProtocolError(f"its array {name!r:.60} of {dtype} is {list(shape)}, and all take {most} bytes at most")
        count = math.prod(shape) * np.dtype(dtype).itemsize
        most -= count
        arrays[name] = np.frombuffer(_exactly(stream, count), dtype).reshape(shape)
    return header, arrays


def _exactly(stream: BufferedReader, count: int) -> bytes:
    parts, left = [], count
    while left > 0:
        part = stream.read(min(left, 2**26))
        if not part:
            raise ProtocolError(f"it breaks off {left} bytes before its end")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def versions() -> dict[str, str | None]:
    """What is installed beside this interpreter, None for what isn't."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


class EncodedOnce:
    """In the place of a model's backbone: encodes some pictures once, then hands out the features of those that are asked for."""

    def __init__(self, backbone: Any) -> None:
        self.backbone = backbone
        self.chosen: Any = None
        self.features: list[Any] = []
        self.places: list[Any] = []

    def encode(self, pixels: Any) -> None:
        """Read pictures (B, 3, H, W)."""
        misc = importlib.import_module("groundingdino.util.misc")
        self.features, self.places = self.backbone(misc.nested_tensor_from_tensor_list(list(pixels)))

    def forget(self) -> None:
        """Free the memory of the pictures."""
        self.features, self.places = [], []

    def __getitem__(self, index: int) -> Any:
        return self.backbone[index]

    def __call__(self, _: Any) -> tuple[list[Any], list[Any]]:
        at = self.chosen
        return [type(item)(item.tensors[at], item.mask[at]) for item in self.features], [place[at] for place in self.places]


class Session:
    """A model, and the pictures that it has encoded last."""

    def __init__(self) -> None:
        self.model: Any = None
        self.pixels: Any = None

    def load(self, arrays: dict[str, Any], checkpoint: str, vocabulary: str, device: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Build the network that the checkpoint's tensors describe, with the words of a vocabulary file of BERT."""
        here = versions()
        torch, transformers, texts, build_model = packages(here)
        self.device = torch.device(device)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise ProblemError("usage", f"torch {torch.__version__} beside {sys.executable} finds no CUDA GPU; use --device cpu")
        state = read_state(checkpoint)
        settings, architecture = settings_of(checkpoint, state)
        kind = "vocab_file" if vocabulary.endswith(".txt") else "tokenizer_file"
        tokenizer = transformers.BertTokenizerFast(**{kind: vocabulary})
        sizes = text_settings_of(checkpoint, state)
        if len(tokenizer) != sizes["vocab_size"]:
            raise ProblemError(
                "input", f"{vocabulary} has {len(tokenizer)} words and the text encoder in {checkpoint} {sizes['vocab_size']}; name its own"
            )
        # the checkpoint holds the text encoder's tensors too: the package would read them a second time, from the network if need be
        texts.get_tokenlizer = lambda _: tokenizer
        texts.get_pretrained_language_model = lambda _: transformers.BertModel(transformers.BertConfig(**sizes))
        model = build_model(type("Settings", (), settings)())
        unused = fill(checkpoint, model, state)
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.longest = min(settings["max_text_len"], sizes["max_position_embeddings"])
        self.backbone = EncodedOnce(self.model.backbone)
        del self.model.backbone
        self.model.backbone = self.backbone
        return {"architecture": architecture, "versions": here, "unused": unused, "longest": self.longest}, {}

    def read(self, arrays: dict[str, Any], names: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Answers for each name its number of tokens, with marks and dot, whether it has words, and whether all of them are unknown."""
        tokenizer = self.model.tokenizer
        unknown, rows = tokenizer.unk_token_id, self._tokens(names)
        marks = set(tokenizer.all_special_ids) - {unknown}
        words = [set(row[1:-2]) for row in rows]
        known = [[len(row), bool(here) and not here & marks, here == {unknown}] for row, here in zip(rows, words, strict=True)]
        return {"names": known}, {}

    def _tokens(self, names: list[str]) -> list[list[int]]:
        """Of each name: first mark, words, dot, last mark."""
        return [self.model.tokenizer(f"{name}.").input_ids for name in names]

    def encode(self, arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Scale pictures (B, H, W, 3), BGR, as the package does, and keep their features."""
        torch = importlib.import_module("torch")
        transforms = importlib.import_module("groundingdino.datasets.transforms")
        image_module = importlib.import_module("PIL.Image")
        steps = transforms.Compose(
            [
                transforms.RandomResize([800], max_size=1333),
                transforms.ToTensor(),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        )
        self.pixels = None
        self.backbone.forget()  # two batches at a time would take twice the memory
        scaled = [steps(image_module.fromarray(np.ascontiguousarray(image[..., ::-1])), None)[0] for image in arrays["images"]]
        with torch.inference_mode():
            self.pixels = torch.stack(scaled).to(self.device)
            self.backbone.encode(self.pixels)
        return {}, {}

    def meet(self, arrays: dict[str, Any], names: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Look for names, in lower case and without dots, in encoded pictures.

        `pairs` (P, 2): picture and name; `least` (P, 2): least score of a box, and of the best of the name's own words. Answers the `boxes`
        (M, 4), middle, width and height as shares of the picture, their `scores` (M,) and the positions of their `pairs` (M,).
        """
        torch = importlib.import_module("torch")
        pairs, least = arrays["pairs"], arrays["least"]
        tokens = np.array([len(row) for row in self._tokens(names)])
        counts = tokens[pairs[:, 1]]
        found: list[tuple[Any, Any, Any]] = [(np.zeros((0, 4), "<f4"), np.zeros(0, "<f4"), np.zeros(0, "<i8"))]
        # in a batch whose captions differ in length the package mixes up their masks: what is batched has one length
        for count in np.unique(counts):
            rows = np.flatnonzero(counts == count)
            self.backbone.chosen = torch.from_numpy(pairs[rows, 0].copy()).to(self.device)
            with torch.inference_mode():
                out = self.model(self.pixels[self.backbone.chosen], captions=[f"{names[name]}." for name in pairs[rows, 1]])
                shares, boxes = out["pred_logits"].float().sigmoid(), out["pred_boxes"].float()
                scores, own = shares.amax(-1), shares[..., 1 : count - 2].amax(-1)
            scores, own, boxes = (item.cpu().numpy() for item in (scores, own, boxes))
            good = (scores > least[rows, :1]) & (own > least[rows, 1:])
            good |= ~(np.isfinite(scores) & np.isfinite(boxes).all(-1))  # kinescribe says that there are some
            found.append((boxes[good], scores[good], rows[np.nonzero(good)[0]].astype("<i8")))
        boxes, scores, rows = (np.concatenate(part) for part in zip(*found, strict=True))
        return {}, {"boxes": boxes, "scores": scores, "pairs": rows}


def packages(here: dict[str, str | None]) -> tuple[Any, Any, Any, Any]:
    """Torch, transformers, the package's module that fetches BERT, and its maker of networks."""
    if here["groundingdino-py"] is None:
        raise ProblemError("package", f"groundingdino-py is not installed beside {sys.executable}")
    if not str(here["transformers"]).startswith("4."):
        raise ProblemError("package", f"groundingdino-py needs transformers 4, and {here['transformers']} is beside {sys.executable}")
    try:
        import_torchvision()
        modules = [importlib.import_module(name) for name in ("torch", "transformers", "groundingdino.util.get_tokenlizer")]
        return modules[0], modules[1], modules[2], importlib.import_module("groundingdino.models").build_model
    except (ImportError, RuntimeError, AttributeError) as error:
        raise ProblemError("package", f"groundingdino-py does not import beside {sys.executable} ({_line(error)})") from error


def import_torchvision() -> None:
    """Import torchvision; operators that its compiled half lacks for this build of torch are declared; the package calls none."""
    torch = importlib.import_module("torch")
    while True:
        try:
            importlib.import_module("torchvision")
            return
        except RuntimeError as error:
            found = OPERATOR.search(str(error))
            if found is None or found.group(1) not in ("nms", "qnms") or len(_declared) >= 2:
                raise
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(f"{found.group(1)}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _declared.append(library)
            for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
                del sys.modules[name]


def read_state(path: str) -> dict[str, Any]:
    """Names and tensors of a checkpoint; objects of any other kind are refused."""
    torch = importlib.import_module("torch")
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 (this program has no paths of its own, only names that it was given)
            head = stream.read(2)
        if head == b"PK" or head[:1] == b"\x80":
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=head == b"PK")
        else:
            content = importlib.import_module("safetensors.torch").load_file(path)
    except Exception as error:  # the loaders raise anything on damaged files; the reason is handed on
        raise ProblemError("input", f"{path} does not load ({_line(error)[:200]}); download it again") from error
    table = content.get("model", content) if isinstance(content, dict) else {}
    if not isinstance(table, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in table.values()):
        raise ProblemError("input", f"{path} is no table of tensors; name an original checkpoint of GroundingDINO")
    return {str(name).removeprefix("module."): tensor for name, tensor in table.items()}


def settings_of(path: str, state: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The package's own configuration for a checkpoint, the sizes that its tensors tell filled in, and what the backbone is called."""
    channels = state[PATCHES].shape[0] if PATCHES in state else None
    if channels not in CONFIGURATIONS:
        what = "no tensor" if channels is None else f"{channels} channels in"
        raise ProblemError("input", f"{path} is no GroundingDINO with Swin-T or Swin-B: {what} '{PATCHES}'; name an original checkpoint")
    module, called = CONFIGURATIONS[channels]
    package = importlib.import_module(f"groundingdino.config.{module}")
    settings = {name: value for name, value in vars(package).items() if not name.startswith("__")}
    # recomputing activations saves memory in training and costs time here
    settings.update(use_checkpoint=False, use_transformer_ckpt=False)
    settings["hidden_dim"] = _size(path, state, "transformer.level_embed", 1)
    settings["num_queries"] = _size(path, state, "transformer.tgt_embed.weight", 0)
    settings["dim_feedforward"] = _size(path, state, "transformer.encoder.layers.0.linear1.weight", 0)
    settings["enc_layers"] = _layers(state, "transformer.encoder.layers.")
    settings["dec_layers"] = _layers(state, "transformer.decoder.layers.")
    return settings, called


def text_settings_of(path: str, state: dict[str, Any]) -> dict[str, Any]:
    """The configuration of the BERT in a checkpoint; its heads are 64 wide in all sizes (Devlin et al., arXiv 1810.04805)."""
    words = "bert.embeddings.word_embeddings.weight"
    width = _size(path, state, words, 1)
    return {
        "vocab_size": _size(path, state, words, 0),
        "hidden_size": width,
        "num_attention_heads": max(1, width // 64),
        "num_hidden_layers": _layers(state, "bert.encoder.layer."),
        "intermediate_size": _size(path, state, "bert.encoder.layer.0.intermediate.dense.weight", 0),
        "max_position_embeddings": _size(path, state, "bert.embeddings.position_embeddings.weight", 0),
        "type_vocab_size": _size(path, state, "bert.embeddings.token_type_embeddings.weight", 0),
    }


def fill(path: str, model: Any, state: dict[str, Any]) -> list[str]:
    """Put a checkpoint's tensors into a network. Returns the names of those that it has no place for."""
    own = model.state_dict()
    lacking = sorted(name for name in own if name not in state)
    other = sorted(name for name in own if name in state and own[name].shape != state[name].shape)
    if lacking or other:
        first = (lacking + other)[0]
        raise ProblemError(
            "input",
            f"{path} is no complete GroundingDINO: {len(lacking)} tensors are missing and {len(other)} of another shape, such as '{first}'",
        )
    model.load_state_dict({name: state[name] for name in own})
    return sorted(set(state) - set(own) - set(UNUSED))


def _size(path: str, state: dict[str, Any], name: str, axis: int) -> int:
    if name not in state or state[name].ndim <= axis:
        raise ProblemError("input", f"{path} lacks the tensor '{name}'; name an original checkpoint of GroundingDINO")
    return int(state[name].shape[axis])


def _layers(state: dict[str, Any], start: str) -> int:
    return len({name[len(start) :].split(".")[0] for name in state if name.startswith(start)})


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text


def serve(requests: BufferedReader, replies: IO[bytes], session: Any) -> None:
    """Answer requests by the session's methods until the stream of them ends."""
    write_message(replies, {**HELLO, "python": sys.version.split()[0]})
    while True:
        message = read_message(requests)
        if message is None:
            return
        header, arrays = message
        try:
            reply, results = getattr(session, header.pop("request"))(arrays, **header)
        except ProblemError as error:
            reply, results = {"error": error.kind, "message": str(error)}, {}
        except Exception as error:  # whatever the package raises is the asker's to know
            traceback.print_exc()
            kind = "memory" if _is_out_of_memory(error) else "internal"
            reply, results = {"error": kind, "message": _line(error)[:500]}, {}
        write_message(replies, reply, results)


def main() -> None:
    """Speak over the standard streams; what the package prints goes to the standard error instead."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if sys.argv[1:] == ["--versions"]:
        write_message(replies, {**HELLO, "python": sys.version.split()[0], "versions": versions()})
    else:
        serve(requests, replies, Session())
    os._exit(0)  # every answer was flushed; taking torch down in order takes seconds


if __name__ == "__main__":
    main()
