"""A law fitted to clips: residuals, steps, optimizers, and what the data say about each parameter."""
