"""Drawn scenes with the exact truth: for the demonstration, the tests and the benchmarks."""

from kinescribe.evaluation.scenes.builders import (
    ball_behind_occluder,
    bouncing_ball,
    cart_and_pole,
    crossing_discs,
    falling_ball,
    low_contrast_ball,
    many_discs,
    pendulum_with_string,
    resting_object,
    slow_cart,
    static_objects_on_plain,
    swinging_rod,
    thrown_small_ball,
    two_pucks_collision,
)
from kinescribe.evaluation.scenes.camera import Camera
from kinescribe.evaluation.scenes.demo import demo_scene
from kinescribe.evaluation.scenes.phyworld import phyworld_like
from kinescribe.evaluation.scenes.scene import Body, Scene, Truth

__all__ = [
    "Body",
    "Camera",
    "Scene",
    "Truth",
    "ball_behind_occluder",
    "bouncing_ball",
    "cart_and_pole",
    "crossing_discs",
    "demo_scene",
    "falling_ball",
    "low_contrast_ball",
    "many_discs",
    "pendulum_with_string",
    "phyworld_like",
    "resting_object",
    "slow_cart",
    "static_objects_on_plain",
    "swinging_rod",
    "thrown_small_ball",
    "two_pucks_collision",
]
