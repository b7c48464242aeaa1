"""The filter of system calls: what is not on the list does not happen (kernel 3.17 on).

A worker computes: it takes and gives back memory, reads its requests, writes its replies, and ends. All else is refused as "not permitted",
and ends the process where nobody asks for it by accident. Memory that can be run is not among what it can have, so that machine code
can't be brought in.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from kinescribe.dynamics.sandbox.kernel import called
from kinescribe.dynamics.sandbox.syscalls import Machine

__all__ = ["program", "stand"]

SET_MODE_FILTER = 1
ALL_THREADS = 1
KILL, REFUSE, ALLOW = 0x80000000, 0x00050000 | errno.EPERM, 0x7FFF0000
# classic BPF: load a word of the call's data, compare, return
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE = 0, 4
PROT_EXEC, MAP_ANONYMOUS = 0x4, 0x20


def _argument(k: int) -> int:
    """Offset of the lower half of an argument."""
    return 16 + 8 * k


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


Line = tuple[int, int, int, int]


def program(machine: Machine, readable: tuple[int, ...], writable: tuple[int, ...]) -> bytes:
    """The filter's code for a process that reads and writes these descriptors alone."""
    lines: list[Line] = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, machine.audit), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    if machine.numbers_end:
        lines += [(AT_LEAST, 0, 1, machine.numbers_end), (RETURN, 0, 0, KILL)]
    for number in machine.allowed:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    for number in machine.deadly:
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, KILL)]
    for number, descriptors in ((machine.read, readable), (machine.write, writable)):
        lines += _only(number, [(LOAD, 0, 0, _argument(0)), *_one_of(descriptors)])
    # no memory that can be run, and none of a file
    not_run = [(LOAD, 0, 0, _argument(2)), (ANY_BIT, 0, 1, PROT_EXEC), (RETURN, 0, 0, REFUSE)]
    of_no_file = [(LOAD, 0, 0, _argument(3)), (ANY_BIT, 1, 0, MAP_ANONYMOUS), (RETURN, 0, 0, REFUSE)]
    lines += _only(machine.mmap, [*not_run, *of_no_file, (RETURN, 0, 0, ALLOW)])
    lines += _only(machine.mprotect, [*not_run, (RETURN, 0, 0, ALLOW)])
    lines.append((RETURN, 0, 0, REFUSE))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _only(number: int, lines: list[Line]) -> list[Line]:
    """These lines, which end in a return, for one call."""
    return [(EQUAL, 0, len(lines), number), *lines]


def _one_of(descriptors: tuple[int, ...]) -> list[Line]:
    lines: list[Line] = []
    for one in descriptors:
        lines += [(EQUAL, 0, 1, one), (RETURN, 0, 0, ALLOW)]
    return [*lines, (RETURN, 0, 0, REFUSE)]


def stand(machine: Machine, readable: tuple[int, ...], writable: tuple[int, ...]) -> None:
    """Put the filter before every thread of this process, for good. Raises OSError where the kernel does not take it."""
    code = program(machine, readable, writable)
    filled = _Program(len(code) // 8, ctypes.c_char_p(code))
    called("syscall", machine.seccomp, SET_MODE_FILTER, ALL_THREADS, ctypes.byref(filled))
