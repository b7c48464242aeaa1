"""What counts as touching, repeating and stalling: the same for both simulators."""

from __future__ import annotations

SAME = 1e-13  # of a step, of a radius, or of a speed: no difference
TOUCHING = 1e-9  # of a radius: what is nearer is in contact
REST = 1e-3  # of that: two that come nearer by less are not driven together
REPEATS = 3  # times that the same two may strike each other within one step; beyond, their clip is a pile
REPEATS_OF_ARCS = 10  # the same where contacts cost little
STALLED = 1e-6  # of a step: contacts that follow each other faster stall the clock
STALLS = 2  # such contacts per object and step, before a clip is a pile
STALLS_OF_A_PILE = 1  # the same in all, right after a step as a pile
STEPS = 4  # equal parts of what is left of a step that a pile is solved in
ITERATIONS = 12  # of the solver, over all contacts of a pile
