"""What the results of a run's videos depend on besides their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from kinescribe.annotation.batch.jobs import Products
from kinescribe.annotation.batch.keys import has_weights_in, revisions_of, setup_of
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
        return settings.with_endpoint() if settings.asks_vlm or settings.vlm_model or settings.vlm_url else settings

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

    def learned(self, names: Iterable[str]) -> set[str]:
        """The devices that are asked for where models with weights run, such as "auto"; empty where none do. Of these videos alone."""
        used = dict.fromkeys(self.settings(name) for name in names)
        return {one.device for one in used if one.device.startswith("cuda") or has_weights_in(self.revisions(one))}
