"""The corpus: what others got out of sandboxes with, as sources that must not pass, and as calls that must not work."""

from __future__ import annotations

import textwrap

IN_A_METHOD = """
import math
import numpy as np
from kinescribe.dynamics import Law, Parameter

class Probe(Law):
    gravity = Parameter(9.8)

    def acceleration(self, t, state, parameters, inputs):
        {}
        return 0.0, -parameters.gravity
"""

IN_A_FUNCTION = """
import math
import numpy as np
from kinescribe.dynamics import Law

def draw(self, state, parameters):
    if True:
        {}
    return state
"""

SOURCES = {
    # attributes that lead from any object to all others
    "subclasses": "().__class__.__base__.__subclasses__()",
    "class of a parameter": "parameters.__class__.__mro__[-1].__subclasses__()",
    "globals of a method": "self.acceleration.__globals__",
    "init of the law": "Law.__init__.__globals__['np']",
    "builtins of a function": "np.sum.__globals__['__builtins__']",
    "self of a builtin": "abs.__self__.open('/etc/passwd')",
    "loader of a module": "np.__loader__",
    "spec of a module": "math.__spec__.loader.load_module('os')",
    "dict of a module": "np.__dict__['load']",
    "private of numpy": "np._core.multiarray",
    "mro as a method": "type(state).mro()",
    "code of a function": "self.acceleration.__code__.replace(co_code=b'')",
    "closure": "(lambda: 0).__closure__",
    "wrapped": "np.sum.__wrapped__",
    "array interface": "state.x.__array_interface__['data']",
    "reduce_ex": "state.__reduce_ex__(4)",
    # smolagents, CVE-2025-5120 and CVE-2025-9959: by way of a module's modules, and of a string's or a frame's attributes
    "module of a module": "np.lib.npyio.os.system('id')",
    "module of math": "math.os",
    "numpy's f2py": "np.f2py.os.system('id')",
    "numpy's testing": "np.testing.runstring('import os', {})",
    "exec of a module": "np.distutils.exec_command('id')",
    "numpy's ctypeslib": "np.ctypeslib.ctypes",
    # RestrictedPython: CVE-2023-37271 (generator frames), CVE-2023-41039 (format), CVE-2024-47532 (modules of modules),
    # CVE-2025-22153 (try and except*)
    "generator frame": "(x for x in [1]).gi_frame.f_back.f_builtins",
    "generator code": "(x for x in [1]).gi_code",
    "frame in a generator": "g = (g.gi_frame.f_back.f_back for x in [1])\n        list(g)",
    "format": "'{0.__class__}'.format(self)",
    "format_map": "'{a.__class__}'.format_map({'a': self})",
    "format of str": "str.format('{0.__class__}', self)",
    "format from a name": "f = str.format_map",
    "f-string": "f'{self.__class__.__mro__}'",
    "f-string with a nested format": "f'{1.0:{self.__class__}}'",
    "f-string of great width": "f'{1.0:999999999999}'",
    "percent of great width": "'%999999999d' % 1",
    "try": "try:\n            1 / 0\n        except ZeroDivisionError as error:\n            error.__traceback__.tb_frame",
    "try star": "try:\n            1 / 0\n        except* ZeroDivisionError as group:\n            group.exceptions",
    "traceback by name": "state.tb_frame.f_globals",
    "with_traceback": "ValueError().with_traceback(None)",
    "string of a module": "np.char.string",
    # a declared name must not open the way to it
    "declared frame": "self.f_globals = 1\n        self.f_globals",
    "argument called so": "(lambda gi_frame: 0)(gi_frame=1)\n        state.gi_frame",
    "declared tofile": "self.tofile = 1\n        state.x.tofile('/tmp/x')",
    # names
    "eval": "eval('1')",
    "exec": "exec('import os')",
    "compile": "compile('1', 'a', 'eval')",
    "open": "open('/etc/passwd')",
    "import function": "__import__('os')",
    "builtins": "__builtins__['open']",
    "getattr": "getattr(np, 'load')('x')",
    "setattr": "setattr(np, 'sin', 0)",
    "vars": "vars(np)",
    "globals": "globals()['np']",
    "type with three arguments": "type('A', (), {})",
    "object": "object()",
    "memoryview": "memoryview(b'x')",
    "breakpoint": "breakpoint()",
    "input": "input()",
    "print": "print('x')",
    "unicode name": "ｅｖａｌ('1')",
    "unicode attribute": "self.__ｃlass__",
    # imports
    "import os": "import os",
    "import of a part of numpy": "import numpy.lib.npyio",
    "from numpy": "from numpy import load",
    "star": "from numpy import lib as l",
    "relative": "from . import secrets",
    "import os as np": "import os as np",
    "importlib": "from importlib import import_module",
    "kinescribe's own modules": "from kinescribe.dynamics.finding import importlib",
    "module's own import": "from kinescribe.dynamics.law import cast",
    "ctypes": "import ctypes",
    # files through arrays
    "load": "np.load('x.npy', allow_pickle=True)",
    "fromfile": "np.fromfile('/etc/passwd')",
    "memmap": "np.memmap('/etc/passwd')",
    "genfromtxt": "np.genfromtxt('/etc/passwd')",
    "loadtxt": "np.loadtxt('/etc/passwd')",
    "save": "np.save('/tmp/x', state.x)",
    "tofile": "state.x.tofile('/tmp/x')",
    "dump": "state.x.dump('/tmp/x')",
    "data source": "np.DataSource().open('/etc/passwd')",
    "ctypes of an array": "state.x.ctypes.data",
    "memory of an array": "state.x.base",
    "as_strided": "np.lib.stride_tricks.as_strided(state.x, (9999999,))",
    "callback": "np.frompyfunc(len, 1, 1)",
    # what is not arithmetic
    "walrus and comprehension": "[y.__class__ for x in [1] if (y := x)]",
    "match on a class": "match state:\n            case Law(__class__=c):\n                c",
    "decorator": "@(lambda f: f)\n        def f(): pass",
    "metaclass": "class A(metaclass=Law): pass",
    "class with a dunder": "class A:\n            def __getattr__(self, name): return 1",
    "dunder set in a class": "class A:\n            __slots__ = ()",
    "array protocol": "class A:\n            def __array_ufunc__(self, *a): return 1",
    "await": "async def f(): await 1",
    "yield": "yield 1",
    "global": "global np",
    "del": "del state",
    "with": "with self as f: pass",
    "bytes": "b'x'",
    "tower of powers": "9 ** 9 ** 9 ** 9",
    "power of a power": "(9 ** 64) ** 64",
    "great power": "2 ** 10000000",
    "shift": "1 << 10 ** 9",
    "repeat": "[0] * 10 ** 12",
    "repeated text": "'x' * 10000000000",
    "great integer": "1" + "0" * 400,
}  # fmt: skip
"""By name a statement in a law's method, or a function."""

