"""Reads a video file as a stream of frames with exact time stamps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, UsageError
from .container import open_container
from .continuity import Continuity
from .decoding import Decoding, decoded_in_time
from .frame import Frame
from .glimpses import Run, pictures_of, runs_of_glimpses
from .hashing import sha256_of_file
from .info import VideoInfo, wanted_indices
from .landmarks import Landmarks
from .limits import Limits
from .orientation import Orientation, orientation_of
from .planes import brightness
from .structure import Damage, first_damage
from .timing import StampRepair, checked_interval, checked_times

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["FileVideo"]


class FileVideo:
    """A local video file. Every iteration decodes it afresh; no more than a few frames are held.

    Times are the container's presentation stamps times its time base, relative to the first decoded frame, unless the caller
    gives times of his own.

    Attributes:
        info: what the container and the first frame tell.
        partial: None, or, after an iteration that broke off midway, one line that says after which frame and why.
        repeated: how many frames repeat the one before while things move, of all or of those chosen last; None before the first iteration.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        times: ArrayLike | None = None,
        frame_interval: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Open the file and decode its first frame.

        Args:
            path: of the file.
            times: shape (T,), seconds, replace the time stamps.
            frame_interval: seconds; replaces the time stamps by index x interval.
            limits: to what the file may ask for; the defaults if not given.

        Raises:
            InputError: not a video, no frame of it can be decoded, or it asks for more than the limits allow.
            UsageError: times or interval make no sense.
        """
        self._path, self._limits = Path(path), limits or Limits()
        self._interval = None if frame_interval is None else checked_interval(frame_interval)
        self._times = None if times is None else checked_times(times)
        if self._interval is not None and self._times is not None:
            raise UsageError("both times and a frame interval were given: give one of them")
        self.partial: str | None = None
        self._about_pixels: list[str] = []
        self._about_stamps: list[str] = []
        self._about_pictures: list[str] = []
        self.repeated: int | None = None
        self._about_all = False  # whether that, and what is said of the pictures, is of every frame, and not of some that were chosen
        self._damage: Damage | None = None
        self._orientation = Orientation()
        self._landmarks = Landmarks()
        self.info = self._probe()

    @property
    def warnings(self) -> list[str]:
        """One line for each thing to know; those on time stamps, and on what pictures show, come with the first iteration."""
        return self._about_pixels + self._about_stamps + self._about_pictures

    def __iter__(self) -> Iterator[Frame]:
        return self._read(None)

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """The frames with these indices, ascending, each once; frames between are decoded but not converted.

        Once a pass over the whole file was made, frames before the nearest key frame aren't decoded either where that saves much.

        Raises:
            UsageError: a negative index, or one beyond the end.
        """
        wanted = wanted_indices(indices, self.info.name)
        jumps = self._landmarks.plan(wanted)
        return self._read(wanted) if jumps is None else self._jump(jumps)

    def choose(self, wanted: Callable[[int, float], bool | None]) -> Iterator[Frame]:
        """The frames for whose index and time `wanted` says True, the others not converted; None ends the pass, without the frame."""
        return self._read(None, wanted)

    def glimpses(self, count: int) -> Iterator[tuple[Frame, Frame]] | None:
        """About so many frames from all over the file, each with its successor, most of the others not decoded.

        Where in the file they are is told by its index, so that numbers and times are about right only. They end early where the file
        turns out not to be what its index says; None where nothing would be saved, or where the file has no such index.
        """
        if self._damage is not None:
            return None
        with closing(self._decoding()) as decoding:
            stamps, keys = decoding.index()
        runs = runs_of_glimpses(keys, len(stamps), count)
        return None if runs is None else self._glimpse(runs, stamps)

    def _glimpse(self, runs: list[Run], stamps: list[int]) -> Iterator[tuple[Frame, Frame]]:
        from av.video.reformatter import VideoReformatter

        reformatter = VideoReformatter()
        wanted = {place for _, frames in runs for place in frames}
        container, stream = open_container(self._path, self._limits)
        base = float(stream.time_base or 0)
        with closing(container):
            held: Frame | None = None
            for place, picture in pictures_of(
                runs, stamps, lambda: decoded_in_time(container, stream, self._waited), partial(container.seek, stream=stream)
            ):
                frame = Frame(place, ((picture.pts or 0) - stamps[0]) * base, self._pixels(picture, reformatter))
                if held is not None:
                    yield held, frame
                held = frame if place in wanted else None

    def _waited(self, seconds: float) -> None:
        self._limits.check_wait(self.info.name, seconds)

    def _jump(self, jumps: list[tuple[int, list[int]]]) -> Iterator[Frame]:
        """Frames from their key frames on; from the start of the file, as ever, from where on a jump doesn't land where it should."""
        from av.error import FFmpegError
        from av.video.reformatter import VideoReformatter

        self.partial = None
        reformatter, marks = VideoReformatter(), self._landmarks
        wanted = [index for _, frames in jumps for index in frames]
        done = 0
        container, stream = open_container(self._path, self._limits)
        with closing(container):
            for key, frames in jumps:
                try:
                    container.seek(marks.stamp(key), stream=stream, backward=True)
                    for index, picture in marks.follow(decoded_in_time(container, stream, self._waited), key):
                        if index == wanted[done]:
                            yield Frame(index, marks.time(index), self._pixels(picture, reformatter))
                            done += 1
                        if index == frames[-1]:
                            break
                except FFmpegError:  # the pass from the start tells what is wrong, if anything is
                    break
                if done == 0 or wanted[done - 1] != frames[-1]:
                    break
        if done < len(wanted):
            self._landmarks = Landmarks()
            yield from self._read(wanted[done:])

    def _read(self, wanted: list[int] | None, choose: Callable[[int, float], bool | None] | None = None) -> Iterator[Frame]:
        from av.video.reformatter import VideoReformatter

        self.partial = None
        if wanted is not None and not wanted:
            return
        reformatter = VideoReformatter()  # keeps its scaling context: four times as fast as converting frame by frame
        chosen = None if wanted is None else set(wanted)
        index, time = -1, 0.0
        # whatever pictures show, they show it the first time
        continuity = Continuity(self.info.name) if wanted is None and not (choose is None and self._about_all) else None
        landmarks = Landmarks() if wanted is None and not self._landmarks.whole else None
        with closing(self._decoding()) as decoding:
            for index, (picture, time) in enumerate(self._timed(decoding)):
                chooses = True if choose is None else choose(index, time)
                if chooses is None:
                    self._tell(continuity, of_all=False)
                    return
                if landmarks is not None:
                    landmarks.note(picture, time)
                if chooses and continuity is not None and (plane := brightness(picture)) is not None:
                    continuity.note(plane[0], bits=plane[1], number=index)
                if chooses and (chosen is None or index in chosen):
                    yield Frame(index, time, self._pixels(picture, reformatter))
                if wanted is not None and index == wanted[-1]:
                    return
            reason, lost, hidden = decoding.broke_off, decoding.lost_start, decoding.hidden
        if index < 0:
            raise InputError(f"'{self.info.name}': no frame can be decoded ({reason or 'it holds none'})")
        self._tell(continuity, of_all=choose is None)
        if hidden and not any("edit list" in line for line in self._about_pixels):
            self._about_pixels.append(f"'{self.info.name}': {_pictures(hidden)} in the file that its edit list leaves out, as does this")
        if landmarks is not None and not (reason or lost or hidden):
            landmarks.close()
            self._landmarks = landmarks
        if reason:
            self.partial = f"'{self.info.name}' breaks off after frame {index} ({time:.3f} s): {reason}" + (f"; and {lost}" if lost else "")
        elif lost:
            self.partial = f"'{self.info.name}' lacks its start: {lost}"
        elif wanted is not None:
            raise UsageError(f"frame {wanted[-1]} of '{self.info.name}' was asked for, but its last one is {index}")
        elif self._times is not None and index + 1 < self._times.size:
            raise UsageError(f"{self._times.size} times for the {index + 1} frames of '{self.info.name}': give one for every frame")

    def _tell(self, continuity: Continuity | None, *, of_all: bool) -> None:
        """Keep what the pictures of a pass showed."""
        if continuity is not None:
            continuity.close()
            self.repeated, self._about_pictures, self._about_all = len(continuity.repeated()[0]), continuity.warnings, of_all

    def _decoding(self) -> Decoding:
        return Decoding(self._path, self._limits, self._damage)

    def _timed(self, decoding: Decoding) -> Iterator[tuple[VideoFrame, float]]:
        if self._interval is not None:
            for index, picture in enumerate(decoding.frames()):
                yield picture, index * self._interval
        elif self._times is not None:
            for index, picture in enumerate(decoding.frames()):
                if index >= self._times.size:
                    raise UsageError(f"{self._times.size} times, but '{self.info.name}' has more frames: give one for every frame")
                yield picture, float(self._times[index])
        else:
            rate = decoding.stream.guessed_rate or decoding.stream.average_rate
            repair = StampRepair(self.info.name, float(1 / rate) if rate else None)
            try:
                yield from repair.run(self._stamped(decoding))
            finally:
                self._about_stamps = repair.warnings

    @staticmethod
    def _stamped(decoding: Decoding) -> Iterator[tuple[VideoFrame, float | None]]:
        base = decoding.stream.time_base
        first: int | None = None
        for picture in decoding.frames():
            if picture.pts is None or base is None:
                yield picture, None
                continue
            first = picture.pts if first is None else first
            # Whole numbers up to one division: the nearest floating-point number to the true time.
            yield picture, (picture.pts - first) * base.numerator / base.denominator

    def _pixels(self, picture: VideoFrame, reformatter: Any) -> NDArray[np.uint8]:
        image: NDArray[np.uint8] = reformatter.reformat(picture, format="bgr24").to_ndarray()
        return self._orientation.apply(image)

    def _probe(self) -> VideoInfo:
        name = self._path.name
        with closing(self._decoding()) as decoding:
            self._damage = first_damage(self._path, decoding.form)
        with closing(self._decoding()) as decoding:
            frames = decoding.frames()
            first = next(frames, None)
            frames.close()  # type: ignore[attr-defined]
            if first is None:
                raise InputError(f"'{self._path}': no frame of it can be decoded ({decoding.broke_off or 'it holds none'})")
            self._orientation, unusual = orientation_of(first)
            if unusual:
                self._about_pixels.append(f"'{name}': {unusual}")
            aspect = float(decoding.stream.sample_aspect_ratio or 1)
            if aspect != 1:
                self._about_pixels.append(
                    f"'{name}': pixels are {aspect:.4g} times as wide as high; frames are left as stored, so lengths along x and y differ"
                )
            if decoding.skipped and not decoding.lost_start:
                self._about_pixels.append(
                    f"'{name}': {decoding.skipped} damaged or dependent pictures at its start are left out; frame 0 is the first whole one"
                )
            if first.interlaced_frame:
                self._about_pixels.append(f"'{name}': interlaced; moving edges are combed, which makes positions less precise")
            count, duration = decoding.frame_count(), decoding.duration_s()
            if self._interval is not None:
                duration = None if count is None else count * self._interval
            elif self._times is not None:
                count, duration = self._times.size, float(self._times[-1] - self._times[0])
            swap = self._orientation.swaps_axes
            return VideoInfo(
                path=self._path,
                name=name,
                width=first.height if swap else first.width,
                height=first.width if swap else first.height,
                frame_count=count,
                duration_s=duration,
                kind="file",
                codec=decoding.stream.codec_context.name,
                pixel_aspect=1 / aspect if swap else aspect,
                rotation_deg=self._orientation.rotation_deg,
                mirrored=self._orientation.mirrored,
                hasher=partial(sha256_of_file, self._path),
            )


def _pictures(count: int) -> str:
    return "there is a picture" if count == 1 else f"there are {count} pictures"
