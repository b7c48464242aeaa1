"""Writes frames as an H.264 file that every player opens and that keeps each frame's time."""

from __future__ import annotations

import contextlib
import math
import secrets
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError, why_not_written

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

__all__ = ["VideoWriter"]

_ACCURATE = 0x40000  # swscale's SWS_ACCURATE_RND: without it greys come out with a green tint of up to 4 levels
_TICKS = 90_000  # a second: all usual frame rates, those of NTSC among them, are whole numbers of ticks
_LEAST_RATE = 0.01  # that is told to the encoder, which takes no fraction much finer; a time lapse may have fewer frames a second
_THREADS = 4  # of the encoder, on any machine: what x264 writes depends on their number, and by default that is the machine's
_LONGEST = 2**31 - 1  # ticks that the container takes for one frame, some 6.6 hours


class VideoWriter:
    """Writes an MP4 (H.264, yuv420p) beside its final name and puts it there when the block ends without an error.

    Times are stored relative to the first frame's, to the nearest 1/90000 s. Odd sizes are padded to even ones by repeating
    the last row or column, for the pixel format halves both.

    >>> with VideoWriter("out.mp4") as writer:  # doctest: +SKIP
    ...     writer.write(image, 0.0)
    """

    def __init__(self, path: str | Path, *, frame_rate_hint: float | None = None, crf: int = 18, repeatable: bool = False) -> None:
        """Check what can be checked without touching the disk.

        Args:
            path: of the file to write; an existing one is replaced at the end.
            frame_rate_hint: frames a second, for players and for the last frame's length; above 0;
                30 if unknown. No time depends on it.
            crf: x264's quality, 0 (lossless) to 51; 18 looks the same as the source.
            repeatable: the same frames give the same bytes in every process, for files that may be a third larger; else the last block of
                one file in a hundred is another.

        Raises:
            UsageError: a value out of its range.
        """
        self._path = Path(path)
        rate = 30.0 if frame_rate_hint is None else float(frame_rate_hint)
        if not 0.0 < rate <= _TICKS:
            raise UsageError(f"frame rate {frame_rate_hint!r}: it must be above 0 and at most {_TICKS} frames a second")
        if not 0 <= crf <= 51:
            raise UsageError(f"crf {crf}: it must be from 0 (lossless) to 51")
        self._rate = Fraction(max(rate, _LEAST_RATE)).limit_denominator(1001)
        self._crf, self._repeatable = crf, repeatable
        self._temporary: Path | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._shape: tuple[int, ...] = ()
        self._first_time = 0.0
        self._reformatter: VideoReformatter | None = None
        self._ticks = -1  # of the last frame, from the first one's
        self._step = max(1, round(min(_TICKS / rate, _LONGEST)))

    def __enter__(self) -> Self:
        """Raises: UsageError: the file can't be written there."""
        import av

        try:
            if self._path.is_dir():
                raise UsageError(f"'{self._path}' is a folder: give the name of a file to write")
            if self._path.exists() and not self._path.is_file():
                raise UsageError(f"'{self._path}' is a device or a pipe: give the name of a file to write")
            if not self._path.parent.is_dir():
                raise UsageError(
                    f"'{self._path}' can't be written: there is no folder '{self._path.parent}'; make it first, or write somewhere else"
                )
        except OSError as error:
            raise self._failed(error) from error
        # In the same folder, so that the last step is one rename on one file system.
        temporary = self._path.with_name(f".{self._path.stem[:40]}.{secrets.token_hex(4)}.part")
        try:
            temporary.touch(exist_ok=False)
        except OSError as error:
            raise self._failed(error) from error
        self._temporary = temporary
        try:
            self._container = av.open(f"file:{temporary.absolute()}", "w", format="mp4", options={"movflags": "+faststart"})
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Append a frame.

        Args:
            image: uint8, shape (H, W, 3) BGR or (H, W) grey, the size of the first one.
            time_s: seconds, later than the frame before by at least 1/90000 s.

        Raises:
            UsageError: another shape or type, or a time that doesn't increase; or the disk is full.
        """
        if self._container is None:
            raise UsageError(f"the writer of '{self._path}' is not open: use it in a with block")
        image, time_s = self._checked(image), float(time_s)
        if not math.isfinite(time_s):
            raise UsageError(f"time {time_s} s of a frame of '{self._path}': it must be finite")
        if self._stream is None:
            self._first_time = time_s
            self._stream = self._start(image)
        ticks = round((Fraction(time_s) - Fraction(self._first_time)) * _TICKS)
        if self._ticks >= 0:
            if ticks <= self._ticks:
                raise UsageError(f"time {time_s} s of a frame of '{self._path}' is not 1/{_TICKS} s or more after the one before it")
            self._step = ticks - self._ticks
        self._ticks = ticks
        frame = self._converted(image)
        frame.pts, frame.time_base = ticks, Fraction(1, _TICKS)
        self._encode(frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Finish the file, or remove it if the block failed.

        Raises:
            UsageError: no frame was written, or the disk is full.
        """
        import av

        try:
            if kind is not None or self._container is None or self._temporary is None:
                return
            if self._stream is None:
                raise UsageError(f"no frame was written to '{self._path}'")
            self._encode(None)
            try:
                self._container.close()
                self._temporary.replace(self._path)
            except (av.FFmpegError, OSError) as failure:
                raise self._failed(failure) from failure
            self._temporary = None
        finally:
            self._discard()

    def _checked(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
            what = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise UsageError(f"a frame of '{self._path}' is {what}: give uint8, (H, W, 3) BGR or (H, W) grey")
        if image.ndim == 2:
            image = np.repeat(image[:, :, None], 3, axis=2)
        if image.shape[2] != 3:
            raise UsageError(f"a frame of '{self._path}' has {image.shape[2]} channels: give 3, BGR")
        if self._shape and image.shape != self._shape:
            raise UsageError(f"a frame of '{self._path}' has shape {image.shape}, the first one {self._shape}: give frames of one size")
        self._shape = image.shape
        return image

    def _start(self, image: NDArray[np.uint8]) -> VideoStream:
        assert self._container is not None
        options = {"crf": str(self._crf), "preset": "veryfast"}
        if self._repeatable:
            # without macroblock trees: with AVX-512 x264 takes in what lies beyond their end, so that bytes hang on what was there before
            options["mbtree"] = "0"
        stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        stream.width, stream.height = image.shape[1] + image.shape[1] % 2, image.shape[0] + image.shape[0] % 2
        stream.pix_fmt = "yuv420p"
        # By frames: slices would each lose what lies in the others, for files that are a little larger and no faster.
        stream.codec_context.thread_count, stream.codec_context.thread_type = _THREADS, "FRAME"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.max_b_frames = 0  # so that the last packet is the last frame, and tells how long the video is
        # The matrix that the conversion uses; players guess by the size of the picture where it isn't said.
        stream.codec_context.colorspace = 6  # BT.601
        stream.codec_context.color_range = 1  # 16 to 235
        return stream

    def _converted(self, image: NDArray[np.uint8]) -> VideoFrame:
        """Padded to even sides, as yuv420p."""
        import av
        from av.video.reformatter import Interpolation, VideoReformatter

        if self._reformatter is None:
            self._reformatter = VideoReformatter()
        frame = av.VideoFrame.from_ndarray(_even(image), format="bgr24")
        return self._reformatter.reformat(frame, format="yuv420p", interpolation=Interpolation.BILINEAR.value | _ACCURATE)

    def _encode(self, frame: VideoFrame | None) -> None:
        """Pass a frame, or the end, to the encoder and what comes out to the file."""
        import av

        assert self._container is not None
        assert self._stream is not None
        try:
            for packet in self._stream.encode(frame):
                if packet.pts == self._ticks:  # no frame follows that would tell how long this one is shown
                    packet.duration = self._step
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as failure:
            raise self._failed(failure) from failure

    def _failed(self, failure: Exception) -> UsageError:
        return UsageError(f"'{self._path}' can't be written: {why_not_written(failure)}")

    def _discard(self) -> None:
        """Close and remove what is left of an unfinished file."""
        import av

        container, self._container = self._container, None
        if container is not None:
            # An unfinished file can't always be closed in order (no stream yet, disk full); it is removed right after.
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                container.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None


def _even(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Padded by a copy of the last row and column to even sides."""
    odd = (image.shape[0] % 2, image.shape[1] % 2)
    return np.pad(image, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge") if any(odd) else np.ascontiguousarray(image)
