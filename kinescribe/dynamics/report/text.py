"""A fit in words, no line longer than 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Estimate, Fit
from kinescribe.dynamics.report.combinations import combinations
from kinescribe.dynamics.report.conserved import conserved
from kinescribe.dynamics.report.contacts import ClipContacts, contacts_of
from kinescribe.dynamics.report.equation import equations
from kinescribe.dynamics.report.hints import hints
from kinescribe.dynamics.report.motion import Motion, motions
from kinescribe.dynamics.report.numbers import interval, measured, plain, sigmas, with_unit
from kinescribe.dynamics.report.residuals import of_objects, stood_in
from kinescribe.dynamics.selection import NOT_SCORED, Candidate, Selection

__all__ = ["text"]

WIDTH = 100
SHOWN = 6  # clips that are told one by one
RIVALS = 12  # other laws that are told
NARROWEST = 24  # columns that a parameter's meaning needs beside its value


def text(fit: Fit, clips: Sequence[Clip] = ()) -> str:
    """What was found and how far it can be trusted, section by section.

    Args:
        clips: those that the law was fitted to; without them there is nothing on contacts' times and on conservation.

    Raises:
        UsageError: other clips.
    """
    moved = motions(fit, clips) if clips else []
    sections = [
        _head(fit, clips),
        _parameters(fit),
        _unidentified(fit),
        _quality(fit, clips, moved),
        _contacts(contacts_of(clips, moved)),
        _section("Conservation, in what was seen", [f"* {line}" for line in conserved(fit, clips, moved)]),
        _others(fit),
        _cost(fit),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def _wrapped(line: str, first: str = "  ", rest: str = "    ") -> list[str]:
    return textwrap.wrap(line, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(part for line in lines for part in _wrapped(line))] if lines else []


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def _head(fit: Fit, clips: Sequence[Clip]) -> Iterator[str]:
    what = f"fitted to {_count(len(fit.clips), 'clip')} of {_count(len(fit.objects), 'object')}"
    yield from _wrapped(f"{fit.law.title}, {what}" if fit.ok else f"FAILED: {fit.law.title}, {what}", "", "  ")
    for title, equation in equations(fit.law):
        several = f"{title}:  " if title != fit.law.title else ""
        yield from _wrapped(f"{several}{equation}" if equation else f"{several}(says no equation)", "  ", "      ")
    if fit.advice:
        yield from _wrapped(f"{'Note' if fit.ok else 'Try'}: {fit.advice}", "  ", "    ")
    for hint in hints(fit, clips):
        yield from _wrapped(f"Note: {hint}", "  ", "    ")
    if any(clip.y_down for clip in clips):
        yield "  The table's y points down; here y points up, so heights have the other sign."


def _parameters(fit: Fit) -> list[str]:
    found = list(fit.estimates.values())
    if not found:
        return ["Parameters: none"]
    name = max(len(one.name) for one in found)
    values = [_value(one) for one in found]
    value = max(map(len, values))
    ends = [_interval(one) for one in found]
    end = max(map(len, ends))
    lines = ["Parameters: value ± standard error, 95 % interval" if any(ends) else "Parameters"]
    for one, first, second in zip(found, values, ends, strict=True):
        row = f"  {one.name:<{name}} = {first:<{value}}" + (f"  {second:<{end}}" if end else "") + "  "
        told = "; ".join(part for part in (_remark(one), one.meaning) if part)
        if WIDTH - len(row) >= NARROWEST:
            lines += _wrapped(told, row, " " * len(row)) or [row.rstrip()]
        else:
            lines += [row.rstrip(), *_wrapped(told, "      ", "      ")]
    return lines


def _value(one: Estimate) -> str:
    if one.fixed:
        return with_unit(plain(one.value), one.unit)
    if not one.identified:
        return "not determined"
    return with_unit(measured(one.value, one.sigma), one.unit)


def _interval(one: Estimate) -> str:
    return "" if one.fixed or not one.identified else interval(one.low, one.high, one.sigma)


def _remark(one: Estimate) -> str:
    if one.fixed:
        return "known, not fitted"
    return "AT ITS BOUND" if one.at_bound else ""


def _unidentified(fit: Fit) -> list[str]:
    lines = []
    for one in fit.unidentified:
        known = ", ".join(f"{c.text} = {with_unit(measured(c.value, c.sigma), c.unit)}" for c in combinations(fit, one))
        lines.append(f"* {one.text}{'; known: ' if known else ''}{known}. To find out: {one.remedy}.")
    return _section("Not identifiable from these clips", lines)


def _quality(fit: Fit, clips: Sequence[Clip], moved: Sequence[Motion]) -> Iterator[str]:
    yield f"Fit: residuals {sigmas(fit.scale)}; {_count(fit.samples, 'coordinate')} seen, {_count(fit.parameters, 'number')} fitted"
    unit = fit.unit or "length"
    if fit.samples <= fit.parameters:
        yield from _wrapped("NOTHING IS TESTED: as many numbers were fitted as coordinates seen; more frames, or clips, would tell")
    guessed = stood_in(clips)
    if guessed:
        whose = "the table gives" if len(guessed) == len(clips) == 1 else f"{', '.join(guessed[:SHOWN])} give{'s' * (len(guessed) == 1)}"
        yield from _wrapped(f"{whose} no σ: 1/1000 of what the motion spans stands in for it; errors come from the residuals' scatter")
    for k, one in enumerate(fit.clips[:SHOWN]):
        rms = [f"{plain(value, 2)} {unit}" for value in one.rms.tolist()]
        if clips and len(rms) > 1:
            own = of_objects(fit, clips[k], moved[k])
            each = [f"{name} {sigmas(chi)}, rms {size}" for name, chi, size in zip(fit.objects, own, rms, strict=True)]
            yield from _wrapped("; ".join([f"{one.name}: {sigmas(one.chi)}", *each]), "  ", "      ")
        else:
            each = [f"{size} ({name})" for name, size in zip(fit.objects, rms, strict=True)]
            yield from _wrapped(f"{one.name}: {sigmas(one.chi)}; rms " + ", ".join(each), "  ", "      ")
    if len(fit.clips) > SHOWN:
        rest = fit.clips[SHOWN:]
        worst = max(rest, key=lambda one: one.chi)
        yield from _wrapped(
            f"{len(rest)} more clips: {sigmas(min(one.chi for one in rest))} to {sigmas(worst.chi)}, the worst {worst.name}"
        )
    if fit.correlation > 0:
        told = f"residuals of neighbouring frames are correlated ({fit.correlation:.2f}); the errors allow for it"
        yield from _wrapped(told)
    if fit.selection is not None and fit.selection.winner is not None and np.isfinite(fit.selection.winner.error):
        error = f"{plain(fit.selection.winner.error, 2)} {unit}"
        yield from _wrapped(f"held out: error {error}, over {fit.selection.held_out}")


def _contacts(found: Sequence[ClipContacts]) -> list[str]:
    told = [one for one in found if one.seen or one.predicted]
    lines = []
    for one in told[:SHOWN]:
        order = {None: "", True: ", in the order seen", False: ", NOT in the order seen"}[one.agree]
        times = f"; times differ by {plain(one.difference, 2)} s (rms)" if one.difference is not None else ""
        seen = f"{one.seen} seen, " if one.seen else "the table lists no contacts; "
        lines.append(f"{one.name}: {seen}{one.predicted} predicted{order}{times}")
    if len(told) > SHOWN:
        wrong = sum(one.agree is False for one in told[SHOWN:])
        lines.append(f"{len(told) - SHOWN} more clips, {wrong} of them not in the order seen")
    return _section("Contacts", lines)


def _others(fit: Fit) -> list[str]:
    if fit.selection is None:
        return []
    # the first is the one that is told above, be it a winner or one that failed least
    first, *others = fit.selection.candidates
    made = ["Other laws" if others else "No other law was tried"]
    if first.reason == NOT_SCORED:
        told = f"No law was scored, for the cap ended the search: {first.title} is given, for its BIC is the lowest."
        made += _wrapped(f"{told} (BIC: misfit, and a price for each number fitted.) More seconds, or rollouts, would decide.")
    ties = {} if first.reason == NOT_SCORED else _ties(fit.selection)
    for whose, titles in ties.items():
        told = f"TIE{whose}: these clips can't tell {' from '.join(titles)}; {titles[0]} is given, for its BIC is the lowest."
        made += _wrapped(f"{told} (BIC: misfit, and a price for each number fitted.) More video would decide.")
    for one in others[:RIVALS]:
        made += _rival(one, fit.unit)
    if len(others) > RIVALS:
        made.append(f"  and {len(others) - RIVALS} more")
    return made


def _ties(selection: Selection) -> dict[str, list[str]]:
    """Titles that are tied, by the objects that they are about: "" for all, else " of ball 1"."""
    found: dict[str, list[str]] = {}
    for title in selection.tie:
        law, _, whose = title.partition(" on ")
        found.setdefault(f" of {whose}" if whose else "", []).append(law)
    return found


def _rival(one: Candidate, unit: str) -> list[str]:
    score = ""
    if np.isfinite(one.score):
        spread = f" ± {one.standard_error:.2f}" if np.isfinite(one.standard_error) else ""
        score = f" (score {one.score:.2f}{spread}, held-out error {plain(one.error, 2)} {unit or 'length'})"
    return _wrapped(f"* {one.title}: {one.reason}{score}")


def _cost(fit: Fit) -> list[str]:
    # a run that can be repeated byte for byte holds no times
    spent = _count(fit.rollouts, "rollout") + (f" in {fit.seconds:.1f} s" if fit.seconds > 0 else "")
    return [f"{spent}; optimizer {fit.optimizer}, seed {fit.seed}, {_count(fit.substeps, 'step')} per frame"]
