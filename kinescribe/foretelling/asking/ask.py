"""From a video and a question in words to an answer: states, law, changes by a model, prediction, pictures, one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.prediction.table import table_of
from kinescribe.errors import UsageError
from kinescribe.foretelling.asked import Wishes, video_path
from kinescribe.foretelling.asking.answer import Answer
from kinescribe.foretelling.asking.computing import Computed, compute
from kinescribe.foretelling.asking.inquiry import Inquiry, rounded
from kinescribe.foretelling.asking.translating import translate
from kinescribe.foretelling.asking.wording import sentence
from kinescribe.foretelling.authors import LLM
from kinescribe.foretelling.beginning import Span
from kinescribe.foretelling.ends import AT_LEAST, GOES_ON, end_of, interval_between
from kinescribe.foretelling.foretell import Foretold, foretold
from kinescribe.foretelling.preparing import Order, Prepared, Progress
from kinescribe.foretelling.telling import why_failed
from kinescribe.llm import Model
from kinescribe.renderers.protocols import RendererFactory
from kinescribe.renderers.rendering import factory_of
from kinescribe.renderers.scene import Scene
from kinescribe.states import Calibration, States

__all__ = ["ask"]

LONGEST = 2000  # characters of a question


def ask(
    video: Any,
    question: str,
    *,
    model: Model,
    output: str | os.PathLike[str] | None = None,
    law: str | Path | Law | type[Law] | Fit = "auto",
    seen: float | str | None = None,
    inputs: Inputs | str | Path | None = None,
    ghost: bool = True,
    trails: bool = False,
    captions: bool = True,
    objects: str | None = None,
    backend: str = "classical",
    device: str = "auto",
    calibration: Calibration | None = None,
    frame_interval: float | None = None,
    states: States | str | Path | None = None,
    scene: Scene | str | Path | None = None,
    renderer: str | RendererFactory = "sprites",
    law_objects: Sequence[str | int] | None = None,
    law_source: Any = None,
    trust: bool = False,
    fixed: Mapping[str, float] | None = None,
    seed: int = 0,
    max_seconds: float = 300.0,
    keep: str | Path | None = None,
    overwrite: bool = False,
    before: Callable[[Inquiry], None] | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Answer a question about a video: what happens next, or what would have happened had something been otherwise.

    A language model turns the question into changes of the fitted law and into quantities; both are checked against law and objects. All
    numbers of the answer are computed here.

    Args:
        video: a video file, a folder of images, or an array, as `kinescribe.predict_video` takes them.
        question: in any language; the answer is in English.
        model: who reads the question: a `kinescribe.llm.Client`, or a record of one. With law "llm" it helps to write the law too.
        output: an MP4 of it; None: the answer alone. ghost: with what happens without the change, half transparent.
        before: called with the changes before anything is computed from them; what it raises ends the run.
        law, seen, inputs, trails, captions, objects, backend, device, calibration, frame_interval, states, scene, renderer, law_objects,
            law_source, trust, fixed, seed, max_seconds, keep, overwrite, progress: as `kinescribe.predict_video` has them.

    Raises:
        UsageError: options that make no sense or don't go together.
        NothingFoundError: the law can't answer that; or nothing moves, or nothing could be cut out.
        InputError: a file that can't be read; `EndpointError`: no answer from the model, or none that can be used after being asked to
            mend it.
        BudgetExceededError: a cap leaves no room for the question.
    """
    words = _question(question)
    path = None if output is None else video_path(output)
    order = Order.of(
        video, law=law, seen=seen, inputs=inputs, objects=objects, backend=backend, device=device, calibration=calibration,
        frame_interval=frame_interval, states=states, scene=scene, law_objects=law_objects, law_source=law_source, trust=trust,
        fixed=fixed, seed=seed, max_seconds=max_seconds, keep=keep, overwrite=overwrite,
        model=model if isinstance(law, str) and law.strip() == LLM else None,
    )  # fmt: skip
    if len(order.videos) != 1:
        raise UsageError(
            f"a question is about one video, and {len(order.videos)} are given: fit the law to all first, and give it with law"
        )
    factory = factory_of(renderer)
    ready = order.prepared(progress)
    seen_s, ends = ready.seen.end_s, end_of(ready.video, ready.seen, _wishes(None, order.spans[0], until=None))
    until = _until(ready, ends)
    if progress is not None:
        progress("ask", 0, 1)
    inquiry, questions = translate(model, ready.predictor, ready.table, words, seen_until=seen_s, video_ends=ends, until=until)
    if progress is not None:
        progress("ask", 1, 1)
    if before is not None:
        before(inquiry)
    computed = compute(ready.predictor, inquiry, seen_s)
    made: Foretold | None = None
    if path is not None:
        wishes = _wishes(inquiry, order.spans[0], until=inquiry.until, ghost=ghost and inquiry.changed, trails=trails, captions=captions)
        made = foretold(ready, wishes, factory, path, progress, (computed.forecast, computed.factual))
    else:
        factual = None if computed.factual is None else table_of(computed.factual, ready.table)
        ready.keeper.future(table_of(computed.forecast, ready.table), factual)
    warnings, partial = _doubts(ready, computed, made)
    return Answer(
        question=words, sentence=sentence(inquiry, computed), inquiry=inquiry, computed=computed, states=ready.table, fit=ready.fit,
        foretold=made, model=model.model, questions=questions, usage=model.usage, warnings=warnings, partial=partial,
    )  # fmt: skip


def _question(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise UsageError('the question is empty; ask one such as "what if gravity were halved?"')
    if len(text) > LONGEST:
        raise UsageError(f"the question has {len(text):,} characters, and may have {LONGEST:,}: ask for less at once")
    return " ".join(text.split())


def _until(ready: Prepared, ends: float) -> float:
    """The end where nothing says when: half as long again as was seen, or the video's end if that is later; known inputs permitting."""
    seen_s = ready.seen.end_s
    until = max(ends, seen_s + max(GOES_ON * seen_s, AT_LEAST * interval_between(ready.table)))
    times = ready.predictor.start.clip.inputs.times
    if ready.fit.law.inputs and len(times) > 1:
        until = min(until, max(float(times[-1]), seen_s))
    return rounded(until)


def _wishes(
    inquiry: Inquiry | None, span: Span, *, until: float | None, ghost: bool = False, trails: bool = False, captions: bool = True
) -> Wishes:
    do, remove, at = ((), (), None) if inquiry is None else (inquiry.changes, inquiry.remove, inquiry.at)
    return Wishes.of(
        span=span, until=until, at=at, past=None, do=do, remove=remove, compare=None, ghost=ghost, trails=trails, captions=captions,
        frame_rate=None, crf=18,
    )  # fmt: skip


def _doubts(ready: Prepared, computed: Computed, made: Foretold | None) -> tuple[tuple[str, ...], str | None]:
    """Warnings, and why it isn't whole."""
    forecast = computed.forecast
    if made is not None:
        lines, partial = [*made.warnings], made.partial
    else:
        lines = [*ready.odd, *ready.table.meta.warnings, *ready.fit.warnings]
        lines += [line for line in forecast.warnings if not line.startswith("the fit failed: ")]
        why = [ready.table.meta.partial, ready.video.partial, ready.partial, why_failed(ready.fit), forecast.partial]
        partial = "; ".join(dict.fromkeys(line for line in why if line)) or None
    before = computed.factual.warnings if computed.factual is not None else ()
    lines += [f"without the change: {line}" for line in before if line not in forecast.warnings]
    return tuple(dict.fromkeys(lines)), partial
