"""Decodes a file frame by frame and tells a clean end from one that only looks like it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .container import decoder_message, open_container
from .limits import Limits
from .structure import Damage, announces_key, units_of_pictures
from .truncation import missing_end

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["Decoding", "decoded_in_time"]

# Every packet of these is one frame to show, so a packet without its frame is a loss.
_ONE_TO_ONE = {"h264", "hevc", "mjpeg", "mpeg4", "ffv1", "prores", "png", "huffyuv", "ffvhuff", "rawvideo", "dvvideo"}
_TRUE_STAMPS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv", "nut"}
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2"}
# Recordings of broadcasts and bare streams may start anywhere; whatever else begins with no key frame has lost its start.
_STARTS_ANYWHERE = {"mpegts", "mpeg", "mpegvideo", "m4v", "h264", "hevc", "obu", "dv"}
# Bare pictures one after another, which can be found in what is left of files with these endings.
_BARE = {"mpegvideo", "m4v", "h264", "hevc", "obu", "mjpeg", "vc1", "dirac"}
_WRAPPED = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".flv", ".wmv", ".asf", ".ts", ".mts", ".mpg", ".mpeg", ".gif", ".3gp", ".ogv"}
# Their decoders make up what a picture leans on where that isn't there, and don't mark it; the key frames are marked in all of them.
_MAKES_UP = {"mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "wmv3", "vc1", "h263", "flv"} | {
    "mpeg1video",
    "mpeg2video",
    "theora",
    "vp8",
    "vp9",
    "av1",
    "libdav1d",
}
# Their decoders go on after a key frame that they could not read, and paint over what leans on it, by each run's own luck, unmarked.
_PAINTS_OVER = {"h264", "hevc"}
_DURATION_IN_HEADER = {"matroska,webm", "flv", "asf"}


class Decoding:
    """One pass over a file.

    Attributes:
        stream: the video stream; only while the pass is open.
        form: the demuxer's name of the file's format.
        broke_off: None, or why the frames ended too early, half a sentence.
        skipped: packets and frames before the first whole frame that were damaged or leaned on others that aren't there.
        hidden: pictures that the file's edit list leaves out; known after the last frame.
    """

    def __init__(self, path: Path, limits: Limits | None = None, damage: Damage | None = None) -> None:
        """Open the file.

        Args:
            path: of the file.
            limits: to what it may ask for; the defaults if not given.
            damage: where the file's structure is damaged, if it is: no picture from there on is handed out.

        Raises:
            InputError: it can't be opened, or asks for too much.
        """
        self.broke_off: str | None = None
        self.skipped = self.hidden = 0
        self._path, self._damage = path, damage
        self._limits = limits or Limits()
        self._container, self.stream = open_container(path, self._limits)
        if damage is not None and self.stream.codec_context is not None:
            # of several threads one may hand out a picture before another has found that it is damaged: what is told would be up to chance
            self.stream.codec_context.thread_count = 1
        self.form = self._container.format.name
        self._one_to_one = self.stream.codec_context.name in _ONE_TO_ONE
        self._makes_up = self.stream.codec_context.name in _MAKES_UP
        self._paints_over = self.stream.codec_context.name in _PAINTS_OVER
        self._key_met = self._key_lost = False  # among the packets so far, and whether one before the first whole frame was damaged
        self._awaited: set[int] = set()  # stamps of packets whose frame has not come out yet
        self._packets = self._frames = 0
        self._starts_with_key: bool | None = None
        if len(self.stream.index_entries) > self._limits.max_frames:  # before they are gone through
            self._container.close()
            self._limits.check_frames(path.name, len(self.stream.index_entries))

    def close(self) -> None:
        """Let the file go."""
        self._container.close()

    @property
    def lost_start(self) -> str | None:
        """None, or half a sentence on damage before the first frame; known with the first frame."""
        if not self.skipped:
            return None
        if self.form in _STARTS_ANYWHERE and not self._starts_with_key and not (self.form == "mpegts" and announces_key(self._path)):
            return None
        return f"{_frames(self.skipped)} before frame 0 could not be decoded"

    def frame_count(self) -> int | None:
        """How many frames the container says it holds, or what duration and rate make likely; None where it says neither."""
        if self.form in _INDEXED:
            return self._indexed() or None
        duration, rate = self.duration_s(), self.stream.average_rate
        return self.stream.frames or (round(duration * rate) if duration and rate else 0) or None

    def index(self) -> tuple[list[int], list[int]]:
        """Stamps of decoding of all frames, in the stream's time base, and the places of the key frames among them.

        Empty where the file has no index, or one of frames that aren't all shown.
        """
        entries = self.stream.index_entries
        if self.form not in _INDEXED or len(entries) != self.stream.frames or any(entry.is_discard for entry in entries):
            return [], []
        return [entry.timestamp for entry in entries], [place for place, entry in enumerate(entries) if entry.is_keyframe]

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
                if last is None and not self._may_be_first(frame):
                    self.skipped += 1  # a recording that starts between key frames, or whose first one is damaged
                    continue
                if self._has_lost(frame, last):
                    return
                last = frame
                self._frames += 1
                self._limits.check_frames(self._path.name, self._frames)
                yield frame
        except av.error.ExitError:  # its time for reading ran out
            self._limits.check_wait(self._path.name, math.inf)
            raise
        except av.FFmpegError as error:
            self.broke_off = self.broke_off or decoder_message(error)
            return
        if self.broke_off is None and last is None and self._key_lost:
            self.broke_off = "the key frame that all others lean on is damaged"
        if self.broke_off is None and last is not None:
            self.broke_off = self._lost_at_end(last)
        if self.broke_off is None:
            self.broke_off = missing_end(self._path)
        if self.broke_off is None and self._damage is not None:
            self.broke_off = self._damage.reason
        if self.broke_off is None and self.form in _BARE and self._path.suffix.lower() in _WRAPPED:
            self.broke_off = f"its header is damaged: of a {self._path.suffix} file only bare pictures are left"
        if self.form in _INDEXED:
            self.hidden = max(self.hidden, self.stream.frames - len(self.stream.index_entries))

    def _decoded(self) -> Iterator[VideoFrame]:
        import av

        since = time.monotonic()
        for packet in self._container.demux(self.stream):
            if packet.size and packet.is_corrupt and self._frames:
                self.broke_off = "a packet is cut or damaged"
                yield from self.stream.codec_context.decode(None)
                return
            if packet.size and self._is_beyond_damage(packet):
                assert self._damage is not None
                self.broke_off = self._damage.reason
                yield from self.stream.codec_context.decode(None)
                return
            if packet.size:
                self._packets += 1
                self._key_met |= packet.is_keyframe
                if self._starts_with_key is None:
                    self._starts_with_key = packet.is_keyframe
                if packet.is_discard:
                    self.hidden += 1
                elif packet.pts is not None:
                    self._awaited.add(packet.pts)
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:
                # Before the first frame there is nothing that could break off: a later packet may be a sound key frame.
                if self._frames or not packet.size:
                    raise
                self.skipped += 1
                self._key_lost |= self._paints_over and self._key_met
                pictures = []
            self._limits.check_wait(self._path.name, time.monotonic() - since)
            yield from pictures
            if pictures:  # what is done with them in between is none of the decoder's time
                since = time.monotonic()

    def _is_beyond_damage(self, packet: Packet[VideoStream]) -> bool:
        damage = None if self._damage is None else self._damage.offset
        return damage is not None and packet.pos is not None and packet.pos >= 0 and packet.pos + packet.size > damage

    def _may_be_first(self, frame: VideoFrame) -> bool:
        """Whether it leans on no picture that is damaged or isn't there, as far as decoders tell."""
        if frame.is_corrupt:
            self._key_lost |= self._paints_over and _is_intra(frame)
            return False
        if frame.key_frame or self._makes_up:
            return bool(frame.key_frame)
        return not self._key_lost or _is_intra(frame)  # some recordings mark few of those that lean on no other

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
        if last is None and overdue:  # a picture that came out damaged may have been an error of the decoder's as well
            self.skipped = len(overdue) if self._tells_losses(frame) else max(self.skipped, len(overdue))
        if overdue and last is not None and self._tells_losses(frame):
            self.broke_off = self.broke_off or "the next frame could not be decoded"
            return True
        return False

    def _tells_losses(self, frame: VideoFrame) -> bool:
        """Whether a packet's stamp must turn up on a frame; two fields of an interlaced frame may come in packets of their own."""
        return self._one_to_one and self.form in _TRUE_STAMPS and not frame.interlaced_frame

    def _lost_at_end(self, last: VideoFrame) -> str | None:
        """Why the end of the packets is not the end of the video, or None."""
        base = self.stream.time_base
        if self._awaited and self._tells_losses(last):
            return f"{_frames(len(self._awaited))} after it could not be decoded"
        if last.pts is None and self._one_to_one and not last.interlaced_frame and self._packets > self._frames:
            return f"{_frames(self._packets - self._frames)} could not be decoded"
        indexed = self._indexed() if self.form in _INDEXED else 0
        if indexed > self._packets:
            return f"the file's index lists {indexed} frames, and {indexed - self._packets} of them are not there"
        if self.form == "mpegts" and self._one_to_one and not last.interlaced_frame:
            lost = units_of_pictures(self._path) - self._frames - self.skipped
            if 0 < lost < self._frames / 2:  # else a picture takes several units
                return f"{_frames(lost)} could not be told from the ones before"
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
        if self.form == "avi" and self.stream.average_rate:  # its frames, empty ones that repeat a picture included, are equally long
            return float(self.stream.frames / self.stream.average_rate)
        if self.form in _DURATION_IN_HEADER and len(self._container.streams) == 1 and self._container.duration is not None:
            return self._container.duration / 1e6
        return None


def decoded_in_time(container: InputContainer, stream: VideoStream, waited: Callable[[float], None]) -> Iterator[VideoFrame]:
    """The pictures from where the container stands; `waited` is told how long each packet took, seconds, and may raise."""
    since = time.monotonic()
    for packet in container.demux(stream):
        pictures = packet.decode()
        waited(time.monotonic() - since)
        yield from pictures
        if pictures:  # what is done with them in between is none of the decoder's time
            since = time.monotonic()


def _is_intra(frame: VideoFrame) -> bool:
    """Whether it is told without any other picture."""
    from av.video.frame import PictureType

    return frame.pict_type == PictureType.I


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
