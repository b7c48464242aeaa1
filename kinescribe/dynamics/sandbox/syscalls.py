"""System calls by number, for the machines that the sandbox knows."""

from __future__ import annotations

import platform
import struct
import sys
from dataclasses import dataclass

__all__ = ["Machine", "machine"]


@dataclass(frozen=True, slots=True)
class Machine:
    """One architecture of 64-bit Linux, little-endian.

    Attributes:
        audit: how the kernel calls it in a filter's data.
        allowed: calls that a worker makes while it computes: memory, locks, the clock and its end.
        read, write, mmap, mprotect: calls that are allowed for some arguments.
        deadly: calls that no law makes by accident, at which the process ends: starting others, and reaching into them.
        seccomp, capset, socket: calls of our own, made before the filter stands.
        numbers_end: calls from this number on belong to another machine's table; 0: there is none.
    """

    audit: int
    allowed: tuple[int, ...]
    read: int
    write: int
    mmap: int
    mprotect: int
    deadly: tuple[int, ...]
    seccomp: int
    capset: int
    socket: int
    numbers_end: int


_X86_64 = Machine(
    audit=0xC000003E,
    # munmap brk rt_sigreturn sched_yield mremap madvise exit futex clock_gettime exit_group
    allowed=(11, 12, 15, 24, 25, 28, 60, 202, 228, 231),
    read=0,
    write=1,
    mmap=9,
    mprotect=10,
    # clone fork vfork execve kill ptrace mount tkill tgkill process_vm_readv process_vm_writev bpf execveat pidfd_send_signal clone3
    # pidfd_getfd keyctl perf_event_open userfaultfd init_module unshare setns io_uring_setup
    deadly=(56, 57, 58, 59, 62, 101, 165, 200, 234, 310, 311, 321, 322, 424, 435, 438, 250, 298, 323, 175, 272, 308, 425),
    seccomp=317,
    capset=126,
    socket=41,
    numbers_end=0x40000000,
)
_AARCH64 = Machine(
    audit=0xC00000B7,
    # munmap brk rt_sigreturn sched_yield mremap madvise exit futex clock_gettime exit_group
    allowed=(215, 214, 139, 124, 216, 233, 93, 98, 113, 94),
    read=63,
    write=64,
    mmap=222,
    mprotect=226,
    # clone execve kill ptrace mount tkill tgkill process_vm_readv process_vm_writev bpf execveat pidfd_send_signal clone3 pidfd_getfd
    # keyctl perf_event_open userfaultfd init_module unshare setns io_uring_setup
    deadly=(220, 221, 129, 117, 40, 130, 131, 270, 271, 280, 281, 424, 435, 438, 219, 241, 282, 105, 97, 268, 425),
    seccomp=277,
    capset=91,
    socket=198,
    numbers_end=0,
)
_MACHINES = {"x86_64": _X86_64, "amd64": _X86_64, "aarch64": _AARCH64, "arm64": _AARCH64}


def machine() -> Machine | None:
    """The one at hand; None where the sandbox does not know it."""
    found = _MACHINES.get(platform.machine().lower()) if platform.system() == "Linux" else None
    # an interpreter of 32 bits makes other calls on the same machine
    return found if found is not None and struct.calcsize("P") == 8 and sys.byteorder == "little" else None
