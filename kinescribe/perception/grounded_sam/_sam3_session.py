"""The state of a SAM 3 video run, kept to what the model can still use.

transformers keeps everything that it ever computed for every frame, and copies part of it in each frame. What is deleted here can't reach a
later result, but for conditioning frames: a thing gets one each time the detector confirms it, and only the first and the latest are kept.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision

__all__ = ["new_session", "prune"]


def new_session(device: Any, labels: list[str]) -> Any:
    """A session without a video: frames come one by one, and their number isn't known. The prompts are numbered as the labels are."""
    modeling = import_with_torchvision("transformers.models.sam3_video.modeling_sam3_video")
    # how many frames there are limits how far back pointers reach, which a stream doesn't
    streaming = type("StreamingSession", (modeling.Sam3VideoInferenceSession,), {"num_frames": property(lambda _: sys.maxsize)})
    session = streaming(inference_device=device, inference_state_device=device, video_storage_device=device, dtype=torch.float32)
    session.prompts = dict(enumerate(labels))
    session.obj_with_new_inputs, session.kept_position = [], None
    return session


def prune(session: Any, model: Any, step: int, conditioning: int) -> None:
    """Delete what frame `step` + 1 and those after it can't use.

    Args:
        session: after frame `step`.
        model: the Sam3VideoModel.
        step: number of the frame, from 0.
        conditioning: conditioning frames that are kept for each thing, the first and the latest ones.
    """
    config = model.config.tracker_config
    session.processed_frames = None
    session.cache.clear_all()
    for index in range(len(session.obj_ids)):
        _prune_thing(session, index, step, config, conditioning)
    session.obj_id_to_tracker_score_frame_wise.clear()
    session.suppressed_obj_ids.clear()
    _prune_counts(session, model)


def _prune_thing(session: Any, index: int, step: int, config: Any, conditioning: int) -> None:
    session.frames_tracked_per_obj[index].clear()
    session.mask_inputs_per_obj[index].clear()
    session.point_inputs_per_obj[index].clear()
    outputs = session.output_dict_per_obj[index]
    shown, carried = outputs["cond_frame_outputs"], outputs["non_cond_frame_outputs"]
    latest = sorted(shown)
    for old in latest[1 : len(latest) - conditioning + 1]:
        carried[old] = shown.pop(old)  # an ordinary memory from now on, for as long as one would be in reach
    memories, pointers = config.num_maskmem - 1, config.max_object_pointers_in_encoder - 1
    for old in [old for old in carried if step + 1 - old > max(memories, pointers)]:
        del carried[old]
    for old, output in [*shown.items(), *carried.items()]:
        for key in ("pred_masks", "high_res_masks", "object_score_logits"):
            output.pop(key, None)
        if old in carried and step + 1 - old > memories:
            output.pop("maskmem_features", None)
            output.pop("maskmem_pos_enc", None)
        elif "maskmem_features" in output:
            output["maskmem_features"] = _own(output["maskmem_features"])
            if session.kept_position is None:
                session.kept_position = output["maskmem_pos_enc"].clone()
            output["maskmem_pos_enc"] = session.kept_position  # the same for every frame and thing


def _own(tensor: Any) -> Any:
    """The tensor with memory of its own: a view of all things' memories keeps all of them alive."""
    return tensor.clone() if tensor.untyped_storage().nbytes() > tensor.nbytes else tensor


def _prune_counts(session: Any, model: Any) -> None:
    """Forget things that were removed, and counts beyond the threshold that they are held against."""
    here = set(session.obj_ids)
    for per_thing in (session.obj_id_to_score, session.obj_first_frame_idx, session.trk_keep_alive, session.unmatched_frame_inds):
        for number in [number for number in per_thing if number not in here]:
            del per_thing[number]
    for pair in [pair for pair in session.overlap_pair_to_frame_inds if not set(pair) <= here]:
        del session.overlap_pair_to_frame_inds[pair]
    session.removed_obj_ids &= here
    session.hotstart_removed_obj_ids &= here
    limits = (session.unmatched_frame_inds, model.hotstart_unmatch_thresh), (session.overlap_pair_to_frame_inds, model.hotstart_dup_thresh)
    for counts, most in limits:
        for frames in counts.values():
            del frames[: max(0, len(frames) - most)]
