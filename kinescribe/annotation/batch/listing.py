"""Which videos there are: in a folder, in a list, by a pattern, or named one by one."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kinescribe.annotation.batch.folders import INNER
from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line

__all__ = ["LIST_SUFFIXES", "VIDEO_SUFFIXES", "Listed", "Listing", "list_videos"]

VIDEO_SUFFIXES = frozenset(
    {
        ".mp4", ".m4v", ".mov", ".qt", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mpe", ".mts",
        ".m2ts", ".vob", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".dv",
        ".y4m", ".mjpg", ".mjpeg", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".gif", ".apng",
    }
)  # fmt: skip
"""Files with these endings are videos where a folder is looked through; one that is named is taken whatever it ends in."""
LIST_SUFFIXES = frozenset({".txt", ".lst", ".list"})
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
_MOST_LIST_BYTES = 64 * 2**20
_DATA_SETS = "data sets of kinescribe"


@dataclass(frozen=True, slots=True)
class Listed:
    """One video.

    Attributes:
        name: its relative path with slashes; what the data set knows it by.
        path: where it lies.
    """

    name: str
    path: Path


@dataclass(slots=True)
class Listing:
    """What was found.

    Attributes:
        videos: in the order of their names.
        passed_over: why something isn't taken → how many, and the first of them.
        root: what the names are relative to; empty where they are as they were given.
    """

    videos: list[Listed] = field(default_factory=list)
    passed_over: dict[str, tuple[int, str]] = field(default_factory=dict)
    root: str = ""

    def pass_over(self, why: str, what: str) -> None:
        """Note something that isn't taken."""
        count, first = self.passed_over.get(why, (0, what))
        self.passed_over[why] = count + 1, first

    def told(self) -> list[str]:
        """One line a reason."""
        return [
            f"passed over {why}: '{_path_end(first)}'{f' and {count - 1} more' if count > 1 else ''}"
            for why, (count, first) in sorted(self.passed_over.items())
        ]


def list_videos(sources: Sequence[str | os.PathLike[str]], *, leave_out: Path | None = None, image_folders: bool = False) -> Listing:
    """The videos that `sources` name, in the order of their names.

    A folder is looked through at any depth: for files with the ending of a video, and with `image_folders` for folders of numbered
    pictures. What begins with a dot is passed over, and so are symbolic links that lead out of the folder, all links to folders, and
    folders inside that are data sets of ours, whose videos are drawn over and whose pictures are copies.
    A list is a text file (.txt, .lst, .list) with one path a line, relative to the list; empty lines and those that begin with # don't
    count; with NUL characters in it, these part the paths instead. A pattern has *, ? or [; ** reaches into folders.

    Names are relative to the one folder, list or pattern that is given; among several sources they are paths as they were given.

    Args:
        sources: folders, lists, patterns, videos.
        leave_out: a folder that isn't looked into: the data set's own.
        image_folders: whether folders of numbered pictures are videos too.

    Raises:
        UsageError: no source, an empty one, or two videos under one name.
        InputError: something named isn't there or can't be read.
    """
    given = [os.fspath(source) for source in sources]
    if not given or not all(text.strip() for text in given):
        raise UsageError("name the videos: a folder, a list (.txt), a pattern such as 'videos/*.mp4', or video files")
    out = Listing()
    found: dict[str, Path] = {}
    # the caller's own path, not its realpath: an output folder may be a link
    avoid = None if leave_out is None else leave_out.resolve()
    for text in given:
        for name, path in _of_source(text, out, avoid, image_folders=image_folders, alone=len(given) == 1):
            other = found.setdefault(name, path)
            if other != path and not _same(other, path):
                raise UsageError(
                    f"two videos would both be called '{one_line(name, 80)}' ('{one_line(str(other), 80)}', '{one_line(str(path), 80)}'); "
                    "name a folder that holds both"
                )
    out.videos = [Listed(name, path) for name, path in sorted(found.items())]
    for before, after in _nested(out.videos):
        raise UsageError(
            f"'{one_line(after, 80)}' lies inside of '{one_line(before, 80)}', which is a video too; take one of them, or move one away"
        )
    return out


