"""From what the user called the weights to where they lie. Nothing is downloaded, and torch isn't imported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kinescribe.errors import InputError, KinescribeError, UsageError, unknown_value
from kinescribe.perception.weights.catalogue import CATALOG, FAMILIES, Model, called, of_families
from kinescribe.perception.weights.configuration import read_config
from kinescribe.perception.weights.contents import weight_files
from kinescribe.perception.weights.found import Weights
from kinescribe.perception.weights.getting import MissingWeightsError, command_for_repo, how_to_get
from kinescribe.perception.weights.inspection import inspect
from kinescribe.perception.weights.places import hub_snapshots, local_record, unusable, weights_folder
from kinescribe.perception.weights.regular import entries, is_file, is_folder

__all__ = ["find", "missing"]

REPO = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
ENDINGS = (".pth", ".pt", ".bin", ".safetensors", ".ckpt")
LONGEST = 4096


def find(spec: str | None, *, families: Sequence[str], default: str) -> Weights:
    """The weights that `spec` names, or those called `default`, or any others of these families, if they are on this computer.

    Looked for in this order: a folder or file of that name; the weights folder; the Hugging Face cache. A file is looked into as far as
    its first bytes tell that it can be opened.

    Args:
        spec: a folder, a file, a name of the catalogue, or a hub id such as ``google/owlv2-base-patch16-ensemble``; None for
            `default`, and where that isn't here for the first of the catalogue that is.
        families: kinds of model that will do, keys of `FAMILIES`, the preferred one first.
        default: a name of the catalogue.

    Raises:
        MissingWeightsError: they aren't here; the message says how to get them.
        UsageError: an unknown name, or a model of another family.
        InputError: they are here, but damaged, another model's, or unsafe.
    """
    if spec is not None:
        return _find(spec, families, is_path=True)
    try:
        return _find(default, families, is_path=False)
    except MissingWeightsError as error:
        for model in of_families(families):
            try:
                return _find(model.name, families, is_path=False)
            except MissingWeightsError:
                continue
        raise error from None


def _find(spec: str, families: Sequence[str], *, is_path: bool) -> Weights:
    """The weights of that name, which may be a path. Raises as `find`."""
    name = spec.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise UsageError(f"weights {name[:40]!r} are no name; available: {_names(families)}")
    named = _existing(name) if is_path else None
    if named is not None:
        return _checked(_explicit(named, families), families)
    model = called(name, families)
    if model is None:
        return _uncatalogued(name, families)
    if not set(model.families) & set(families):
        raise UsageError(f"weights '{name}' are a {model.role} ({model.family}), not {_either(families)}; available: {_names(families)}")
    incomplete = None
    for weights in _places(model, families):
        try:
            _ = weights.files
        except InputError as error:
            incomplete = incomplete or error  # only a part of it, such as the configuration: another place may have the whole
            continue
        return _checked(weights, families)
    raise MissingWeightsError(
        f"the weights '{model.name}' are not here{_but(incomplete)}: {how_to_get(model)}; or name a folder that has them"
    )


def missing(spec: str | None, *, families: Sequence[str], default: str) -> str | None:
    """Why `find` wouldn't find usable weights, in one line, or None where it would."""
    try:
        find(spec, families=families, default=default)
    except KinescribeError as error:
        return " ".join(str(error).split())
    return None


def _existing(name: str) -> Path | None:
    """The folder or file of that name, None where there is none or no file could be called so."""
    path = Path(os.path.expanduser(name))  # noqa: PTH111 (pathlib's raises for a user that doesn't exist)
    return path.absolute() if os.path.exists(path) else None  # noqa: PTH110 (pathlib's raises for a name that is too long)


def _but(incomplete: InputError | None) -> str:
    if incomplete is not None:
        return f" as a whole ({str(incomplete).split(';')[0]})"
    reason = unusable()
    return f" (and {reason})" if reason else ""


def _names(families: Sequence[str]) -> str:
    return ", ".join(model.name for model in of_families(families))


def _either(families: Sequence[str]) -> str:
    return " or ".join(families)


def _family(families: Sequence[str], model: Model | None) -> str | None:
    """The first of `families`, or the first that can be made from a model."""
    return next((name for name in families if model is None or name in model.families), None)


