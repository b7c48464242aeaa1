"""One frame of SAM 3 video: detect, carry what is followed, match the two, start and end things.

The order and the rules are transformers' Sam3VideoModel's, whose methods decide what is matched, started and ended. Its own forward pass is
not used: it fetches compiled code from the hub, keeps the whole video, and gives things each other's masks in a frame in which one ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from kinescribe.perception.grounded_sam._mask_cleaning import fill_specks
from kinescribe.perception.grounded_sam._sam3_detection import Queries, detect
from kinescribe.perception.grounded_sam._sam3_session import prune

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime import Runtime

__all__ = ["Seen", "take_step"]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The things in one frame.

    Attributes:
        logits: by id, of shape (h, w).
        kinds: position among the prompts, by id.
        scores: of the detector when it first saw the thing, by id, on the model's scale.
        presence: probability that the thing is in view, by id; the detector's score in the frame where it first saw it.
        hidden: ids of things that are not to be shown in this frame.
        ended: ids of things that turned out not to be any, in this frame; they are not to be shown in the frames before either.
    """

    logits: dict[int, Any]
    kinds: dict[int, int]
    scores: dict[int, float]
    presence: dict[int, float]
    hidden: frozenset[int]
    ended: frozenset[int]


def take_step(model: Any, session: Any, step: int, vision: Any, queries: Queries, runtime: Runtime, conditioning: int) -> Seen:
    """Frame number `step`, from 0, of a session, from what the vision encoder made of it."""
    found, kinds = detect(model, vision, queries, runtime, followed=bool(session.obj_ids))
    with runtime.autocast():
        levels, positions = model.get_vision_features_for_tracker(vision_embeds=vision)
        session.cache.cache_vision_features(step, {"vision_feats": levels, "vision_pos_embeds": positions})
        before = list(session.obj_ids)
        logits, presence = _carried(model, session, step)
        plan, state = model.run_tracker_update_planning_phase(
            inference_session=session,
            frame_idx=step,
            reverse=False,
            det_out=found,
            tracker_low_res_masks_global=logits,
            tracker_obj_scores_global=presence,
            det_idx_to_prompt_id=kinds,
        )
        named = dict(session.obj_id_to_prompt_id)
        model.run_tracker_update_execution_phase(inference_session=session, frame_idx=step, det_out=found, tracker_update_plan=plan)
    masks = dict(zip(before, logits, strict=True))
    if plan["new_det_obj_ids"]:
        masks |= zip(plan["new_det_obj_ids"], fill_specks(found["mask"][plan["new_det_out_inds"]], model.fill_hole_area), strict=True)
    for number in plan["reconditioned_obj_ids"]:
        masks[number] = found["mask"][plan["trk_id_to_max_iou_high_conf_det"][number]]
    shown = dict(state["obj_id_to_tracker_score_frame_wise"][step]) | dict(zip(before, presence.float().sigmoid().tolist(), strict=True))
    scores, extra = state["obj_id_to_score"], state["extra_metadata"]
    _keep(session, state)
    prune(session, model, step, conditioning)
    ended = frozenset(plan["obj_ids_newly_removed"])
    masks = {number: mask for number, mask in masks.items() if number not in ended}
    return Seen(
        logits=masks,
        kinds={number: named[number] for number in masks},
        scores={number: float(scores[number]) for number in masks},
        presence={number: float(shown[number]) for number in masks},
        hidden=frozenset(extra["suppressed_obj_ids"][step]),
        ended=ended,
    )


def _carried(model: Any, session: Any, step: int) -> tuple[Any, Any]:
    """Logits (n, h, w) and presence logits (n,) of what is followed."""
    if not session.obj_ids:
        size = model.low_res_mask_size
        return torch.zeros(0, size, size, device=model.device), torch.zeros(0, device=model.device)
    out = model.tracker_model(inference_session=session, frame_idx=step, run_mem_encoder=False)
    return fill_specks(out.pred_masks[:, 0].float(), model.fill_hole_area), out.object_score_logits[:, 0]


def _keep(session: Any, state: Any) -> None:
    """Make the state after this frame the session's."""
    extra = state["extra_metadata"]
    session.obj_ids = list(state["obj_ids"])
    for name in ("obj_id_to_score", "obj_id_to_tracker_score_frame_wise", "obj_id_to_last_occluded", "max_obj_id"):
        setattr(session, name, state[name])
    for name in ("obj_first_frame_idx", "unmatched_frame_inds", "trk_keep_alive", "overlap_pair_to_frame_inds", "removed_obj_ids"):
        setattr(session, name, extra[name])
