"""What the figures are held against: the per-frame use that the documentation of transformers and segment-anything shows.

float32, one frame at a time: processor, model, post-processing; all boxes of a frame in one call. The names to look for are one text,
as documented; our detector passes each name on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gpu_models import Models
from numpy.typing import NDArray

from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision

Image = NDArray[np.uint8]
Masks = NDArray[np.bool_]


class DetectorRecipe:
    """GroundingDINO."""

    def __init__(self, models: Models, device: Any, names: list[str], threshold: float) -> None:
        transformers = import_with_torchvision("transformers")
        images = transformers.GroundingDinoImageProcessor.from_pretrained(models.detector)
        self.processor = transformers.GroundingDinoProcessor(images, transformers.BertTokenizer.from_pretrained(models.detector))
        self.model = transformers.GroundingDinoForObjectDetection.from_pretrained(models.detector).to(device).eval()
        self.device, self.text, self.threshold = device, ". ".join(names) + ".", threshold

    def __call__(self, image: Image) -> Any:
        import torch

        inputs = self.processor(images=image[..., ::-1].copy(), text=self.text, return_tensors="pt").to(self.device)
        with torch.no_grad():
            outputs = self.model(**inputs)
        found = self.processor.post_process_grounded_object_detection(
            outputs, inputs.input_ids, threshold=self.threshold, text_threshold=0.25, target_sizes=[image.shape[:2]]
        )[0]
        return found["boxes"].cpu().numpy(), found["scores"].cpu().numpy()


class SamRecipe:
    """SAM or SAM 2 of transformers."""

    def __init__(self, models: Models, device: Any, *, second: bool) -> None:
        transformers = import_with_torchvision("transformers")
        folder, name = (models.sam2, "Sam2") if second else (models.sam, "Sam")
        images = getattr(transformers, f"{name}ImageProcessor").from_pretrained(folder)
        self.processor = getattr(transformers, f"{name}Processor")(images)
        self.model = getattr(transformers, f"{name}Model").from_pretrained(folder).to(device).eval()
        self.device, self.second = device, second

    def __call__(self, image: Image, boxes: NDArray[np.float64]) -> Masks:
        import torch

        inputs = self.processor(images=image[..., ::-1].copy(), input_boxes=[boxes.tolist()], return_tensors="pt").to(self.device)
        with torch.no_grad():
            outputs = self.model(**inputs, multimask_output=False)
        sizes = [inputs["original_sizes"].cpu()] + ([] if self.second else [inputs["reshaped_input_sizes"].cpu()])
        masks: Masks = self.processor.post_process_masks(outputs.pred_masks.cpu(), *sizes)[0][:, 0].numpy()
        return masks


class PredictorRecipe:
    """segment-anything's predictor: set_image, then predict_torch with all boxes."""

    def __init__(self, network: Any, device: Any) -> None:
        self.predictor = import_with_torchvision("segment_anything").SamPredictor(network.to(device).eval())
        self.device = device

    def __call__(self, image: Image, boxes: NDArray[np.float64]) -> Masks:
        import torch

        self.predictor.set_image(image[..., ::-1])
        scaled = self.predictor.transform.apply_boxes_torch(torch.from_numpy(boxes).float().to(self.device), image.shape[:2])
        found, _, _ = self.predictor.predict_torch(point_coords=None, point_labels=None, boxes=scaled, multimask_output=False)
        masks: Masks = found[:, 0].cpu().numpy()
        return masks


class SessionRecipe:
    """SAM 2 video of transformers, streaming: the boxes are given in the first frame, and each further frame is propagated to."""

    def __init__(self, models: Models, device: Any) -> None:
        transformers = import_with_torchvision("transformers")
        size = {"height": models.side, "width": models.side}
        images = transformers.Sam2ImageProcessor.from_pretrained(models.sam2_video)
        self.processor = transformers.Sam2VideoProcessor(images, transformers.Sam2VideoVideoProcessor(size=size))
        self.model = transformers.Sam2VideoModel.from_pretrained(models.sam2_video).to(device).eval()
        self.device = device

    def __call__(self, images: list[Image], boxes: NDArray[np.float64]) -> Iterator[Masks]:
        import torch

        session = self.processor.init_video_session(inference_device=self.device)
        for number, image in enumerate(images):
            inputs = self.processor(images=image[..., ::-1].copy(), device=self.device, return_tensors="pt")
            size = list(image.shape[:2])
            if number == 0:
                self.processor.add_inputs_to_inference_session(
                    session, 0, list(range(len(boxes))), input_boxes=[boxes.tolist()], original_size=size
                )
            with torch.no_grad():
                outputs = self.model(inference_session=session, frame=inputs.pixel_values[0])
            masks = self.processor.post_process_masks([outputs.pred_masks], original_sizes=[size])[0]
            yield masks[:, 0].cpu().numpy()
