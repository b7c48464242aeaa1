"""``kinescribe doctor``: is everything here that a run needs?"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Annotated, NamedTuple

import typer

from kinescribe.plugins import KINDS, failure, plugins

__all__ = ["Finding", "doctor", "duplicated_opencv", "examine"]

OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
MODULES = {"opencv-python-headless": "cv2", "tomli-w": "tomli_w"}  # import names that differ from the distribution's
DECODERS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg")


class Finding(NamedTuple):
    """One line of the report: ``ok``, ``note`` or ``broken``; what was looked at; what was found, with the way to mend it."""

    state: str
    name: str
    text: str


def doctor(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> int:
    """Show the versions of everything a run needs, and what is missing, duplicated or broken, with the way to mend it.

    Exit codes: 0 nothing broken, 1 something broken.
    """
    broken = 0
    for finding in examine():
        print(f"{finding.state:<7} {finding.name:<24} {finding.text}")
        broken += finding.state == "broken"
    if broken:
        print(f"kinescribe: {broken} broken, see above", file=sys.stderr)
    return 1 if broken else 0


def examine() -> Iterator[Finding]:
    """All findings, in the order of the report."""
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    core, extras = _requirements()
    if not core:
        yield Finding("broken", "kinescribe", "not installed as a package, so it has no plug-ins; in its folder: pip install .")
    else:
        yield Finding("ok", "kinescribe", version("kinescribe"))
    for name in core:
        yield _core(name)
    yield duplicated_opencv([name for name in OPENCV if _installed(name)])
    yield from _codecs()
    for extra, names in extras.items():
        yield _extra(extra, names)
    if _installed("torch") is not None:
        yield _devices()
    if _installed("torch") is not None and _installed("torchvision") is not None:
        yield from _torchvision()
    yield _sandbox()
    for kind in KINDS:
        for plugin in plugins(kind):
            reason = failure(plugin)
            text = f"'{plugin.name}' of {plugin.package}" + (f" does not import: {reason}" if reason else "")
            yield Finding("broken" if reason else "ok", kind, text)


def duplicated_opencv(installed: list[str]) -> Finding:
    """OpenCV's four wheels all install the folder ``cv2``: two of them mix their files, and removing one breaks the other."""
    if len(installed) <= 1:
        return Finding("ok", "opencv wheels", ", ".join(installed) or "none from a package index")
    keep = next((name for name in reversed(OPENCV) if name in installed), installed[0])
    fix = f"pip uninstall -y {' '.join(installed)} && pip install {keep}"
    return Finding("broken", "opencv wheels", f"{', '.join(installed)} overwrite each other's files; mend with: {fix}")


def _installed(name: str) -> str | None:
    """The version of an installed distribution."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Names of the core dependencies, and of each extra's, as our own metadata list them; both empty where we are not installed."""
    try:
        ours = distribution("kinescribe")
    except PackageNotFoundError:
        return [], {}
    core: list[str] = []
    extras: dict[str, list[str]] = {name: [] for name in ours.metadata.get_all("Provides-Extra") or [] if name != "all"}
    for line in ours.requires or []:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"""extra == ['"]([\w-]+)['"]""", line)
        if name and not extra:
            core.append(name.group())
        elif name and extra and extra.group(1) in extras:
            extras[extra.group(1)].append(name.group())
    return core, extras


def _core(name: str) -> Finding:
    """A dependency that every run needs: there, and importable."""
    found = _installed(name)
    if found is None:
        return Finding("broken", name, f"missing; pip install {name}")
    try:
        import_module(MODULES.get(name, name))
    except Exception as error:  # a broken binary raises anything; the reason is reported
        return Finding("broken", name, f"{found} does not import: {type(error).__name__}: {error}; pip install --force-reinstall {name}")
    return Finding("ok", name, found)


def _extra(extra: str, names: list[str]) -> Finding:
    missing = [name for name in names if _installed(name) is None]
    if missing:
        return Finding("note", f"extra [{extra}]", f"not installed ({', '.join(missing)}); pip install 'kinescribe[{extra}]'")
    return Finding("ok", f"extra [{extra}]", ", ".join(f"{name} {_installed(name)}" for name in names))


def _devices() -> Finding:
    """Where models can run."""
    try:
        import torch
    except Exception as error:  # a broken binary raises anything; the reason is reported
        return Finding(
            "broken", "torch", f"does not import: {type(error).__name__}: {error}; pip install --force-reinstall torch torchvision"
        )
    names = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if names:
        return Finding("ok", "devices for models", f"cpu, {', '.join(f'cuda:{k} ({name})' for k, name in enumerate(names))}")
    if torch.backends.mps.is_available():
        return Finding("ok", "devices for models", "cpu, mps")
    why = "no GPU that it can use" if torch.version.cuda else "it is built for the CPU alone"
    return Finding("note", "devices for models", f"cpu; torch {torch.__version__}: {why}")


def _sandbox() -> Finding:
    """Whether laws that a model or a stranger wrote can be held."""
    try:
        from kinescribe.dynamics.sandbox import isolation
    except Exception as error:  # a broken binary raises anything; the reason is reported
        return Finding("broken", "sandbox", f"does not import: {type(error).__name__}: {error}")
    found = isolation()
    return Finding("ok" if found.level == "full" else "note", "sandbox", found.text)


def _torchvision() -> Iterator[Finding]:
    """A note where torchvision's compiled half doesn't fit torch; a torch that does not import is told as such."""
    try:
        import torch
    except Exception:  # `_devices` has told the reason
        return
    from kinescribe.errors import UsageError
    from kinescribe.perception.grounded_sam.torchvision import import_torchvision

    pair = f"torchvision {_installed('torchvision')} and torch {torch.__version__}"
    mend = "for a pair that belongs together install both from one index"
    try:
        vision = import_torchvision()
    except UsageError as error:
        yield Finding("broken", "torchvision", str(error))
        return
    try:
        vision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (RuntimeError, NotImplementedError):
        yield Finding(
            "note", "torchvision", f"the compiled half does not load: {pair} are of two builds; models here do without it; {mend}"
        )
    else:
        yield Finding("ok", "torchvision", f"{pair} fit each other")


def _codecs() -> Iterator[Finding]:
    """What PyAV's own FFmpeg can read and write; without PyAV nothing more is said than that it is missing."""
    if _installed("av") is None:
        return
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    def has(name: str, mode: str) -> bool:
        try:
            Codec(name, mode)  # type: ignore[arg-type]
        except UnknownCodecError:
            return False
        return True

    if has("libx264", "w"):
        yield Finding("ok", "video written as", "H.264 (libx264)")
    else:
        yield Finding(
            "broken", "video written as", "no H.264 encoder in this build of PyAV; pip install --force-reinstall --only-binary av av"
        )
    there = [name for name in DECODERS if has(name, "r")]
    lacking = [name for name in DECODERS if name not in there]
    yield Finding("note" if lacking else "ok", "video read", ", ".join(there) + (f"; not: {', '.join(lacking)}" if lacking else ""))
