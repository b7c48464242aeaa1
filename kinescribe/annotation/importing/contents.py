"""A file that a stranger wrote, as text: no larger than can be held, in an encoding that is known."""

from __future__ import annotations

from pathlib import Path

from kinescribe.errors import InputError

__all__ = ["MAX_BYTES", "beginning", "checked_size", "read_text"]

MAX_BYTES = 256 * 2**20
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# What begins like this is no text; what to do about it.
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive: unpack it and give the file of tracks in it"),
    (b"\x89HDF", "HDF5: export the tracks as CSV there"),
    (b"\x1f\x8b", "gzipped: unpack it first"),
    (b"PAR1", "Parquet: kinescribe.states.read reads states tables; tracks of other tools come as CSV, JSON or XML"),
)


def checked_size(path: Path, most: int = MAX_BYTES) -> int:
    """The file's size in bytes. Raises InputError for what is no file, can't be read, or is larger than `most`."""
    try:
        if not path.is_file():
            raise InputError(f"cannot read '{path}': {'it is no file' if path.exists() else 'there is no such file'}")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read '{path}': {getattr(error, 'strerror', None) or error}") from error
    if size > most:
        raise InputError(f"{path}: has {size / 2**20:.0f} MiB; at most {most / 2**20:.0f}: export fewer frames or tracks at a time")
    return size


def beginning(path: Path, count: int = 1 << 16) -> bytes:
    """The first bytes. Raises InputError for what can't be read, is empty, or is no text."""
    checked_size(path)
    data = _read(path, count)
    for mark, what in _OTHERS:
        if data.startswith(mark):
            raise InputError(f"{path}: is {what}")
    if not data.strip(b" \t\r\n\0"):
        raise InputError(f"{path}: is empty; export the tracks again")
    return data


def read_text(path: Path, encoding: str | None = None, most: int = MAX_BYTES) -> str:
    """The whole text, without its byte order mark, which tells the encoding where there is one. InputError for what can't be read."""
    checked_size(path, most)
    data = _read(path, most + 1)
    chosen = next((name for mark, name in _MARKS if data.startswith(mark)), encoding or "utf-8")
    try:
        return data.decode(chosen)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        way = "give encoding='cp1252' or what it is in, or save it as UTF-8" if encoding is None else "give another encoding"
        raise InputError(f"{path}: line {line}: the byte 0x{data[error.start]:02x} is not {chosen}: {way}") from None


def _read(path: Path, count: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
