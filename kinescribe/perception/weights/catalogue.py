"""The public models that kinescribe can run, with what a user should know before fetching one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["CATALOG", "FAMILIES", "Family", "Model", "called", "of_families"]

APACHE = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model that one class of ours loads.

    Attributes:
        name: as `Model.families` lists it.
        role: detector, segmenter, propagator or concept_tracker.
        model_types: what ``model_type`` in config.json may be; empty where the weights are a single file without a configuration.
        reads_text: whether the folder must hold a tokenizer.
    """

    name: str
    role: str
    model_types: tuple[str, ...] = ()
    reads_text: bool = False


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("grounding-dino", "detector", ("grounding-dino",), True),
        Family("mm-grounding-dino", "detector", ("mm-grounding-dino",), True),
        Family("owlv2", "detector", ("owlv2",), True),
        Family("groundingdino-py", "detector"),
        Family("segment-anything", "segmenter"),
        Family("sam", "segmenter", ("sam",)),
        Family("sam2", "segmenter", ("sam2", "sam2_video")),  # the public folders are the video model's; it contains the image model
        Family("sam2-video", "propagator", ("sam2_video",)),
        Family("sam3-video", "concept_tracker", ("sam3_video",), True),
    )
}


@dataclass(frozen=True, slots=True)
class Model:
    """One set of public weights.

    Attributes:
        name: what the user calls it.
        families: kinds of model that can be made from it, keys of `FAMILIES`; the first is the one it is known for.
        repo: on the Hugging Face hub, None where it isn't there.
        revision: commit that these facts are about, None where unknown.
        files: that the weights consist of; one file, or those of a folder without which it can't be used.
        url: of the single file, None for a folder.
        size_bytes: of the weights file; for folders rounded as the hub shows it.
        licence: of the weights.
        gated: whether the hub asks for an account and the acceptance of the licence.
        commercial: whether the licence allows commercial use.
        note: one line for people.
        sha256: of the single file, hexadecimal, None where unknown.
    """

    name: str
    families: tuple[str, ...]
    repo: str | None
    files: tuple[str, ...]
    size_bytes: int
    note: str
    url: str | None = None
    revision: str | None = None
    licence: str = APACHE
    gated: bool = False
    commercial: bool = True
    sha256: str | None = None

    @property
    def family(self) -> str:
        """The family it is known for."""
        return self.families[0]

    @property
    def role(self) -> str:
        """Detector, segmenter, propagator or concept_tracker, in its first family."""
        return FAMILIES[self.family].role

    @property
    def is_file(self) -> bool:
        """Whether it is one file, not a folder with a configuration."""
        return not FAMILIES[self.family].model_types


FOLDER = ("config.json", "model.safetensors")
META = "https://dl.fbaipublicfiles.com/segment_anything/"
IDEA = "https://github.com/IDEA-Research/GroundingDINO/releases/download/"


def _original(name: str, size: int, sha256: str, note: str) -> Model:
    """One of the first checkpoints of segment-anything. The six digits in the name begin its MD5, not its SHA-256."""
    file = f"{name}.pth"
    return Model(name, ("segment-anything",), None, (file,), size, note, url=META + file, sha256=sha256)


def _sam2(size_name: str, size: int, note: str) -> Model:
    repo = f"facebook/sam2.1-hiera-{size_name}"
    return Model(f"sam2.1-hiera-{size_name}", ("sam2", "sam2-video"), repo, FOLDER, size, note)