WHOLE = {
    "nul byte": "x = 1\0",
    "nested brackets": "(" * 5_000 + ")" * 5_000,
    "nested attributes": "x = a" + ".b" * 30_000,
    "nested signs": "x = " + "-" * 30_000 + "1",
    "nested nots": "x = " + "not " * 15_000 + "1",
    "nested lambdas": "x = " + "lambda:" * 8_000 + "1",
    "long sum": "x = " + "+".join("1" * 9_000),
    "nested calls": "x = f" + "()" * 30_000,
    "nested subscripts": "x = f" + "[0]" * 20_000,
    "nested ifs": "".join(" " * k + "if 1:\n" for k in range(300)) + " " * 300 + "1",
    "nested comparisons": "x = " + "1<" * 30_000 + "1",
    "too long": "#" * 70_000,
    "lone surrogate": "x = '\ud800'",
    "many parts": "x = [" + "1," * 25_000 + "1]",
    "long text": f"x = '{'a' * 5_000}'",
    "coding": "# coding: utf-7\n+AGUAdgBhAGw-('1')",
}
"""By name a whole source that must be refused, or fail to parse, without harm to who looks at it."""

_FILES = {
    "open": "open('/etc/hostname').read()",
    "os.open": "os.open('/', os.O_RDONLY)",
    "os.listdir": "os.listdir('/')",
    "os.stat": "os.stat('/')",
    "os.readlink": "os.readlink('/proc/self/exe')",
    "memory of the process": "open('/proc/self/mem', 'rb').read(1)",
    "maps of the process": "open('/proc/self/maps').read()",
    "environment of the process": "open('/proc/self/environ').read()",
    "environment of the parent": "open(f'/proc/{os.getppid()}/environ').read()",
    "memory of the parent": "open(f'/proc/{os.getppid()}/mem', 'rb')",
    "descriptors of the parent": "os.listdir(f'/proc/{os.getppid()}/fd')",
    "write": "open('/tmp/kinescribe_escape', 'w')",
    "unlink": "os.unlink('/tmp/kinescribe_escape')",
    "mkdir": "os.mkdir('/tmp/kinescribe_escape')",
    "symlink": "os.symlink('/etc', '/tmp/kinescribe_escape')",
    "chdir": "os.chdir('/tmp')",
    "chroot": "os.chroot('/tmp')",
    "np.load": "np.load('/etc/hostname', allow_pickle=True)",
    "np.fromfile": "np.fromfile('/etc/hostname')",
    "np.memmap": "np.memmap('/etc/hostname')",
    "np.genfromtxt": "np.genfromtxt('/etc/hostname')",
    "np.loadtxt": "np.loadtxt('/etc/hostname')",
    "np.save": "np.save('/tmp/kinescribe_escape', np.ones(1))",
    "tofile": "np.ones(1).tofile('/tmp/kinescribe_escape')",
    "memfd": "os.memfd_create('x')",
    "shared memory": "os.open('/dev/shm/kinescribe_escape', os.O_CREAT | os.O_RDWR)",
    "random device": "os.urandom(4)",
}
_REST = {
    "every family of sockets": "[n for n in range(46) for kind in (1, 2, 3, 5) if call('socket', n, kind, 0) >= 0][0]",
    "socket pair": "made('socketpair', 1, 1, 0, (ctypes.c_int * 2)())",
    "connect": "made('connect', 3, b'x' * 16, 16)",
    "pipe": "os.pipe()",
    "dup": "os.dup(3)",
    "fcntl": "made('fcntl', 3, 0, 0)",
    "read another descriptor": "[os.read(fd, 1) for fd in (5, 6, 7)]",
    "write another descriptor": "os.write(5, b'x')",
    "send a descriptor": "made('sendmsg', 4, 0, 0)",
    "alarm": "made('setitimer', 0, 0, 0)",
    "runnable memory": "made('mmap', 0, 4096, 7, 0x22, -1, 0)",
    "memory made runnable": "made('mprotect', ctypes.addressof(buffer) & ~4095, 4096, 7)",
    "memory of a file": "made('mmap', 0, 4096, 1, 2, 3, 0)",
    "root again": "os.setuid(0)",
    "group": "os.setgid(0)",
    "priority": "made('setpriority', 0, 0, -5)",
    "processor": "os.sched_setaffinity(0, {0})",
    "higher limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "kernel log": "made('klogctl', 3, 0, 0)",
    "inotify": "made('inotify_init')",
    "epoll": "made('epoll_create1', 0)",
    "event descriptor": "made('eventfd', 0, 0)",
    "message queue": "made('msgget', 0, 0o1600)",
    "shared segment": "made('shmget', 0, 4096, 0o1600)",
    "semaphores": "made('semget', 0, 1, 0o1600)",
    "prctl": "made('prctl', 4, 1, 0, 0, 0)",
    "personality": "made('personality', 0xFFFFFFFF)",
    "priority of signals": "made('sigaction', 15, 0, 0)",
    "system": "made('uname', ctypes.create_string_buffer(512))",
    "other process": "made('getpgid', 1)",
}
REFUSED = {**_FILES, **_REST}
"""By name an expression that must raise where the source is not looked at first."""

