"""Shape words: what noun stands for which of the shapes that a silhouette can have."""

from __future__ import annotations

__all__ = ["SHAPES", "SHAPE_NOUNS", "match_shape", "shapes_of"]

SHAPES = ("disc", "box", "rod")

SHAPE_NOUNS: dict[str, tuple[str, ...]] = {
    "disc": ("disc", "disk", "circle", "ball", "puck", "sphere", "marble", "bob", "bead", "coin", "dot", "wheel"),
    "box": (
        "box",
        "block",
        "square",
        "cube",
        "brick",
        "rectangle",
        "cart",
        "trolley",
        "glider",
        "car",
        "truck",
        "lorry",
        "wagon",
        "vehicle",
    ),
    "rod": ("rod", "stick", "pole", "bar", "beam", "ruler", "pencil"),
}
"""Nouns for each shape, the shape's own name first."""

EITHER = {"pendulum": ("rod", "disc")}  # the swinging bar, or the bob on a string
LIKENESS = {
    ("box", "disc"): 0.4,
    ("box", "rod"): 0.45,
    ("disc", "rod"): 0.08,
    ("blob", "disc"): 0.55,
    ("blob", "box"): 0.6,
    ("blob", "rod"): 0.35,
}
"""How readily one shape is seen for another: a long cart for a rod, a small box for a disc."""

NOUNS = {noun: (shape,) for shape, nouns in SHAPE_NOUNS.items() for noun in nouns} | EITHER


def shapes_of(noun: str) -> tuple[str, ...]:
    """The shapes that a noun may stand for, in the singular or the plural; empty where it stands for none."""
    word = noun.casefold()
    for form in (word, word.removesuffix("s"), word.removesuffix("es"), "lorry" if word == "lorries" else word):
        if form in NOUNS:
            return NOUNS[form]
    return ()


def match_shape(wanted: str, seen: str, size: tuple[float, float] | None = None) -> float:
    """How well a silhouette goes by a shape word, in [0, 1].

    Args:
        wanted: "disc", "box" or "rod".
        seen: its class: "disc", "box", "rod" or "blob".
        size: length and width of its own oriented box, px; a long one is no disc, a short one no rod.
    """
    likeness = 1.0 if wanted == seen else LIKENESS.get((min(wanted, seen), max(wanted, seen)), 0.3)
    if size is None or size[1] <= 0:
        return likeness
    aspect = size[0] / size[1]
    if wanted == "disc":  # motion blur and a cut-off edge make a ball longer, but not by much
        likeness *= min(1.0, 2.2 / aspect)
    elif wanted == "rod":
        likeness *= min(1.0, aspect / 3.0)
    return likeness
