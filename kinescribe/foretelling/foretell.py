"""From a video to the video of what happens next: the one call, and what it finds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.prediction import Difference, Forecast, Predictor, counterfactual
from kinescribe.dynamics.prediction.changes import Changes
from kinescribe.dynamics.prediction.differences import differences
from kinescribe.dynamics.prediction.table import table_of
from kinescribe.foretelling.asked import Wishes, video_path
from kinescribe.foretelling.course import Course
from kinescribe.foretelling.ends import begin_of, end_of, plan_of, until_of
from kinescribe.foretelling.filming import Filmed, Look, film
from kinescribe.foretelling.preparing import Order, Prepared, Progress
from kinescribe.foretelling.telling import Bystanders, in_words, why_failed
from kinescribe.foretelling.unfollowed import unfollowed
from kinescribe.renderers.completing import completed
from kinescribe.renderers.protocols import RendererFactory
from kinescribe.renderers.rendering import factory_of
from kinescribe.renderers.scene import Scene
from kinescribe.states import Calibration, States

__all__ = ["Foretold", "foretold", "predict_video"]


@dataclass(frozen=True, slots=True, eq=False)
class Foretold:
    """What came of it.

    Attributes:
        states: what was seen of the first video. fit: the law. scene: plate and sprites.
        future: what is foretold, a states table; factual: the same without the changes, None where nothing is changed.
        difference: what the changes change; None without. changes: in words.
        filmed: the frames of the video that was written, and how near they come to the real ones.
        bystanders: objects that stand still as the law says nothing of them, that had left before, and that have no sprite.
        warnings: one line each. partial: why it isn't whole, or should not be trusted; None where all is well.
    """

    states: States
    fit: Fit
    scene: Scene
    future: States
    factual: States | None
    difference: Difference | None
    changes: tuple[str, ...]
    filmed: Filmed
    bystanders: Bystanders
    warnings: tuple[str, ...]
    partial: str | None


def predict_video(
    videos: Any,
    output: str | os.PathLike[str],
    *,
    law: str | Path | Law | type[Law] | Fit = "auto",
    until: float | None = None,
    seen: float | str | None = None,
    do: Changes = (),
    remove: Sequence[str] = (),
    at: float | None = None,
    inputs: Inputs | str | Path | Sequence[Inputs | str | Path] | None = None,
    compare: str | None = None,
    ghost: bool = False,
    trails: bool = False,
    captions: bool = True,
    past: float | None = None,
    frame_rate: float | None = None,
    crf: int = 18,
    objects: str | None = None,
    backend: str = "classical",
    device: str = "auto",
    calibration: Calibration | None = None,
    frame_interval: float | None = None,
    states: States | str | Path | Sequence[States | str | Path] | None = None,
    scene: Scene | str | Path | None = None,
    renderer: str | RendererFactory = "sprites",
    law_objects: Sequence[str | int] | None = None,
    law_source: Any = None,
    trust: bool = False,
    fixed: Mapping[str, float] | None = None,
    seed: int = 0,
    max_seconds: float = 300.0,
    model: Any = None,
    max_calls: int | None = None,
    record: str | Path | None = None,
    keep: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Foretold:
    """Write the video of what happens next, or of what would have happened: states, law, prediction, scene and pictures in one go.

    Args:
        videos: a video, whose future is foretold, or several: further ones help to find the law that all share.
        output: the MP4. An existing one is replaced at the end; a run that fails leaves nothing.
        law: "auto", a name, a sum of names, a file, a law, a fit, or the JSON file of a fit; "llm": a language model helps to write it.
        until: the end, seconds in the video's time; None: the video's own end where it lies beyond, else half as long again.
        seen: how much of the video is looked at: seconds, or frames as in "45f"; None: all of it, or what `states` were made from.
        do, remove, at: what is otherwise, and from when on, as `kinescribe.predict` has them.
        inputs: known inputs to the end, for laws that have some: for all videos, or one each.
        compare: "side" (truth, prediction), "wipe" (truth left of a swaying line) or "wipe:0.5" (a standing one).
        ghost: what happens without the change, half transparent. trails: paths, dashed where foretold. captions: words in the picture.
        past: seconds of what was seen that come first; None: all.
        frame_rate: of what is foretold, Hz; None: the video's own times. crf: x264's quality, 0 (lossless) to 51.
        objects, backend, device, calibration, frame_interval: as `kinescribe.extract_states` has them.
        states: tables that were extracted before, one a video. scene: one that was made before, or its folder.
        renderer: who draws: "sprites", "shapes", the name of another plug-in, or what makes a renderer of a scene.
        law_objects: whom the law is about: names, labels or ids; None: all bodies. The others stand still where they were seen last.
        law_source: the file of a saved law that isn't installed.
        trust: run law text that a law's JSON file holds in this process, with all its rights, not in the sandbox.
        fixed: known parameters. seed, max_seconds: of the fit.
        model, max_calls, record: of law "llm": the language model that helps to write it (a `kinescribe.llm.Client` or its settings), most
            questions to it, and a JSON file of what was asked and said, with its page beside it.
        keep: folder for states.csv, law.json, scene/, future.csv (and factual.csv), each as soon as it is done.
        overwrite: whether `keep` may hold something already.
        progress: called with the stage, what is done, and all of it or None.

    Raises:
        UsageError: options that make no sense or don't go together. InputError: a file that can't be read.
        NothingFoundError: nothing moves, or nothing could be cut out.
    """
    path = video_path(output)
    order = Order.of(
        videos, law=law, seen=seen, inputs=inputs, objects=objects, backend=backend, device=device, calibration=calibration,
        frame_interval=frame_interval, states=states, scene=scene, law_objects=law_objects, law_source=law_source, trust=trust,
        fixed=fixed, seed=seed, max_seconds=max_seconds, keep=keep, overwrite=overwrite,
        model=model, max_calls=max_calls, record=record,
    )  # fmt: skip
    wishes = Wishes.of(
        span=order.spans[0], until=until, at=at, past=past, do=do, remove=remove, compare=compare, ghost=ghost, trails=trails,
        captions=captions, frame_rate=frame_rate, crf=crf,
    )  # fmt: skip
    factory = factory_of(renderer)
    return foretold(order.prepared(progress), wishes, factory, path, progress)


def foretold(
    ready: Prepared, wishes: Wishes, factory: RendererFactory, path: Path, progress: Progress | None,
    known: tuple[Forecast, Forecast | None] | None = None,
) -> Foretold:  # fmt: skip
    """Predict, cut the scene, and film. The scene comes last of what can go wrong: to cut it takes longer than to find a wrong name.

    Args:
        known: the prediction that is wished for, and the same without the changes, where they are there already; to the same end.

    Raises:
        UsageError: names or times that the law and the video don't have; an MP4 that can't be written.
        NothingFoundError: nothing could be cut out.
    """
    table, fit, seen_s = ready.table, ready.fit, ready.seen.end_s
    last = until_of(wishes, seen_s, end_of(ready.video, ready.seen, wishes), table)
    future, factual, difference, words = _foretell(ready.predictor, wishes, last) if known is None else _tables(ready.predictor, *known)
    ready.keeper.future(future, factual)
    scene = Scene.from_video(ready.seen, table) if ready.scene is None else ready.scene
    ready.keeper.scene(scene)
    course = _course(ready, wishes, future, factual)
    plan = plan_of(wishes, course, min(last, course.ends_s) if future.meta.partial else last, table)
    form = wishes.comparison
    look = Look(form.form, form.share, wishes.ghost, wishes.trails, wishes.captions, ", ".join(in_words(words, fit)))
    whole, from_shape, _ = completed(scene, table)
    made = film(ready.video, whole, factory(whole), course, plan, look, path, crf=wishes.crf, progress=progress)
    bystanders = Bystanders(table, course, whole, from_shape)
    warnings = [
        *ready.odd,
        *unfollowed(ready.seen, table, scene, ready.named),
        *(line for one in ready.tables for line in one.meta.warnings),
        *fit.warnings,
        *_unsaid(future, bystanders),
        *bystanders.lines(),
    ]
    partial = [table.meta.partial, ready.video.partial, ready.partial, why_failed(fit), future.meta.partial]
    return Foretold(
        states=table, fit=fit, scene=scene, future=future, factual=factual, difference=difference, changes=words, filmed=made,
        bystanders=bystanders, warnings=tuple(dict.fromkeys(warnings)),
        partial="; ".join(dict.fromkeys(line for line in partial if line)) or None,
    )  # fmt: skip


def _course(ready: Prepared, wishes: Wishes, future: States, factual: States | None) -> Course:
    table, seen_s = ready.table, ready.seen.end_s
    # what a change takes away has no rows, and what goes along with a body is none of the law's; points of bodies are not drawn
    points = {i for i, about in table.meta.objects.items() if about.part_of is not None}
    told = {*future.object_ids, *(factual.object_ids if factual is not None else [])}
    about = {*ready.predictor.start.clip.bodies.object_ids, *told} - points
    return Course.of(table, future, factual, about, begins_s=begin_of(wishes, future, seen_s), seen_until_s=seen_s)


def _foretell(predictor: Predictor, wishes: Wishes, until: float) -> tuple[States, States | None, Difference | None, tuple[str, ...]]:
    every = None if wishes.frame_rate is None else 1.0 / wishes.frame_rate
    if not wishes.changed:
        return table_of(predictor.run((), until=until, every=every), predictor.states), None, None, ()
    made = counterfactual(predictor, do=list(wishes.changes), remove=wishes.remove, at=wishes.at_s, until=until, every=every)
    return made.changed, made.factual, made.difference, made.words


def _tables(
    predictor: Predictor, changed: Forecast, factual: Forecast | None
) -> tuple[States, States | None, Difference | None, tuple[str, ...]]:
    future = table_of(changed, predictor.states)
    if factual is None:
        return future, None, None, ()
    return future, table_of(factual, predictor.states), differences(factual, changed), changed.intervention.words


def _unsaid(future: States, bystanders: Bystanders) -> list[str]:
    """The prediction's warnings, without those that `partial` or the bystanders' own lines tell in more detail."""
    told = ["the fit failed: ", *(["left out "] if bystanders.resting or bystanders.gone else [])]
    return [line for line in future.meta.warnings if not line.startswith(tuple(told))]
