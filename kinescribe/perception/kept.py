"""Learned parts that stay loaded from one video to the next."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.perception.backends import Choice, Stack
from kinescribe.perception.learned import files_of, has_weights, is_own_model
from kinescribe.perception.on_demand import RuntimeOnDemand
from kinescribe.plugins import blaming

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime import Runtime

__all__ = ["KeptParts"]


@dataclass(frozen=True, slots=True)
class _Made:
    """What a part was made from: its plug-in, its weights, and path, bytes and last change of each file of them."""

    name: str
    weights: str | None
    files: tuple[tuple[Path, int, int], ...]

    @classmethod
    def of(cls, choice: Choice, part: Any) -> _Made:
        files = files_of(type(part), choice.weights) if has_weights(type(part)) else []
        stats = [(file, file.stat()) for file in files]
        return cls(choice.name, choice.weights, tuple((file, stat.st_size, stat.st_mtime_ns) for file, stat in stats))


class KeptParts:
    """Loaded models, handed from one call of `extract_states` to the next, so that they are loaded once.

    What a video gives doesn't depend on the videos before it: tables, sidecars and masks are, byte for byte, those of a run without this
    object. Therefore

    * only what is learned is kept: our detectors, segmenters, propagators and concept trackers that are made from weights, and plug-ins
      whose class says ``kept_between_videos = True``, which promises that `prepare`, `reset` or `track` makes them, `warnings` included,
      what they were right after they were loaded. Verifiers never are, nor is what takes the settings of an endpoint;
    * a part is used again for the same name, weights (no file of which has changed) and options on how models run. Whatever else is
      kept is dropped before the new parts load, so that a device holds one set of models;
    * after an error everything is dropped, but for videos that can't be opened, which the models haven't seen, and for those in which
      nothing is found, which they have seen to the end;
    * so it is after a video in which the runtime had to adapt: where memory ran out and batches were made smaller, the next video begins
      with the size that was asked for again, as it would by itself. What fits should be said by `batch_size`;
    * with `compile` nothing is kept: for which shapes a model is compiled depends on the videos that it has seen;
    * a concept tracker with warnings isn't kept, for they may be about the video, unless its class says that it may be, as above.

    Serves one video at a time.
    """

    def __init__(self) -> None:
        self._held: dict[str, tuple[Any, _Made]] = {}
        self._runtime: Runtime | None = None
        self._options: tuple[Any, ...] | None = None
        self._busy = False

    @property
    def roles(self) -> tuple[str, ...]:
        """Of which a part is kept."""
        return tuple(self._held)

    def drop(self) -> None:
        """Let go of everything, and of the memory of the device."""
        self._keep_only(())

    def fitting(self, choices: Mapping[str, Choice], runtime: RuntimeOnDemand) -> dict[str, Any]:
        """By role, the parts that serve for these choices; all others are dropped. The runtime becomes that of the parts.

        Raises:
            UsageError: a video is under way with these parts.
            InputError: weights that are missing or broken.
        """
        self._refuse_two()
        if self._options != runtime.options:
            self.drop()
        self._keep_only([role for role, (part, made) in self._held.items() if role in choices and _Made.of(choices[role], part) == made])
        if self._held:
            runtime.used = self._runtime
        return {role: part for role, (part, _) in self._held.items()}

    @contextmanager
    def video(self, stack: Stack, choices: Mapping[str, Choice], runtime: RuntimeOnDemand) -> Iterator[None]:
        """Around the work on one video: what may be kept is kept if it goes well.

        Args:
            stack: the parts at work.
            choices: by role, what they were made for; objects that were handed in aren't among them.
            runtime: where they run.

        Raises:
            UsageError: another video is under way with these parts.
        """
        self._refuse_two()
        learned = {role: part for role, part in stack.parts() if role in choices and _may_be_kept(role, type(part))}
        # as the files are before they are read
        new = {role: (part, _Made.of(choices[role], part)) for role, part in learned.items()}
        self._busy = True
        try:
            yield
            self._keep(new, runtime)
        except NothingFoundError:
            self._keep(new, runtime)
            raise
        except BaseException:
            self._keep({}, runtime)
            raise
        finally:
            self._busy = False
            for role, part in learned.items():
                if role not in self._held:
                    _close(part)

    def _keep(self, new: Mapping[str, tuple[Any, _Made]], runtime: RuntimeOnDemand) -> None:
        """Hold these parts, as far as they are as if they had just been loaded, and no others."""
        good = {} if runtime.warnings or runtime.compiles else {role: new[role] for role in new if not _may_speak_of_it(role, new[role][0])}
        self._keep_only([role for role, (part, _) in self._held.items() if role in good and good[role][0] is part])
        for role, (part, _) in good.items():
            if role == "propagator":  # what it remembers of the video takes memory of the device
                with blaming(part, "while it was reset"):
                    part.reset()
        self._held = dict(good)
        if good:
            self._options, self._runtime = runtime.options, runtime.used

    def _keep_only(self, roles: Collection[str]) -> None:
        gone = [self._held.pop(role)[0] for role in list(self._held) if role not in roles]
        runtime = self._runtime
        if not self._held:
            self._runtime = self._options = None
        if not gone:
            return
        while gone:
            _close(gone.pop())
        if runtime is not None:
            from kinescribe.perception.grounded_sam.runtime.batching import release

            release(runtime.device.type)

    def _refuse_two(self) -> None:
        if self._busy:
            raise UsageError("one KeptParts serves one video at a time; give each thread its own")


def _may_be_kept(role: str, part: Any) -> bool:
    """Whether objects of this class may serve for another video."""
    said = getattr(part, "kept_between_videos", None)
    if role == "verifier" or "settings" in inspect.signature(part).parameters:
        return False
    return is_own_model(part) if said is None else said is True


def _may_speak_of_it(role: str, part: Any) -> bool:
    """Whether a part has warnings that may be about the video it has seen, and would tell them of the next one too."""
    # detectors clear theirs in `prepare`; segmenters and propagators of ours warn of their weights only
    return role == "concept_tracker" and bool(getattr(part, "warnings", None)) and not getattr(type(part), "kept_between_videos", False)


def _close(part: Any) -> None:
    """End what runs beside the part, such as a program of its own."""
    close = getattr(part, "close", None)
    if close is not None:
        with blaming(part, "while it was closed"):
            close()
