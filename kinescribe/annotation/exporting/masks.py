"""The masks file beside a table, read line by line and checked."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError
from kinescribe.perception.rle import decode_counts

__all__ = ["read_masks"]

_LONGEST = 8 * 2**20  # characters of a line: a few bytes of gzip can ask for terabytes


def read_masks(path: Path, size: tuple[int, int], wanted: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Run lengths by (frame, object) of those that are wanted.

    Args:
        size: (width, height) of the picture.

    Raises:
        InputError: a file that can't be read, a line that is no mask, or a mask of another picture's size, by line.
    """
    found: dict[tuple[int, int], str] = {}
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            while line := lines.readline(_LONGEST + 1):
                number += 1
                (frame, object_id), counts, shape = _mask(line)
                if (frame, object_id) not in wanted:
                    continue
                if shape != (size[1], size[0]):
                    raise _Wrong(f"is for pictures of {shape[1]} x {shape[0]} pixels, and this video's have {size[0]} x {size[1]}")
                if (frame, object_id) in found:
                    raise _Wrong(f"is a second mask of object {object_id} in frame {frame}")
                decode_counts(shape, counts)
                found[frame, object_id] = counts
    except UnicodeDecodeError:
        raise InputError(f"{path}: after line {number}: is not UTF-8; write it again with --masks, or leave the masks out") from None
    except ValueError as error:
        raise InputError(f"{path}: line {number}: {error}; write it again with --masks, or leave the masks out") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"'{path}' is cut off, damaged or not gzipped ({error}); write it again, or leave the masks out") from error
    except OSError as error:
        raise InputError(f"cannot read the masks '{path}': {error.strerror or error}") from error
    return found


class _Wrong(ValueError):
    """What is wrong with one line."""


def _mask(line: str) -> tuple[tuple[int, int], str, tuple[int, int]]:
    """Frame and object, run lengths, and the picture's height and width."""
    if len(line) > _LONGEST:
        raise _Wrong(f"is longer than {_LONGEST} characters")
    try:
        data: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise _Wrong("is not JSON") from None
    rle = data.get("rle") if isinstance(data, dict) else None
    if not isinstance(rle, dict):
        raise _Wrong("has no 'rle'")
    shape, counts = rle.get("size"), rle.get("counts")
    whole = [data.get("frame"), data.get("object_id"), *(shape if isinstance(shape, list) else [])]
    if len(whole) != 4 or any(isinstance(value, bool) or not isinstance(value, int) for value in whole) or not isinstance(counts, str):
        raise _Wrong("must hold frame and object_id as whole numbers, and rle with size [height, width] and counts as text")
    return (whole[0], whole[1]), counts, (whole[2], whole[3])