def _of_source(text: str, out: Listing, avoid: Path | None, *, image_folders: bool, alone: bool) -> Iterator[tuple[str, Path]]:
    path = Path(text)
    if not os.path.lexists(path) and not any(mark in text for mark in "*?["):
        _check_there(path, text)
    if not os.path.lexists(path) and any(mark in text for mark in "*?["):
        yield from _of_pattern(text, out, avoid, image_folders=image_folders, alone=alone)
    elif path.is_dir():
        if alone:
            out.root = text
        for inner in _walk(path, out, avoid, image_folders=image_folders):
            yield (inner.relative_to(path).as_posix() if alone else _as_given(inner)), inner
    elif path.suffix.lower() in LIST_SUFFIXES and path.is_file():
        if alone:
            out.root = str(path.parent)
        yield from _of_list(path, out, alone=alone)
    else:
        _check_there(path, text)
        yield _as_given(path) if not alone else path.name, path


def _of_pattern(text: str, out: Listing, avoid: Path | None, *, image_folders: bool, alone: bool) -> Iterator[tuple[str, Path]]:
    parts = Path(text).parts
    fixed = next((k for k, part in enumerate(parts) if any(mark in part for mark in "*?[")), len(parts))
    base = Path(*parts[:fixed]) if fixed else Path()
    matched = False
    if alone:
        out.root = str(base)
    linked: dict[Path, bool] = {base: False}
    ours: dict[Path, bool] = {base: False}
    inside = avoid is not None and avoid.is_relative_to(base.resolve())
    for match in sorted(glob.glob(text, recursive=True)):  # noqa: PTH207 - Path.glob takes no absolute patterns
        path = Path(match)
        if inside and avoid is not None and path.resolve().is_relative_to(avoid):
            continue
        if _through_link(path.parent, linked):  # ** goes through links, and round and round
            out.pass_over("links to folders, which are not followed", str(path))
            continue
        if _in_data_set(path if path.is_dir() else path.parent, ours):
            out.pass_over(_DATA_SETS, str(path))
            continue
        inner = list(_walk(path, out, avoid, image_folders=image_folders)) if path.is_dir() else _as_video(path, base, out, named=True)
        for video in inner:
            matched = True
            yield (video.relative_to(base).as_posix() if alone else _as_given(video)), video
    if not matched and not out.passed_over:
        raise InputError(f"nothing matches '{one_line(text, 80)}'; check the pattern, and quote it for the shell")


def _of_list(path: Path, out: Listing, *, alone: bool) -> Iterator[tuple[str, Path]]:
    try:
        if path.stat().st_size > _MOST_LIST_BYTES:
            raise InputError(f"the list '{path}' has more than {_MOST_LIST_BYTES >> 20} MB; is it one path a line?")
        raw = path.read_bytes()
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the list '{path}' can't be read: {error.strerror}; name another one") from error
    if b"\0" in raw:
        lines = [(k, os.fsdecode(line)) for k, line in enumerate(raw.split(b"\0"), 1)]
    else:
        text = [os.fsdecode(line).strip() for line in raw.removeprefix(b"\xef\xbb\xbf").splitlines()]
        lines = [(k, line) for k, line in enumerate(text, 1) if not line.startswith("#")]
    for number, line in lines:
        if not line:
            continue
        inner = path.parent / line
        _check_there(inner, f"{path}, line {number}: {line}")
        if alone and not Path(line).is_absolute() and ".." not in Path(line).parts:
            yield PurePosixPath(Path(line).as_posix()).as_posix(), inner
        else:
            yield _as_given(Path(line)), inner


def _check_there(path: Path, told: str) -> None:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"'{one_line(told, 200)}' can't be read: {why}; name a folder, a list, a pattern or videos") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"'{one_line(told, 200)}' is neither a file nor a folder; copy it to a file first")


