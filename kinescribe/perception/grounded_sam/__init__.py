"""The learned stack: text-prompted detectors, box-prompted segmenters, propagators and trackers, on CUDA or the CPU. Needs the extra `[sam]`."""
