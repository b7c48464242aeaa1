"""Landlock without the filter, the filter without Landlock, the limits without either: each holds what it is there for."""

from __future__ import annotations

import subprocess
import sys

import escapes
import pytest

from kinescribe.dynamics.sandbox import SandboxedLaw, isolation, landlock, worker
from kinescribe.dynamics.sandbox.syscalls import machine

pytestmark = pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")
TRY = """
def tried(name, what):
    try:
        what()
        print(name, "through")
    except OSError as error:
        print(name, type(error).__name__)
"""


def told(script: str) -> list[str]:
    begin = "import sys; sys.path[:0] = sys.argv[1:]\nimport os, socket, resource\n"
    guard = ["prlimit", "--nproc=4000", "--as=4000000000"]
    command = [*guard, sys.executable, "-c", begin + TRY + script, *filter(None, sys.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
def test_landlock_alone_bars_files():
    lines = told(
        "from kinescribe.dynamics.sandbox.kernel import forbid_new_privileges\n"
        "from kinescribe.dynamics.sandbox.landlock import no_access\n"
        "from pathlib import Path\n"
        "tried('before', lambda: os.listdir('/'))\n"
        "forbid_new_privileges(); no_access()\n"
        "tried('list', lambda: os.listdir('/'))\n"
        "tried('read', lambda: Path('/proc/self/status').read_text())\n"
        "tried('write', lambda: Path('/tmp/kinescribe_escape').write_text('x'))\n"
        "tried('make', lambda: os.mkdir('/tmp/kinescribe_escape'))\n"
        "tried('run', lambda: os.execv('/bin/true', ['true']))\n"
    )
    assert lines == ["before through", *(f"{name} PermissionError" for name in ("list", "read", "write", "make", "run"))]


@pytest.mark.skipif(landlock.version() < 4, reason="this kernel's Landlock knows no ports")
def test_landlock_alone_bars_ports():
    lines = told(
        "from kinescribe.dynamics.sandbox.kernel import forbid_new_privileges\n"
        "from kinescribe.dynamics.sandbox.landlock import no_access\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "tried('before', lambda: socket.create_connection(server.getsockname()))\n"
        "forbid_new_privileges(); no_access()\n"
        "tried('connect', lambda: socket.create_connection(server.getsockname()))\n"
        "tried('listen', lambda: socket.create_server(('127.0.0.1', 0)))\n"
    )
    assert lines == ["before through", "connect PermissionError", "listen PermissionError"]


def test_the_filter_alone_holds_the_whole_corpus(monkeypatch: pytest.MonkeyPatch):
    without = "import kinescribe.dynamics.sandbox.landlock as landlock; landlock.no_access = lambda: 0; "
    child = "from kinescribe.dynamics.sandbox.child"
    monkeypatch.setattr(worker, "_BEGIN", worker._BEGIN.replace(child, without + child))
    assert isolation().level == "filter"
    names = list(escapes.REFUSED)
    for some in (names[:40], names[40:]):
        law = SandboxedLaw.of(escapes.probing({name: escapes.REFUSED[name] for name in some}), check=False)
        found = dict(zip(some, (one.meaning for one in law.parameters.values()), strict=True))
        assert {name: text for name, text in found.items() if not text.startswith("held ")} == {}


def test_the_limits_alone_bar_writing_opening_and_memory():
    lines = told(
        "from kinescribe.dynamics.sandbox.lockdown import _limit\n"
        "import signal, tempfile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "made = tempfile.TemporaryFile()\n"
        "_limit(64 * 2**20, 100)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))\n"
        "tried('open', lambda: os.open('/', os.O_RDONLY))\n"
        "tried('write', lambda: os.write(made.fileno(), b'x'))\n"
        "try:\n"
        "    bytearray(2**28)\n"
        "    print('memory through')\n"
        "except MemoryError:\n"
        "    print('memory held')\n"
        "print('core', resource.getrlimit(resource.RLIMIT_CORE)[1], 'children', resource.getrlimit(resource.RLIMIT_NPROC)[1])\n"
    )
    assert lines == ["open OSError", "write OSError", "memory held", "core 0 children 0"]