def _as_given(path: Path) -> str:
    """A path as a name: relative, with slashes, without dots that lead up."""
    parts = Path(os.path.normpath(path)).parts
    kept = [part for part in parts if part not in ("..", path.anchor, os.sep, "/")]
    return PurePosixPath(*kept).as_posix() if kept else path.resolve().name


def _walk(folder: Path, out: Listing, avoid: Path | None, *, image_folders: bool) -> Iterator[Path]:
    """All videos in a folder, without recursion: folders may lie deeper than Python's stack."""
    todo, root = [folder], folder
    if avoid is not None and root.resolve() == avoid:
        raise UsageError(f"'{root}' is the folder of the videos and of the data set too; give another -o, such as '{root / 'dataset'}'")
    while todo:
        here = todo.pop()
        if avoid is not None and here.resolve() == avoid:
            continue
        try:
            with os.scandir(here) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if here is root:
                raise InputError(f"the folder '{here}' can't be listed: {error.strerror}; name another one") from error
            out.pass_over("folders that can't be listed", str(here))
            continue
        if here is not root and any(entry.name == INNER and entry.is_dir(follow_symlinks=False) for entry in inside):
            out.pass_over(_DATA_SETS, str(here))
            continue
        pictures = sum(1 for entry in inside if _is_picture(entry))
        if pictures > 1 and here is not root:
            if image_folders:
                yield here
                continue
            out.pass_over("folders of pictures (--image-folders takes them as videos)", str(here))
        elif pictures > 1 and image_folders:
            raise UsageError(f"'{here}' holds pictures itself; name the folder that holds it")
        for entry in inside:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                todo.append(here / entry.name)
            elif entry.is_symlink() and (here / entry.name).is_dir():  # not the entry's own, which raises where links go round
                out.pass_over("links to folders, which are not followed", str(here / entry.name))
            else:
                yield from _as_video(here / entry.name, root, out, named=False)


def _through_link(folder: Path, known: dict[Path, bool]) -> bool:
    """Whether a folder, or one that it lies in, is a link; down from those that are known not to be."""
    if folder not in known:
        known[folder] = folder.parent != folder and (folder.is_symlink() or _through_link(folder.parent, known))
    return known[folder]


def _in_data_set(folder: Path, known: dict[Path, bool]) -> bool:
    """Whether a folder, or one that it lies in, is a data set of ours; down from those that are known not to be."""
    if folder not in known:
        known[folder] = folder.parent != folder and ((folder / INNER).is_dir() or _in_data_set(folder.parent, known))
    return known[folder]


def _path_end(path: str, longest: int = 80) -> str:
    """A path as one line; of a long one the end, for that tells which file it is."""
    line = one_line(path, len(path))
    return line if len(line) <= longest else f"…{line[1 - longest :]}"


def _is_picture(entry: os.DirEntry[str]) -> bool:
    stem, dot, suffix = entry.name.rpartition(".")
    return f"{dot}{suffix.lower()}" in _PICTURES and any(char.isdigit() for char in stem) and not stem.startswith(".")


def _as_video(path: Path, root: Path, out: Listing, *, named: bool) -> Iterable[Path]:
    """The path, if it is a video to take."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        out.pass_over("files that aren't videos by their ending", str(path))
        return []
    try:
        if not named and path.is_symlink() and not path.resolve(strict=True).is_relative_to(root.resolve()):
            out.pass_over("links that lead out of the folder, which are not followed", str(path))
            return []
        if not stat.S_ISREG(path.stat().st_mode):
            out.pass_over("things that are no files", str(path))
            return []
    except (OSError, RuntimeError):
        out.pass_over("links that lead nowhere", str(path))
        return []
    return [path]


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _nested(videos: list[Listed]) -> Iterator[tuple[str, str]]:
    """Pairs of a video and another one that lies inside of it."""
    names = {video.name for video in videos}
    for name in names:
        parts = name.split("/")
        for k in range(1, len(parts)):
            before = "/".join(parts[:k])
            if before in names:
                yield before, name
