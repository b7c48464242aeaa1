"""Calls to the kernel that Python does not offer."""

from __future__ import annotations

import ctypes
import os
from typing import Any

__all__ = ["called", "die_with_parent", "drop_privileges", "forbid_new_privileges", "hide", "libc"]

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
SIGKILL = 9
NOBODY = 65_534
CAPABILITY_VERSION_3 = 0x20080522


def libc() -> Any:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def called(what: str, *arguments: Any) -> int:
    """The result of a function of the C library whose arguments are words of the machine. Raises OSError where it fails."""
    words = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in arguments]
    result: int = getattr(libc(), what)(*words)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def die_with_parent(parent: int) -> None:
    """End this process when the thread that started it does; at once where that is over already."""
    called("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def hide() -> None:
    """No core, and nobody else of the same user may look into this process."""
    called("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def forbid_new_privileges() -> None:
    """Nothing that this process may ever start gains rights, which is also what lets an unprivileged one set a filter."""
    called("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_privileges(capset: int) -> None:
    """Be nobody where this is root, and have no capability in any case."""
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        except OSError:
            # a container's root may have no other user to become; the capabilities go all the same, and the filter asks nobody's name
            pass
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    called("syscall", capset, ctypes.byref(header), ctypes.byref(nothing))
