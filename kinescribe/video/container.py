"""Opens files for decoding: local ones only, and nothing that makes the decoder open a further file."""

from __future__ import annotations

import difflib
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .limits import Limits

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["decoder_message", "existing_path", "open_container"]

# Demuxers that read one file and no other. Playlists (hls, dash, concat), image patterns, devices, lavfi and network formats are out.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,av1,obu,ivf,flv,asf,ogg,gif,apng,"
    "mjpeg,mpjpeg,dv,mxf,nut,yuv4mpegpipe,wtv,rm,vc1,y4m,dirac,webp_anim,mp3,wav,flac,aac,amr,aiff"
)
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*")  # PNG, JPEG, BMP, TIFF
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_PROTOCOLS = frozenset(
    {"async", "bluray", "cache", "concat", "concatf", "crypto", "data", "fd", "file", "ftp", "gopher", "hls", "http", "https", "icecast"}
    | {"ipfs", "ipns", "lavfi", "mmsh", "mmst", "md5", "pipe", "rtmp", "rtmps", "rtp", "rtsp", "rtsps", "s3", "sctp", "sftp", "smb", "srt"}
    | {"srtp", "subfile", "tcp", "tee", "tls", "udp", "udplite", "unix", "zmq"}
)


def existing_path(source: str | Path) -> Path:
    """The path that a source names, if something is there.

    Raises:
        InputError: a URL, or a path that doesn't exist; names the nearest thing that does.
    """
    text, path = str(source), Path(source)
    if text == "-":
        raise InputError("'-': standard input isn't read, for a video is gone through several times; save it to a file first")
    scheme = _SCHEME.match(text)
    if "\0" in text:
        raise InputError(f"{text!r} is no usable path: it holds a zero byte")
    try:
        if path.exists():
            return path
    except OSError as error:  # such as a name too long
        raise InputError(f"'{text[:80]}' is no usable path: {error}") from error
    if scheme and ("://" in text or scheme.group(1).lower() in _PROTOCOLS or text[scheme.end() :].startswith("/")):
        raise InputError(f"'{text}' is a URL; local files only: download it first and give the file's path")
    if not path.parent.is_dir():
        raise InputError(f"'{text}' doesn't exist: there is no folder '{path.parent}'")
    near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    hint = f"did you mean '{path.with_name(near[0])}'?" if near else f"nothing of a similar name is in '{path.parent}'"
    raise InputError(f"'{text}' doesn't exist; {hint}")


def open_container(path: Path, limits: Limits) -> tuple[InputContainer, VideoStream]:
    """Open a video file and find the stream to decode, its decoder set to report damage instead of painting over it.

    Raises:
        InputError: empty, no regular file, not permitted, no video format, no video in it, or more than the limits allow.
    """
    import av

    if not path.is_file():
        raise InputError(f"'{path}' is neither a file nor a folder: give a video file or a folder of numbered pictures")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"'{path}' is empty (0 bytes); record or copy it again")
        # The prefix keeps a colon in a name from being read as a protocol.
        container = av.open(
            f"file:{path.absolute()}",
            metadata_errors="replace",
            options={"protocol_whitelist": "file", "format_whitelist": _FORMATS, "max_pixels": _option(limits.max_pixels)},
            timeout=limits.max_wait_s if math.isfinite(limits.max_wait_s) else None,
        )
    except av.error.ExitError as error:
        limits.check_wait(path.name, math.inf)
        raise InputError(f"'{path}' can't be read: {decoder_message(error)}") from error
    except av.FFmpegError as error:
        if isinstance(error, PermissionError):
            raise InputError(f"'{path}' can't be read: permission denied") from error
        if _is_picture(path):
            raise InputError(f"'{path}' is a single picture, not a video: give a video file, or the folder of numbered pictures") from error
        looks = "it holds plain text" if _is_text(path) else "unknown format, or cut off before its index"
        raise InputError(f"'{path}' is no video that can be read: {looks} ({decoder_message(error)})") from error
    except PermissionError as error:
        raise InputError(f"'{path}' can't be read: permission denied") from error
    try:
        return container, _video_stream(container, path, limits)
    except BaseException:
        container.close()
        raise


def decoder_message(error: BaseException) -> str:
    """The decoder's own words, without its numbers and file names."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _video_stream(container: InputContainer, path: Path, limits: Limits) -> VideoStream:
    from av.stream import Disposition

    # A song's cover picture is stored as a video stream of one frame.
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        what = ", ".join(sorted({s.type for s in container.streams if s.type != "video"})) or "nothing"
        raise InputError(f"'{path}' has no video stream (it holds {what}); give a file with pictures")
    stream = max(streams, key=lambda s: (bool(s.disposition & Disposition.default), -s.index))
    context = stream.codec_context
    if context is None:
        raise InputError(f"'{path}' is stored with a codec that can't be decoded here; convert it to H.264")
    limits.check_pixels(str(path), context.width, context.height)
    stream.thread_type = "AUTO"
    bits = context.format.bits_per_pixel if context.format is not None else 24
    threads = limits.threads(str(path), context.width, context.height, bits, os.cpu_count() or 1)
    if threads < (os.cpu_count() or 1):
        context.thread_count = threads
    # A concealed frame shows objects where they never were: an error must end the reading, not be painted over.
    context.options = {"err_detect": "explode", "max_pixels": _option(limits.max_pixels)}
    return stream


def _option(limit: float) -> str:
    """A limit as the decoder takes it."""
    return str(int(min(limit, 2**31 - 1)))


def _is_picture(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(12)
    return head.startswith(_PICTURES) or (head.startswith(b"RIFF") and head.endswith(b"WEBP"))


def _is_text(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(512)
    try:
        return head.decode("utf-8").replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
    except UnicodeDecodeError:
        return False
