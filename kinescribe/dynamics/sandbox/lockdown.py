"""What a worker takes from itself before it reads a line of a law: the order matters, and nothing of it can be undone."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
from dataclasses import dataclass
from pathlib import Path

from kinescribe.dynamics.sandbox import landlock, seccomp
from kinescribe.dynamics.sandbox.kernel import die_with_parent, drop_privileges, forbid_new_privileges, hide, libc
from kinescribe.dynamics.sandbox.syscalls import Machine, machine

__all__ = ["REPLIES", "REQUESTS", "Shut", "close_all_but_ours", "lock_down"]

REQUESTS, REPLIES = 3, 4  # descriptors that a worker has, beside three that lead nowhere


@dataclass(frozen=True, slots=True)
class Shut:
    """Which walls stand. `landlock`: its version, 0 for none; `seccomp`: the filter stands and was tried."""

    landlock: int
    seccomp: bool


def close_all_but_ours(requests: int, replies: int) -> None:
    """Requests and replies on 3 and 4; 0, 1 and 2 lead nowhere; all else is closed."""
    # first out of the way of each other
    inner, outer = os.dup(requests), os.dup(replies)
    nowhere = os.open(os.devnull, os.O_RDWR)
    high = [os.dup2(one, 60 + k, inheritable=False) for k, one in enumerate((nowhere, inner, outer))]
    for target, source in ((0, high[0]), (1, high[0]), (2, high[0]), (REQUESTS, high[1]), (REPLIES, high[2])):
        os.dup2(source, target, inheritable=False)
    os.closerange(REPLIES + 1, 2**16)


def lock_down(parent: int, memory: int, cpu_seconds: int) -> Shut:
    """Give up files, sockets, other processes, rights, and memory beyond so many bytes more.

    Raises:
        OSError: the kernel refuses one of the walls that it has.
    """
    known = machine()
    os.environ.clear()
    os.umask(0o777)
    hide()
    _limit(memory, cpu_seconds)
    if known is not None:
        forbid_new_privileges()
        drop_privileges(known.capset)
    # after the change of user, which takes it back
    die_with_parent(parent)
    if known is None:
        return Shut(0, False)
    version = landlock.no_access()
    # nothing more is opened, Landlock's own descriptor was the last
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    try:
        seccomp.stand(known, (0, REQUESTS), (1, 2, REPLIES))
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EACCES):
            return Shut(version, False)
        raise
    return Shut(version, _holds(known))


def _limit(memory: int, cpu_seconds: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + memory,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for which, value in most.items():
        ceiling = resource.getrlimit(which)[1]
        least = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(which, (least, least))


def _holds(known: Machine) -> bool:
    """The walls, tried: no file opens, no socket is made."""
    try:
        os.close(os.open("/", os.O_RDONLY))
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES):
            return False
    else:
        return False
    found: int = libc().syscall(ctypes.c_long(known.socket), ctypes.c_long(1), ctypes.c_long(1), ctypes.c_long(0))
    return found == -1 and ctypes.get_errno() == errno.EPERM
