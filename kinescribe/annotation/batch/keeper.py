"""Writing down what happens in a run, as it happens."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from kinescribe.annotation.batch.events import Event, Finished, Started, Watch
from kinescribe.annotation.batch.files import Signature, signature_at
from kinescribe.annotation.batch.jobs import DISK
from kinescribe.annotation.batch.manifest import Manifest
from kinescribe.annotation.batch.planning import Plan
from kinescribe.annotation.batch.result import Annotated
from kinescribe.annotation.batch.setups import Setups
from kinescribe.errors import UsageError

__all__ = ["Keeper"]


class Keeper:
    """Writes down what happens, and stops the run where going on would only make it worse."""

    def __init__(self, manifest: Manifest, setups: Setups, plan: Plan, result: Annotated, watch: Watch | None) -> None:
        self._manifest, self._setups, self._plan, self._result, self._watch = manifest, setups, plan, result, watch
        self._looked: dict[str, tuple[int, Signature | None]] = {}

    def __call__(self, event: Event) -> None:
        """Take down an event, and hand it on. Raises UsageError where the run can't go on."""
        if isinstance(event, Started):
            self._looked[event.job.name] = time.time_ns(), signature_at(Path(event.job.path))
            self._manifest.note(event.job.name, "running", worker=event.worker)
        elif isinstance(event, Finished):
            self._finished(event)
        if self._watch is not None:
            self._watch(event)

    def _finished(self, event: Finished) -> None:
        name, outcome, result = event.job.name, event.outcome, self._result
        looked, signature = self._looked.pop(name, (0, None))
        if outcome.state == "failed" and outcome.size is None and signature is not None:
            # its process had no chance to say which file it failed at
            outcome = replace(outcome, size=signature.size, mtime_ns=signature.mtime_ns)
        self._manifest.finished(name, outcome, self._setups.of(name), looked_ns=looked, worker=event.worker)
        if outcome.kind == DISK:
            raise UsageError(f"{outcome.reason}; make room or give an -o that can be written, and run again: what is done stays done")
        made = outcome.rows or 0, outcome.objects or 0, outcome.warnings > 0
        self._plan.found(name, outcome.state, made, partial=outcome.kind == "partial")
        if outcome.state == "done":
            result.done += 1
            result.adopted += outcome.adopted
