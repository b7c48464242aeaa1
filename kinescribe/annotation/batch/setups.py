"""What the results of a run's videos depend on besides their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from kinescribe.annotation.batch.jobs import Products
from kinescribe.annotation.batch.keys import revisions_of, setup_of
from kinescribe.settings import ExtractionSettings, Overrides

__all__ = ["Setups"]


class Setups:
    """What the result of each video depends on besides its bytes, worked out once for all that share their settings."""

    def __init__(self, videos: Overrides, products: Products) -> None:
        self.videos, self._products = videos, products
        self._hash = lru_cache(maxsize=None)(self._hashed)
        self.revisions = lru_cache(maxsize=None)(revisions_of)

    def settings(self, name: str) -> ExtractionSettings:
        """Of a video; with the environment's endpoint, which a worker elsewhere need not have."""
        settings = self.videos.of(name)
        asks = settings.verifier == "vlm" or (settings.objects or "").strip().lower() == "auto" or settings.vlm_model or settings.vlm_url
        return settings.with_endpoint() if asks else settings

    def of(self, name: str) -> str:
        """The hash of what a video's result depends on besides its bytes."""
        return self._hash(self.settings(name))

    def _hashed(self, settings: ExtractionSettings) -> str:
        return setup_of(settings.to_dict(), self.revisions(settings), self._products)

    def check(self, names: Iterable[str]) -> None:
        """Raise what is wrong with the settings of any of the videos."""
        for settings in dict.fromkeys(self.settings(name) for name in names):
            settings.check()
            self.revisions(settings)

    @property
    def learned(self) -> bool:
        """Whether models with weights run."""
        settings = self.videos.settings
        return any("weights " in revision for revision in self.revisions(settings).values()) or settings.device.startswith("cuda")
