"""What must be known before anything is foretold: what was seen, and the law behind it. Found once, and asked as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.prediction import Predictor
from kinescribe.foretelling.asked import sources_of
from kinescribe.foretelling.beginning import Beginning, Span, first_rows
from kinescribe.foretelling.keeping import Keeper
from kinescribe.foretelling.laws import Lawgiver
from kinescribe.foretelling.tables import Perception, interval_of, spans_of, tables_given
from kinescribe.renderers.arguments import check_video
from kinescribe.renderers.scene import Scene
from kinescribe.states import Calibration, States
from kinescribe.video import Video, open_video

__all__ = ["Order", "Prepared", "Progress"]

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A video whose motion is understood.

    Attributes:
        video: the first one, whose future is foretold. seen: the part of it that was looked at, read to its end.
        tables: what was seen, one table a video.
        fit: the law. predictor: what it foretells of the first table.
        keeper: writes steps. scene: one that was made before; None where none was.
        named: what was to be followed; None where the tables were given, or all was followed.
        odd: what is strange about video, table and law, one line each. partial: why the law isn't the one that was asked for, or None.
    """

    video: Video
    seen: Beginning
    tables: tuple[States, ...]
    fit: Fit
    predictor: Predictor
    keeper: Keeper
    scene: Scene | None
    named: str | None
    odd: tuple[str, ...]
    partial: str | None = None

    @property
    def table(self) -> States:
        """What was seen of the first video."""
        return self.tables[0]


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Videos, tables and a law that go together, before any work begins.

    Attributes:
        videos: opened. spans: how much of each counts as seen. given: their tables, None where they are to be extracted.
        perception: how that is done. lawgiver: what is known of the law. scene: one that was made before, or None.
        keep, overwrite: the folder of the steps.
    """

    videos: tuple[Video, ...]
    spans: tuple[Span, ...]
    given: tuple[States, ...] | None
    perception: Perception
    lawgiver: Lawgiver
    scene: Scene | None
    keep: str | Path | None
    overwrite: bool

    @classmethod
    def of(
        cls, videos: Any, *, law: str | Path | Law | type[Law] | Fit, seen: float | str | None,
        inputs: Inputs | str | Path | Sequence[Any] | None, objects: str | None, backend: str, device: str,
        calibration: Calibration | None, frame_interval: float | None,
        states: Any, scene: Scene | str | Path | None, law_objects: Sequence[str | int] | None, law_source: Any, trust: bool,
        fixed: Mapping[str, float] | None, seed: int, max_seconds: float, keep: str | Path | None, overwrite: bool,
        model: Any = None, max_calls: int | None = None, record: str | Path | None = None,
    ) -> Order:  # fmt: skip
        """From arguments as `predict_video` has them. Raises UsageError and InputError for what makes no sense or can't be read."""
        sources = sources_of(videos)
        given = tables_given(states, len(sources))
        spans = spans_of(seen, given, len(sources))
        lawgiver = Lawgiver.of(
            law, videos=len(sources), source=law_source, trust=trust, inputs=inputs, objects=law_objects, fixed=fixed, seed=seed,
            max_seconds=max_seconds, model=model, max_calls=max_calls, record=record,
        )  # fmt: skip
        ready = scene if isinstance(scene, Scene) or scene is None else Scene.read(scene)
        if frame_interval is None and given is not None:
            frame_interval = interval_of(given[0])
        opened = [open_video(source, frame_interval=frame_interval) for source in sources]
        perception = Perception(objects, backend, device, calibration, frame_interval)
        return cls(
            tuple(opened), tuple(spans), None if given is None else tuple(given), perception, lawgiver, ready, keep, overwrite
        )  # fmt: skip

    def prepared(self, progress: Progress | None) -> Prepared:
        """Look at the videos and find the law; states and law are kept as soon as they are there.

        Raises:
            UsageError: tables, scene, law and objects that don't go together. NothingFoundError: nothing moves.
        """
        keeper = Keeper.of(self.keep, overwrite=self.overwrite)
        begun = [Beginning(video, span) for video, span in zip(self.videos, self.spans, strict=True)]
        if self.given is None:
            tables = [self.perception.states_of(one, progress) for one in begun]
        else:
            tables = [first_rows(one, span) for one, span in zip(self.given, self.spans, strict=True)]
        seen, video, table = begun[0].measured(), self.videos[0], tables[0]
        odd = [*check_video(video, table, self.scene), *seen.too_short()]
        keeper.tables(tables)
        if progress is not None:
            progress("fit", 0, 1)
        given = self.lawgiver.fitted_to(tables, video)
        if progress is not None:
            progress("fit", 1, 1)
        keeper.law(given.fit, given.clips)
        # a law that was fitted to this very table knows its objects by name; naming them again would leave behind what goes along with them
        chosen = self.lawgiver.objects if self.lawgiver.fit is not None else None
        predictor = Predictor.of(table, given.fit, inputs=self.lawgiver.inputs[0], objects=chosen, name=video.info.name)
        named = self.perception.objects if self.given is None else None
        return Prepared(
            video, seen, tuple(tables), given.fit, predictor, keeper, self.scene, named, (*odd, *given.odd), given.partial
        )  # fmt: skip
