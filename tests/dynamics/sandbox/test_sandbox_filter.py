"""The filter of system calls, worked out as the kernel works it out, for machines that the tests don't run on too."""

from __future__ import annotations

import struct

import pytest

from kinescribe.dynamics.sandbox import seccomp, syscalls
from kinescribe.dynamics.sandbox.seccomp import ALLOW, KILL, REFUSE, program
from kinescribe.dynamics.sandbox.syscalls import Machine

MACHINES = {"x86_64": syscalls._X86_64, "aarch64": syscalls._AARCH64}
OPENING = {
    # open creat openat openat2 socket socketpair connect accept sendmsg memfd_create pipe pipe2 dup dup2 dup3 fcntl ioctl prctl
    "x86_64": (2, 85, 257, 437, 41, 53, 42, 43, 46, 319, 22, 293, 32, 33, 292, 72, 16, 157),
    # openat openat2 socket socketpair connect accept sendmsg memfd_create pipe2 dup dup3 fcntl ioctl prctl
    "aarch64": (56, 437, 198, 199, 203, 202, 211, 279, 59, 23, 24, 25, 29, 167),
}


def verdict(code: bytes, number: int, arguments: tuple[int, ...] = (), audit: int = 0) -> int:
    """What a classic BPF program returns for a call."""
    data = struct.pack(
        "<IIQ6Q", number & 0xFFFFFFFF, audit, 0, *(one & 0xFFFFFFFFFFFFFFFF for one in (*arguments, *(0,) * (6 - len(arguments))))
    )
    lines = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    at, word = 0, 0
    while True:
        operation, yes, no, k = lines[at]
        at += 1
        if operation == seccomp.RETURN:
            return k
        if operation == seccomp.LOAD:
            word = struct.unpack_from("<I", data, k)[0]
        else:
            held = {seccomp.EQUAL: word == k, seccomp.AT_LEAST: word >= k, seccomp.ANY_BIT: bool(word & k)}[operation]
            at += yes if held else no


@pytest.fixture(params=MACHINES)
def known(request: pytest.FixtureRequest) -> tuple[str, Machine, bytes]:
    machine = MACHINES[request.param]
    return request.param, machine, program(machine, (0, 3), (1, 2, 4))


def test_every_call_that_is_not_on_the_list_is_refused(known: tuple[str, Machine, bytes]):
    _, machine, code = known
    mixed = {machine.read, machine.write, machine.mmap, machine.mprotect}
    assert len(mixed) + len(machine.allowed) + len(machine.deadly) == len(mixed.union(machine.allowed, machine.deadly))
    for number in range(1_000):
        if number not in mixed:
            wanted = ALLOW if number in machine.allowed else KILL if number in machine.deadly else REFUSE
            assert verdict(code, number, audit=machine.audit) == wanted, number


def test_nothing_is_opened(known: tuple[str, Machine, bytes]):
    name, machine, code = known
    assert all(verdict(code, number, audit=machine.audit) == REFUSE for number in OPENING[name])


def test_another_machines_numbers_end_the_process(known: tuple[str, Machine, bytes]):
    _, machine, code = known
    for other in (0, 0x40000003, *(one.audit for one in MACHINES.values() if one is not machine)):
        for number in (*machine.allowed, machine.read):
            assert verdict(code, number, (3,), other) == KILL
    if machine.numbers_end:
        # the x32 numbers of the same machine, and what would be negative
        assert verdict(code, machine.numbers_end + machine.write, (4,), machine.audit) == KILL
        assert verdict(code, -1, audit=machine.audit) == KILL


def test_only_its_own_descriptors_are_read_and_written(known: tuple[str, Machine, bytes]):
    _, machine, code = known
    for descriptor in (*range(70), -1, 2**31):
        for number, own in ((machine.read, (0, 3)), (machine.write, (1, 2, 4))):
            assert verdict(code, number, (descriptor,), machine.audit) == (ALLOW if descriptor in own else REFUSE)


@pytest.mark.parametrize("protection", range(8))
@pytest.mark.parametrize("flags", [0x1, 0x2, 0x22, 0x21, 0x32, 0x4022])
def test_memory_is_anonymous_and_never_run(known: tuple[str, Machine, bytes], protection: int, flags: int):
    _, machine, code = known
    good = ALLOW if not protection & 4 and flags & 0x20 else REFUSE
    assert verdict(code, machine.mmap, (0, 4096, protection, flags, -1, 0), machine.audit) == good
    assert verdict(code, machine.mprotect, (0, 4096, protection), machine.audit) == (REFUSE if protection & 4 else ALLOW)


def test_the_program_is_one_that_the_kernel_takes(known: tuple[str, Machine, bytes]):
    _, _, code = known
    lines = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    assert len(lines) < 4_096
    for at, (operation, yes, no, _) in enumerate(lines):
        assert at + 1 + max(yes, no) < len(lines) or operation == seccomp.RETURN
    assert lines[-1][0] == seccomp.RETURN


KNOWN = [("Linux", "x86_64", True), ("Linux", "aarch64", True), ("Linux", "riscv64", False), ("Darwin", "arm64", False)]


@pytest.mark.parametrize(("system", "processor", "found"), [*KNOWN, ("Windows", "AMD64", False)])
def test_machines_that_are_not_known_are_none(monkeypatch: pytest.MonkeyPatch, system: str, processor: str, found: bool):
    monkeypatch.setattr(syscalls.platform, "system", lambda: system)
    monkeypatch.setattr(syscalls.platform, "machine", lambda: processor)
    assert (syscalls.machine() is not None) == found
    # an interpreter of 32 bits makes the calls of another table
    monkeypatch.setattr(syscalls.struct, "calcsize", lambda _: 4)
    assert syscalls.machine() is None
