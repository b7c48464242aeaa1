"""What was named is there once: of several tracks of one name the likeliest stays."""

from __future__ import annotations

from kinescribe.labelling.names import Labelled, left_out

__all__ = ["one_of_each"]


def one_of_each(labelled: Labelled) -> Labelled:
    """Of several of one label the one that is surest, and seen longest; the others are left out, which the sidecar says."""

    def worth(k: int) -> tuple[bool, float]:
        name = labelled.names[k]
        return name.verified in ("yes", "corrected"), name.score * len(labelled.tracks[k])

    best: dict[str, int] = {}
    for k, name in enumerate(labelled.names):
        if name.label not in best or worth(k) > worth(best[name.label]):
            best[name.label] = k
    kept = sorted(best.values())
    gone = list(labelled.left_out)
    for k, (track, name) in enumerate(zip(labelled.tracks, labelled.names, strict=True)):
        if k not in kept:
            gone.append(left_out(track, name.label, f'another is the surer "{name.label}", of which there is one', name.verification))
    return Labelled([labelled.tracks[k] for k in kept], [labelled.names[k] for k in kept], gone, labelled.warnings)
