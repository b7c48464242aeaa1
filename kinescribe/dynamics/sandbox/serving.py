"""What a worker does for its parent: runs a law's methods and kinescribe's own integrator around them, or a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from kinescribe.dynamics.clip import Clip, Impact
from kinescribe.dynamics.contacts import Contacts
from kinescribe.dynamics.finding import law_in
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law, accelerations
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.sandbox.calling import Function
from kinescribe.dynamics.sandbox.declaring import told
from kinescribe.dynamics.sandbox.frames import Frame
from kinescribe.dynamics.sandbox.namespace import module
from kinescribe.dynamics.sandbox.packing import Packed, Unpacked, pack_contacts, unpack_bodies, unpack_schedule
from kinescribe.dynamics.simulation.motion import Motion
from kinescribe.dynamics.simulation.simulate import simulate
from kinescribe.dynamics.state import Bodies, State
from kinescribe.errors import UsageError

__all__ = ["SOURCE", "Server"]

SOURCE = "<law>"
"""How the law's source is called where its lines are told."""


class Server:
    """One law or function, and what may be asked of it."""

    def __init__(self) -> None:
        self._law: Law | None = None
        self._held: Motion | None = None
        self._function = Function()
        self._asked: Mapping[str, Callable[[Unpacked], Packed]] = {
            "load": self._load, "follow": self._follow, "hold": self._hold, "move": self._move, "steps": self._steps,
            "acceleration": self._acceleration,
            "steady": self._steady, "step": self._step, "rollout": self._rollout, "project": self._project, "contacts": self._contacts,
            "potential": self._potential, "constrained": self._constrained, "starts": self._starts,
            "function": self._load_function, "call": self._function.call,
        }  # fmt: skip

    def answer(self, request: Frame) -> Frame:
        """The reply to a request. Raises whatever the law's code raises."""
        with np.errstate(all="ignore"):  # a state that diverges is found by its value
            made = self._asked[request.text["op"]](Unpacked(request.text, request.arrays))
        return Frame(request.serial, made.text, made.arrays)

    @property
    def law(self) -> Law:
        """The law that was loaded."""
        if self._law is None:
            raise UsageError("no law was loaded")
        return self._law

    def _load(self, asked: Unpacked) -> Packed:
        self._law = law_in(_ran(asked), str(asked.text["name"]), "the source")
        return told(self._law)

    def _load_function(self, asked: Unpacked) -> Packed:
        return self._function.load(_ran(asked), str(asked.text["name"]))

    def _follow(self, asked: Unpacked) -> Packed:
        bodies, schedule, values = unpack_bodies(asked), unpack_schedule(asked), asked.values("values")
        return _plain(simulate(self.law, values, State(asked.take(), bodies), schedule, contacts=False).data)

    def _hold(self, asked: Unpacked) -> Packed:
        bodies, values = unpack_bodies(asked), asked.values("values")
        self._held = Motion(self.law, values, bodies, Values({}), asked.take())
        return Packed()

    def _move(self, asked: Unpacked) -> Packed:
        columns, data, *rows = asked.all()
        if self._held is None:
            raise UsageError("no motion is held")
        # inputs change from step to step, and are sent along for these clips alone
        motion = self._held.take(rows[0]) if rows else self._held
        motion.inputs = Values({name: columns[:, 2 + k : 3 + k] for k, name in enumerate(self.law.inputs)})
        return _plain(motion.step(columns[:, :1], data, columns[:, 1:2]))

    def _steps(self, asked: Unpacked) -> Packed:
        """States after each of some steps of all clips."""
        columns, data = asked.all()
        if self._held is None:
            raise UsageError("no motion is held")
        states = np.empty((columns.shape[1], *data.shape))
        for k in range(columns.shape[1]):
            self._held.inputs = Values({name: columns[:, k, 2 + i : 3 + i] for i, name in enumerate(self.law.inputs)})
            states[k] = data = self._held.step(columns[:, k, :1], data, columns[:, k, 1:2])
        return _plain(states)

    def _steady(self, asked: Unpacked) -> Packed:
        """Forces at two states and times that nothing suggests, and what can be struck."""
        bodies, values, clips = unpack_bodies(asked), asked.values("values"), int(asked.text["clips"])
        shape = (6, clips, len(bodies))
        places = [0.1 + 0.7 * k + np.arange(np.prod(shape)).reshape(shape) % (7 + 4 * k) for k in (0, 1)]
        forces = [self._forces(np.full((clips, 1), place.flat[0]), place, bodies, values, Values({})) for place in places]
        packed = _plain(np.stack(forces))
        if asked.text["strikes"]:
            self._struck(packed, bodies, values, clips)
        return packed

    def _acceleration(self, asked: Unpacked) -> Packed:
        bodies, values, inputs, t, state = *_moment(asked), asked.take(), asked.take()
        return _plain(self._forces(t, state, bodies, values, inputs))

    def _forces(self, t: Any, state: Any, bodies: Bodies, values: Values, inputs: Values) -> Any:
        made = accelerations(self.law, t, State(state, bodies), values, inputs)
        out = np.empty((len(made), *state.shape[1:]))
        for row, part in zip(out, made, strict=True):
            try:
                row[...] = part
            except (ValueError, TypeError):
                shape = np.shape(part)
                raise UsageError(f"an acceleration has the shape {shape}; it must fit (clips, objects) = {state.shape[1:]}") from None
        return out

    def _step(self, asked: Unpacked) -> Packed:
        bodies, values, inputs, dt, state = *_moment(asked), asked.take(), asked.take()
        made = self.law.step(State(state.copy(), bodies), values, inputs, dt)
        if not isinstance(made, State):
            raise UsageError("step must return a State; make it with state.replace(x=…, vx=…)")
        return _plain(made.data)

    def _rollout(self, asked: Unpacked) -> Packed:
        bodies, values, columns = _moment(asked)
        times, state = asked.take(), asked.take()
        inputs = [type(values)({name: column[:, k : k + 1] for name, column in columns.items()}) for k in range(times.shape[1] - 1)]
        return _plain(self.law.rollout(State(state, bodies), times, values, inputs))

    def _project(self, asked: Unpacked) -> Packed:
        bodies, values = unpack_bodies(asked), asked.values("values")
        return _plain(self.law.project(State(asked.take(), bodies), values).data)

    def _contacts(self, asked: Unpacked) -> Packed:
        bodies, values = unpack_bodies(asked), asked.values("values")
        packed = Packed()
        self._struck(packed, bodies, values, int(asked.text["clips"]))
        return packed

    def _struck(self, packed: Packed, bodies: Bodies, values: Values, clips: int) -> None:
        made = self.law.contacts(bodies, values)
        if not isinstance(made, Contacts):
            raise UsageError(f"contacts must return Contacts, not a {type(made).__name__}")
        pack_contacts(packed, made, clips)

    def _potential(self, asked: Unpacked) -> Packed:
        bodies, values, state = unpack_bodies(asked), asked.values("values"), asked.take()
        made = self.law.potential(State(state, bodies), values)
        return Packed(none=True) if made is None else _plain(np.broadcast_to(np.asarray(made, float), state.shape[1:]))

    def _constrained(self, asked: Unpacked) -> Packed:
        packed = Packed()
        packed.put(np.asarray(int(self.law.constrained(unpack_bodies(asked)))))
        return packed

    def _starts(self, asked: Unpacked) -> Packed:
        bodies = unpack_bodies(asked)
        tables = {name: asked.take() for name in asked.text["tables"]}
        inputs = Inputs(asked.take(), dict(asked.values("inputs")))
        impacts = tuple(Impact(float(time), tuple(who), str(wall)) for time, who, wall in asked.text["impacts"])
        text = asked.text
        clip = Clip(
            name=str(text["name"]), bodies=bodies, inputs=inputs, impacts=impacts, unit=str(text["unit"]), y_down=bool(text["y_down"]),
            **tables,
        )  # fmt: skip
        packed = Packed()
        packed.values("starts", {str(name): np.asarray(value, float) for name, value in self.law.starts(clip).items()})
        return packed


def _ran(asked: Unpacked) -> ModuleType:
    """The module that a source makes."""
    made = module(bool(asked.text["bare"]))
    code = compile(str(asked.text["source"]), SOURCE, "exec", dont_inherit=True)
    exec(code, vars(made))
    return made


def _moment(asked: Unpacked) -> tuple[Any, Any, Any]:
    return unpack_bodies(asked), asked.values("values"), asked.values("inputs")


def _plain(values: Any) -> Packed:
    """An array of floats, whatever a law made of it."""
    packed = Packed()
    packed.put(np.array(values, float, subok=False))
    return packed