CONTROL = ("open", "os.listdir", "environment of the process", "every family of sockets", "pipe", "dup", "runnable memory", "epoll")
"""Those of them that any process can do that nothing holds: they show that the attempts are real."""

DEADLY = {
    "fork": "os.fork()",
    "vfork by the shell": "os.system('true')",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "exec": "os.execv('/bin/true', ['true'])",
    "thread": "_thread.start_new_thread(len, ((),))",
    "signal to the parent": "os.kill(os.getppid(), 0)",
    "signal to all": "os.kill(-1, 0)",
    "ptrace": "made('ptrace', 16, os.getppid(), 0, 0)",
    "memory of the parent": "made('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0)",
    "namespaces": "made('unshare', 0x10000000)",
    "mount": "made('mount', 0, 0, 0, 0, 0)",
}
"""By name an expression at which the process must end."""

BOMBS = {
    "loop": ("while True: pass", {"time"}),
    "loop in C": ("sum(range(10**18))", {"time"}),
    "power": ("10**10**9", {"time", "raised"}),
    "sort": ("x = np.random = [np.ones(10**6) for _ in range(4)]\nwhile True: [np.sort(a) for a in x]", {"time", "raised"}),
    "bytes": ("x = bytearray(2**31)", {"raised"}),
    "array": ("x = np.ones((10**5, 10**5))", {"raised"}),
    "list": ("x = [0]\nwhile True: x = x + x", {"raised", "time"}),
    "text": ("x = 'x'\nwhile True: x += x", {"raised", "time"}),
    "recursion": ("def f(): f()\nf()", {"raised"}),
    "recursion without a limit": (
        "sys.setrecursionlimit(10**8)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)", {"ended", "raised", "time"}
    ),
    "exit": ("raise SystemExit(0)", {"raised"}),
    "hard exit": ("os._exit(0)", {"ended"}),
    "crash": ("ctypes.string_at(0)", {"ended"}),
    "flood of output": ("import sys\nwhile True: print('x' * 10**6); sys.stderr.write('x' * 10**6)", {"time"}),
    "flood of replies": ("while True: os.write(4, b'x' * 65536)", {"protocol"}),
    "forged reply": ("os.write(4, b'KSL1' + bytes(28))", {"protocol"}),
    "forged reply of great size": (
        "os.write(4, b'KSL1' + bytes(4) + (1).to_bytes(8, 'little') + bytes(8) + (2**60).to_bytes(8, 'little'))", {"protocol"}
    ),
    "exception without words": ("class E(Exception):\n    def __str__(self): raise self\nraise E", {"raised"}),
    "exception of great length": ("raise ValueError('x' * 10**7)", {"raised"}),
    "exception with control characters": ("raise ValueError('\\x1b[2J\\x07\\u202e')", {"raised"}),
    "interrupt": ("raise KeyboardInterrupt", {"raised"}),
}  # fmt: skip
"""By name a source that never ends, or ends badly; and the reasons that may be told."""

