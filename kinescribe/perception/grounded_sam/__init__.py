"""The learned stack: detectors of words, segmenters of boxes, propagators and trackers, on CUDA or the CPU; needs `[sam]`."""
