"""Decodes a file frame by frame and tells a clean end from one that only looks like it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .container import decoder_message, open_container
from .truncation import missing_end

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Decoding"]

# Every packet of these is one frame to show, so a packet without its frame is a loss.
_ONE_TO_ONE = {"h264", "hevc", "mjpeg", "mpeg4", "ffv1", "prores", "png", "huffyuv", "ffvhuff", "rawvideo", "dvvideo"}
_TRUE_STAMPS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv", "nut"}
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2"}
_DURATION_IN_HEADER = {"matroska,webm", "flv", "asf"}


class Decoding:
    """One pass over a file.

    Attributes:
        stream: the video stream; only while the pass is open.
        broke_off: None, or why the frames ended too early, half a sentence.
        skipped: packets and frames before the first whole frame that were damaged or leaned on others that aren't there.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. Raises: InputError."""
        self.broke_off: str | None = None
        self.skipped = 0
        self._path = path
        self._container, self.stream = open_container(path)
        self._format = self._container.format.name
        self._one_to_one = self.stream.codec_context.name in _ONE_TO_ONE
        self._awaited: set[int] = set()  # stamps of packets whose frame has not come out yet
        self._packets = self._frames = 0

    def close(self) -> None:
        """Let the file go."""
        self._container.close()

    def frame_count(self) -> int | None:
        """How many frames the container says it holds, or what duration and rate make likely; None where it says neither."""
        if self._format in _INDEXED:
            return self._indexed() or None
        duration, rate = self.duration_s(), self.stream.average_rate
        return self.stream.frames or (round(duration * rate) if duration and rate else None)

    def duration_s(self) -> float | None:
        """Declared duration, seconds."""
        if self.stream.duration is not None and self.stream.time_base is not None:
            return float(self.stream.duration * self.stream.time_base)
        return None if self._container.duration is None else self._container.duration / 1e6

    def frames(self) -> Iterator[VideoFrame]:
        """Decoded frames in order of showing, up to the first sign of damage, which is left in `broke_off`."""
        import av

        last: VideoFrame | None = None
        try:
            for frame in self._decoded():
                if frame.is_corrupt and last is None:  # a recording that starts between key frames
                    self.skipped += 1
                    continue
                if self._has_lost(frame, last):
                    return
                last = frame
                self._frames += 1
                yield frame
        except av.FFmpegError as error:
            self.broke_off = self.broke_off or decoder_message(error)
            return
        if self.broke_off is None and last is not None:
            self.broke_off = self._lost_at_end(last)
        if self.broke_off is None:
            self.broke_off = missing_end(self._path)

    def _decoded(self) -> Iterator[VideoFrame]:
        import av

        for packet in self._container.demux(self.stream):
            if packet.size and packet.is_corrupt and self._frames:
                self.broke_off = "a packet is cut or damaged"
                yield from self.stream.codec_context.decode(None)
                return
            if packet.size:
                self._packets += 1
                if packet.pts is not None and not packet.is_discard:
                    self._awaited.add(packet.pts)
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                # Before the first frame there is nothing that could break off: a later packet may be a sound key frame.
                if self._frames or not packet.size:
                    raise
                self.skipped += 1

    def _has_lost(self, frame: VideoFrame, last: VideoFrame | None) -> bool:
        """Whether this frame, or one that should have come before it, is damaged. Notes why.

        The decoder's wrapper swallows an error that follows a good frame in the same call, so errors alone don't tell.
        """
        if frame.is_corrupt:
            self.broke_off = self.broke_off or "the decoder marks the next frame as damaged"
            return True
        if last is not None and (frame.width, frame.height) != (last.width, last.height):
            self.broke_off = f"the frames change size from {last.width} x {last.height} to {frame.width} x {frame.height}"
            return True
        if frame.pts is None:
            return False
        self._awaited.discard(frame.pts)
        overdue = {stamp for stamp in self._awaited if stamp < frame.pts}
        self._awaited -= overdue
        if last is None:
            self.skipped = max(self.skipped, len(overdue))
        if overdue and last is not None and self._tells_losses(frame):
            self.broke_off = self.broke_off or "the next frame could not be decoded"
            return True
        return False

    def _tells_losses(self, frame: VideoFrame) -> bool:
        """Whether a packet's stamp must turn up on a frame; two fields of an interlaced frame may come in packets of their own."""
        return self._one_to_one and self._format in _TRUE_STAMPS and not frame.interlaced_frame

    def _lost_at_end(self, last: VideoFrame) -> str | None:
        """Why the end of the packets is not the end of the video, or None."""
        base = self.stream.time_base
        if self._awaited and self._tells_losses(last):
            return f"{_frames(len(self._awaited))} after it could not be decoded"
        if last.pts is None and self._one_to_one and not last.interlaced_frame and self._packets > self._frames:
            return f"{_frames(self._packets - self._frames)} could not be decoded"
        indexed = self._indexed() if self._format in _INDEXED else 0
        if indexed > self._packets:
            return f"the file's index lists {indexed} frames, and {indexed - self._packets} of them are not there"
        declared = self._own_duration_s()
        if declared is not None and last.pts is not None and base is not None:
            end = float((last.pts + (last.duration or 0)) * base)
            if declared - end > max(0.05 * declared, 0.1):
                return f"the file's header promises {declared:.3f} s"
        return None

    def _indexed(self) -> int:
        return sum(not entry.is_discard for entry in self.stream.index_entries)

    def _own_duration_s(self) -> float | None:
        """Duration that the header gives for this stream: not one guessed from size and bit rate, nor that of a longer sound track."""
        if tag := re.fullmatch(r"(\d+):(\d\d):(\d\d\.?\d*)", self.stream.metadata.get("DURATION", "")):
            return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        if self._format == "avi" and self.stream.average_rate:  # its frames, empty ones that repeat a picture included, are equally long
            return float(self.stream.frames / self.stream.average_rate)
        if self._format in _DURATION_IN_HEADER and len(self._container.streams) == 1 and self._container.duration is not None:
            return self._container.duration / 1e6
        return None


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
