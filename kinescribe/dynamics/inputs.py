"""Known inputs, such as a cart's push: columns over time, each value held until the next."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import InputError, UsageError

__all__ = ["Inputs"]

Float = NDArray[np.float64]
MOST_BYTES = 256 * 2**20
MUCH_LONGER = 100.0  # times the motion: inputs whose times are probably no seconds,
FEW = 5  # if that few of them act


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Values of known inputs over time.

    Attributes:
        times: (m,) seconds, ascending; the first value also holds before the first time, the last one for good.
        columns: by name (m,) values.
    """

    times: Float
    columns: Mapping[str, Float]

    @classmethod
    def none(cls) -> Inputs:
        """No inputs."""
        return cls(np.zeros(1), {})

    @classmethod
    def of(cls, times: ArrayLike, /, **columns: ArrayLike) -> Inputs:
        """From times (m,) in seconds and one array (m,) an input. Raises UsageError for unequal lengths or times that don't ascend."""
        t = np.asarray(times, float)
        values = {name: np.asarray(column, float) for name, column in columns.items()}
        if t.ndim != 1 or not len(t) or not np.isfinite(t).all():
            raise UsageError("the times of inputs must be finite numbers, at least one")
        back = np.flatnonzero(np.diff(t) <= 0)
        if len(back):
            raise UsageError(f"the times of inputs must ascend: {t[back[0] + 1]:g} s comes after {t[back[0]]:g} s")
        for name, column in values.items():
            if column.shape != t.shape:
                raise UsageError(f"input '{name}' has {column.size} values for {len(t)} times")
            if not np.isfinite(column).all():
                raise UsageError(f"input '{name}' has a value that is not finite at {t[~np.isfinite(column)][0]:g} s")
        return cls(t, values)

    @classmethod
    def read(cls, path: Path) -> Inputs:
        """From a CSV with the column ``time_s`` and one column an input. Raises InputError naming the line that is wrong."""
        try:
            if path.stat().st_size > MOST_BYTES:
                raise InputError(f"{path}: {path.stat().st_size} bytes are too many for a table of inputs")
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from None
        except OSError as error:
            raise error if isinstance(error, InputError) else InputError(f"{path}: {error.strerror or error}") from None
        reader = csv.reader(io.StringIO(text))
        try:
            rows = list(reader)
        except csv.Error as error:
            raise InputError(f"{path}: line {reader.line_num}: {error}") from None
        names = [name.strip() for name in rows[0]] if rows else []
        if "time_s" not in names:
            raise InputError(f"{path}: inputs need a header with the column time_s and one column an input; it has {_head(rows)}")
        if len(set(names)) < len(names) or not all(names):
            raise InputError(f"{path}: every column needs a name of its own; the header is {_head(rows)}")
        table = np.array([_numbers(path, number, row, names) for number, row in enumerate(rows[1:], 2) if any(row)])
        if not len(table):
            raise InputError(f"{path}: has a header and no rows")
        columns = dict(zip(names, table.T, strict=True))
        try:
            return cls.of(columns.pop("time_s"), **columns)
        except UsageError as error:
            raise InputError(f"{path}: {error}") from None

    def require(self, names: Sequence[str], until: float, law: str) -> None:
        """Raise UsageError where an input that the law needs is missing or ends before `until` seconds."""
        for name in names:
            if name not in self.columns:
                known = ", ".join(self.columns) or "none"
                raise UsageError(f"law {law} needs the input '{name}'; given: {known} (inputs: a CSV with time_s and one column an input)")
        if names and len(self.times) > 1:
            # the last value is held for as long as the values before it were
            end = self.times[-1] + float(np.median(np.diff(self.times)))
            if end < until - 1e-9:
                raise UsageError(f"the inputs end at {self.times[-1]:g} s and the motion runs to {until:g} s: give inputs up to there")

    def doubts(self, names: Sequence[str], begin: float, until: float, law: str) -> list[str]:
        """What is odd about them for a law with these inputs and a motion from `begin` to `until`, seconds; one line each."""
        lines = []
        unused = [name for name in self.columns if name not in names and "." not in name]  # a dot: rates of kinematic objects
        if unused:
            lines.append(f"law {law} has no use for the input{'s' * (len(unused) > 1)} {', '.join(unused)}")
        if not names:
            return lines
        if len(self.times) > 1 and self.times[-1] - self.times[0] > MUCH_LONGER * max(until - begin, 0.0):
            acting = max(int((self.times <= until).sum()), 1)
            if acting < FEW:
                lines.append(
                    f"the inputs run to {self.times[-1]:g} s and the motion to {until:g} s, so that {acting} of {len(self.times)} values "
                    "act: are their times in milliseconds? time_s is in seconds"
                )
        if self.times[0] > begin + 1e-6:
            lines.append(
                f"the inputs begin at {self.times[0]:g} s and the motion at {begin:g} s: their first value is taken to hold before"
            )
        return lines

    def at(self, times: ArrayLike) -> dict[str, Float]:
        """By name the values that hold at these times, any shape."""
        index = np.clip(np.searchsorted(self.times, np.asarray(times, float) + 1e-9, side="right") - 1, 0, len(self.times) - 1)
        return {name: column[index] for name, column in self.columns.items()}


def _numbers(path: Path, line: int, row: Sequence[str], names: Sequence[str]) -> list[float]:
    if len(row) != len(names):
        raise InputError(f"{path}: line {line} has {len(row)} cells for {len(names)} columns")
    values = []
    for name, cell in zip(names, row, strict=True):
        try:
            values.append(float(cell))
        except ValueError:
            raise InputError(f"{path}: line {line}: {name} is '{cell[:30]}', not a number") from None
    return values


def _head(rows: Sequence[Sequence[str]]) -> str:
    return f"'{','.join(rows[0])[:60]}'" if rows else "nothing"