def _explicit(path: Path, families: Sequence[str]) -> Weights:
    """A folder or file that the user named."""
    of_files = [name for name in families if not FAMILIES[name].model_types]
    of_folders = [name for name in families if FAMILIES[name].model_types]
    if is_file(path):
        if not of_files:
            hint = f"; name its folder '{path.parent}'" if is_file(path.parent / "config.json") else ""
            raise UsageError(f"{path} is a single file, where {_either(families)} needs a folder with config.json{hint}")
        return _single(path, of_files, "file")
    if not is_folder(path):
        raise InputError(f"{path} is neither a folder nor a file; name a folder with weights")
    if of_folders and (is_file(path / "config.json") or not of_files):
        return Weights(path.name, _by_type(path, of_folders), path, "folder", local_record(path / "config.json")[0], None)
    inside = sorted(file for file in entries(path) if file.suffix in ENDINGS and is_file(file))
    known = [file for file in inside if called(file.name, of_files)]
    if len(known or inside) == 1:
        return _single((known or inside)[0], of_files, "folder")
    what = f"{len(inside)} weights files, of which one must be named" if inside else f"no weights file ({', '.join(ENDINGS)})"
    raise InputError(f"the folder {path} has {what}; name the file itself")


def _single(path: Path, families: Sequence[str], source: str) -> Weights:
    """A file for one of some families; the catalogue's licence only where name and size are the catalogue's."""
    model = called(path.name, families)
    family = _family(families, model) if model is not None or len(families) == 1 else None
    same = model is not None and path.stat().st_size == model.size_bytes
    return Weights(path.stem, family, path, source, local_record(path)[0], model.licence if model is not None and same else None)


def _by_type(folder: Path, families: Sequence[str]) -> str | None:
    """The first of `families` whose models say in config.json what this one says. Raises `InputError` where none does."""
    wanted = [model_type for name in families for model_type in FAMILIES[name].model_types]
    found = read_config(folder, wanted)["model_type"]
    return next(name for name in families if found in FAMILIES[name].model_types)


def _places(model: Model, families: Sequence[str]) -> Iterator[Weights]:
    """Where a model of the catalogue may lie, best place first; only folders and files that exist."""
    family, root = _family(families, model), weights_folder()
    candidates = [root / model.name, *([root / model.repo] if model.repo else [])]
    if model.is_file:
        candidates = [root / model.files[0], *(folder / model.files[0] for folder in candidates)]
    for path in candidates:
        if is_file(path) if model.is_file else is_folder(path):
            revision, _ = local_record(path if model.is_file else path / "config.json")
            yield Weights(model.name, family, path, "weights folder", revision, model.licence)
    for folder, commit in hub_snapshots(model.repo) if model.repo else ():
        path = folder / model.files[0] if model.is_file else folder
        if is_file(path) or is_folder(path):
            yield Weights(model.name, family, path, "hub cache", commit, model.licence)


def _uncatalogued(name: str, families: Sequence[str]) -> Weights:
    """A hub model that the catalogue lacks; everything else is a mistake."""
    looks_like_path = name.startswith((".", "~", "/", "\\")) or name.endswith(ENDINGS) or not REPO.fullmatch(name)
    if looks_like_path and ("/" in name or "\\" in name or name.endswith(ENDINGS)):
        raise MissingWeightsError(f"there is no weights folder or file '{name}'; name one that exists, or one of: {_names(families)}")
    if looks_like_path:
        raise unknown_value("weights", name, [model.name for model in of_families(families)])
    if not any(FAMILIES[family].model_types for family in families):
        raise UsageError(
            f"weights '{name}' are not in the catalogue, and {_either(families)} needs a single file; available: {_names(families)}"
        )
    root = weights_folder()
    if is_folder(root / name):
        revision, _ = local_record(root / name / "config.json")
        return _checked(Weights(name, None, root / name, "weights folder", revision, None), families)
    for folder, commit in hub_snapshots(name):
        return _checked(Weights(name, None, folder, "hub cache", commit, None), families)
    near = [model.repo for model in CATALOG if model.repo and model.repo.split("/")[1] == name.split("/")[1]]
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    raise MissingWeightsError(
        f"the weights '{name}' are not here{hint}; read their licence at https://huggingface.co/{name}, then get them with: "
        f"{command_for_repo(name)}; or name a folder that has them"
    )


def _checked(weights: Weights, families: Sequence[str]) -> Weights:
    """The same weights, their family filled in, if a look into them finds nothing wrong."""
    family = weights.family
    if is_folder(weights.path):
        family = _by_type(weights.path, [family] if family else families)
        files = weight_files(weights.path)
    else:
        files = [weights.path]
    for file in files:
        inspect(file)
    return Weights(weights.name, family, weights.path, weights.source, weights.revision, weights.licence)