CATALOG: tuple[Model, ...] = (
    Model("grounding-dino-tiny", ("grounding-dino",), "IDEA-Research/grounding-dino-tiny", FOLDER, 689_000_000, "Swin-T"),
    Model(
        "grounding-dino-base", ("grounding-dino",), "IDEA-Research/grounding-dino-base", FOLDER, 933_000_000, "Swin-B; slower, finds more"
    ),
    Model(
        "mm-grounding-dino-tiny",
        ("mm-grounding-dino",),
        "openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_v3det",
        FOLDER,
        689_000_000,
        "Swin-T, trained on Objects365, GoldG and V3Det",
    ),
    Model(
        "mm-grounding-dino-base",
        ("mm-grounding-dino",),
        "openmmlab-community/mm_grounding_dino_base_all",
        FOLDER,
        930_000_000,
        "Swin-B, trained on all of the authors' data",
    ),
    Model(
        "mm-grounding-dino-large",
        ("mm-grounding-dino",),
        "openmmlab-community/mm_grounding_dino_large_all",
        FOLDER,
        1_370_000_000,
        "Swin-L, trained on all of the authors' data",
    ),
    Model("owlv2-base", ("owlv2",), "google/owlv2-base-patch16-ensemble", FOLDER, 620_000_000, "ViT-B/16; takes an example picture too"),
    Model(
        "owlv2-large", ("owlv2",), "google/owlv2-large-patch14-ensemble", FOLDER, 1_750_000_000, "ViT-L/14; takes an example picture too"
    ),
    Model(
        "groundingdino_swint_ogc",
        ("groundingdino-py",),
        "ShilongLiu/GroundingDINO",
        ("groundingdino_swint_ogc.pth",),
        693_997_677,
        "Swin-T, the original checkpoint",
        url=f"{IDEA}v0.1.0-alpha/groundingdino_swint_ogc.pth",
        sha256="3b3ca2563c77c69f651d7bd133e97139c186df06231157a64c507099c52bc799",
    ),
    Model(
        "groundingdino_swinb_cogcoor",
        ("groundingdino-py",),
        "ShilongLiu/GroundingDINO",
        ("groundingdino_swinb_cogcoor.pth",),
        938_057_991,
        "Swin-B, the original checkpoint",
        url=f"{IDEA}v0.1.0-alpha2/groundingdino_swinb_cogcoor.pth",
        sha256="46270f7a822e6906b655b729c90613e48929d0f2bb8b9b76fd10a856f3ac6ab7",
    ),
    _original(
        "sam_vit_b_01ec64",
        375_042_383,
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        "ViT-B, the original checkpoint",
    ),
    _original(
        "sam_vit_l_0b3195",
        1_249_524_607,
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        "ViT-L, the original checkpoint",
    ),
    _original(
        "sam_vit_h_4b8939",
        2_564_550_879,
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        "ViT-H, the original checkpoint",
    ),
    Model("sam-vit-base", ("sam",), "facebook/sam-vit-base", FOLDER, 375_000_000, "ViT-B"),
    Model("sam-vit-large", ("sam",), "facebook/sam-vit-large", FOLDER, 1_250_000_000, "ViT-L"),
    Model("sam-vit-huge", ("sam",), "facebook/sam-vit-huge", FOLDER, 2_560_000_000, "ViT-H"),
    _sam2("tiny", 156_000_000, "fastest"),
    _sam2("small", 184_000_000, "nearly as fast as tiny"),
    _sam2("base-plus", 323_000_000, "between small and large"),
    _sam2("large", 898_000_000, "finest masks"),
    Model(
        "sam3",
        ("sam3-video",),
        "facebook/sam3",
        FOLDER,
        3_440_000_000,
        "from words to masks and ids in one model",
        licence="SAM License (Meta)",
        gated=True,
    ),
)
"""All of them, detectors first."""


def of_families(families: Iterable[str]) -> list[Model]:
    """The models from which one of these families can be made, in the catalogue's order."""
    wanted = set(families)
    return [model for model in CATALOG if wanted & set(model.families)]


def called(spec: str, families: Sequence[str] = ()) -> Model | None:
    """The model of that name, hub id or file name, None for none; upper and lower case are the same.

    Two models may share a hub id: the first whose family is among `families`, else the first.
    """
    key = spec.strip().casefold()
    matches = [model for model in CATALOG if key in _names(model)]
    fitting = [model for model in matches if set(model.families) & set(families)]
    return next(iter(fitting or matches), None)


def _names(model: Model) -> set[str]:
    names = {model.name, *(model.files if model.is_file else ()), *([model.repo] if model.repo else ())}
    return {name.casefold() for name in names}
