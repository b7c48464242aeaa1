"""The laws that come with the package, one a file."""

from __future__ import annotations

from kinescribe.dynamics.library.anchored_spring import AnchoredSpring
from kinescribe.dynamics.library.buoyancy import Buoyancy
from kinescribe.dynamics.library.cart_pole import CartPole
from kinescribe.dynamics.library.cart_pole_continuous import CartPoleContinuous
from kinescribe.dynamics.library.circular_motion import CircularMotion
from kinescribe.dynamics.library.constant_acceleration import ConstantAcceleration
from kinescribe.dynamics.library.coulomb_friction import CoulombFriction
from kinescribe.dynamics.library.damped_spring import DampedSpring
from kinescribe.dynamics.library.discs import CollidingDiscs
from kinescribe.dynamics.library.discs_of_one_material import DiscsOfOneMaterial
from kinescribe.dynamics.library.floor import Floor
from kinescribe.dynamics.library.free_fall import FreeFall
from kinescribe.dynamics.library.inverse_square import InverseSquare
from kinescribe.dynamics.library.linear_drag import LinearDrag
from kinescribe.dynamics.library.pair_spring import PairSpring
from kinescribe.dynamics.library.pendulum import Pendulum
from kinescribe.dynamics.library.quadratic_drag import QuadraticDrag
from kinescribe.dynamics.library.rest import Rest
from kinescribe.dynamics.library.rod_pendulum import RodPendulum
from kinescribe.dynamics.library.rolling import Rolling
from kinescribe.dynamics.library.spring_chain import SpringChain
from kinescribe.dynamics.library.uniform_motion import UniformMotion
from kinescribe.dynamics.library.walls import Walls

__all__ = [
    "AnchoredSpring",
    "Buoyancy",
    "CartPole",
    "CartPoleContinuous",
    "CircularMotion",
    "CollidingDiscs",
    "ConstantAcceleration",
    "CoulombFriction",
    "DampedSpring",
    "DiscsOfOneMaterial",
    "Floor",
    "FreeFall",
    "InverseSquare",
    "LinearDrag",
    "PairSpring",
    "Pendulum",
    "QuadraticDrag",
    "Rest",
    "RodPendulum",
    "Rolling",
    "SpringChain",
    "UniformMotion",
    "Walls",
]
