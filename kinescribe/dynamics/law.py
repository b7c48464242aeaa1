"""The contract of a law: what moves a state forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np

from kinescribe.dynamics.contacts import Contacts
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State
from kinescribe.errors import UsageError, unknown_value

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["Law", "accelerations"]

Kind = Literal["acceleration", "step", "rollout"]
_KINDS: tuple[Kind, ...] = ("acceleration", "step", "rollout")


class Law:
    """A program with named physical parameters that explains how objects move. Subclass it, name the parameters, write one method::

        class Projectile(Law):
            name = "projectile"
            equation = "a = (0, -gravity)"
            gravity = Parameter(9.8, (0, 100), "length/time^2", "downward acceleration")

            def acceleration(self, t, state, parameters, inputs):
                return 0.0, -parameters.gravity

    Every number of a state is an array (clips, objects), and every parameter one (clips, 1), or (clips, objects) for a parameter per
    object, so plain arithmetic runs all clips at once. x points right, y up, angles run counter-clockwise; lengths are in the table's unit.

    A law does one of three things:

    * `acceleration`: forces in continuous time; the simulator integrates, and finds the exact moment of every contact;
    * `step`: a simulator that is defined by its own step, such as an Euler step of fixed length;
    * `rollout`: a black box from an initial state to a whole trajectory.

    Attributes:
        name: what the command line calls it.
        equation: one line for people, with the parameters by name.
        inputs: names of known inputs, such as a cart's push, that must be handed in.
        objects: number of objects that the law is about; None: any number.
        time_step: seconds of one `step`; None: the interval between frames.
        array_library: "torch" for a law whose `acceleration` is written in torch, so that gradients are exact.
        steady: its accelerations depend on parameters and objects alone, not on state, time or inputs, and it has no constraints, so that
            things move in parabolas between contacts; they are then followed in closed form, many times faster. Checked as it runs.
        difference_step: relative step for finite differences of its trajectories; larger for a simulator of low precision.
        turns: the law says something about angles; else a table's angles aren't compared.
        last_resort: a general machine that imitates many laws, at a cost: a search tries it last, where others leave more than noise.

    Args:
        **starts: by parameter name, a number in place of its start, or a whole `Parameter`.

    Raises:
        UsageError: an unknown parameter, a start outside its bounds, or a class that defines none or several of the three methods.
    """

    name: ClassVar[str] = ""
    equation: ClassVar[str] = ""
    inputs: tuple[str, ...] = ()
    objects: int | None = None
    time_step: float | None = None
    array_library: Literal["numpy", "torch"] = "numpy"
    turns: bool = False
    last_resort: bool = False
    steady: bool = False
    difference_step: float = 1e-7

    def __init__(self, **starts: float | Parameter) -> None:
        declared = _declared(type(self))
        for name, start in starts.items():
            if name not in declared:
                raise unknown_value(f"parameter of {self.title}", name, declared or {"none"})
            try:
                declared[name] = start if isinstance(start, Parameter) else declared[name].starting(start)
            except UsageError as error:
                raise UsageError(f"{name} of {self.title}: {error}") from None
        self.parameters: dict[str, Parameter] = declared
        self.kind: Kind = self._kind()

    def _kind(self) -> Kind:
        """Which of the three methods the class defines."""
        kinds = [kind for kind in _KINDS if getattr(type(self), kind) is not getattr(Law, kind)]
        if len(kinds) != 1:
            said = "none" if not kinds else " and ".join(kinds)
            raise UsageError(f"law {self.title} must define one of acceleration, step and rollout; it defines {said}")
        return kinds[0]

    @property
    def title(self) -> str:
        """The name, or the class's where it has none."""
        return self.name or type(self).__name__

    # one of these three

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        """Accelerations (ax, ay) or (ax, ay, angular acceleration), each (clips, objects) or what broadcasts to it.

        `t` is seconds, (clips, 1). Must not change what it is handed, and give the same for the same arguments.
        """
        raise NotImplementedError

    def step(self, state: State, parameters: Values, inputs: Values, dt: Any) -> State:
        """The state `dt` seconds later; make it with ``state.replace(x=…, vx=…)``. `dt` is `time_step`, (clips, 1), and shorter only
        where a frame falls between two steps.
        """
        raise NotImplementedError

    def rollout(self, initial: State, times: Any, parameters: Values, inputs: Sequence[Values]) -> Any:
        """Trajectories (6, clips, T, objects), components in the order of `COMPONENTS`, from the initial state at ``times[:, 0]``.

        `times` is (clips, T); `inputs` has one entry a step, (clips, 1) each.
        """
        raise NotImplementedError

    # what a law may add

    def project(self, state: State, parameters: Values) -> State:
        """The nearest state that keeps the law's constraints, such as a bob's distance from its pivot."""
        return state

    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        """What can be struck."""
        return Contacts()

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        """Starts for the fit, from one clip, in closed form: by name a number, or (objects,) for a parameter per object. May be partial."""
        return {}

    def potential(self, state: State, parameters: Values) -> Any:
        """Potential energy over the unit of mass, (clips, objects), for the check of conservation; None: the law has none, for it loses
        or adds energy.
        """
        return None

    def constrained(self, bodies: Bodies) -> int:
        """How many numbers of an initial state the constraints take away."""
        return 0

    def read(self, clip: Clip) -> Clip:
        """The clip as the law reads it, with other angles alone: a rod's holds up to half a turn, and the law may know where it points."""
        return clip

    def sizes(self, bodies: Bodies, before: Values, after: Values) -> tuple[Any, Any]:
        """Widths and heights (clips, objects) under changed parameters, of bodies that have theirs under the parameters before."""
        return bodies.width, bodies.height

    # composition

    def __add__(self, other: Law) -> Law:
        from kinescribe.dynamics.composition import Sum

        return Sum(self, other)

    def on(self, *objects: str) -> Law:
        """The same law for the objects of these names or labels alone."""
        from kinescribe.dynamics.composition import Restricted

        return Restricted(self, objects)

    def starting(self, **starts: float) -> Self:
        """The same law with other starts."""
        import copy

        made = copy.copy(self)
        made.parameters = dict(self.parameters)
        for name, value in starts.items():
            if name not in made.parameters:
                raise unknown_value(f"parameter of {self.title}", name, made.parameters or {"none"})
            made.parameters[name] = made.parameters[name].starting(value)
        return made

    def __repr__(self) -> str:
        return f"{self.title}({', '.join(f'{name}={parameter.start:g}' for name, parameter in self.parameters.items())})"


def accelerations(law: Law, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
    """What `acceleration` returns. Raises UsageError where that is not two or three numbers or arrays."""
    made: Any = law.acceleration(t, state, parameters, inputs)
    count = len(made) if isinstance(made, tuple | list) or np.ndim(made) else 0
    if count not in (2, 3):
        raise UsageError(f"law {law.title}: acceleration must return (ax, ay) or (ax, ay, angular acceleration), not {_said(made)}")
    return cast("Sequence[Any]", made)


def _said(made: Any) -> str:
    return f"{len(made)} of them" if isinstance(made, tuple | list) else f"a {type(made).__name__}"


def _declared(cls: type) -> dict[str, Parameter]:
    """The parameters of a class and its bases, in the order in which they are written."""
    found: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__):
        found.update({name: value for name, value in vars(base).items() if isinstance(value, Parameter)})
    return found