BEGIN = """
import ctypes
import os
import resource
import sys

import numpy as np

buffer = (ctypes.c_char * 8192)()


def call(name, *arguments):
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except AttributeError:
        ctypes.set_errno(1)
        return -1
    function.restype = ctypes.c_int
    return function(*(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments))


def made(name, *arguments):
    result = call(name, *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""


def probing(attempts: dict[str, str]) -> str:
    """A source that tries each, and declares what came of it as the meaning of its parameters a0, a1, …: "held …" or "through"."""
    lines = ["outcomes = []"]
    for body in attempts.values():
        lines += [
            "try:",
            f"    result = {body}",
            "    outcomes.append('through ' + repr(result)[:60])",
            "except BaseException as error:",
            "    outcomes.append('held ' + type(error).__name__ + ' ' + str(error)[:60])",
        ]
    law = """
    if __name__ == "law":
        from kinescribe.dynamics import Law, Parameter

        class Probe(Law):
            def acceleration(self, t, state, parameters, inputs):
                return 0.0, 0.0

        for k, outcome in enumerate(outcomes):
            setattr(Probe, "a%d" % k, Parameter(0.0, (-1, 1), "", "".join(c for c in outcome if c.isprintable())))
    else:
        print("\\n".join(" ".join(outcome.split()) for outcome in outcomes))
    """
    return BEGIN + "\n".join(lines) + "\n" + textwrap.dedent(law)


def calling(attempts: dict[str, str]) -> str:
    """A source with a function `probe` that tries each when it is called, and returns what came of it: lines, as bytes."""
    lines = ["def probe():", "    outcomes = []"]
    for body in attempts.values():
        lines += [
            "    try:",
            f"        result = {body}",
            "        outcomes.append('through ' + repr(result)[:60])",
            "    except BaseException as error:",
            "        outcomes.append('held ' + type(error).__name__ + ' ' + str(error)[:60])",
        ]
    lines.append("    return np.frombuffer('\\n'.join(' '.join(one.split()) for one in outcomes).encode(), np.uint8)")
    return BEGIN + "\n".join(lines)
