"""Finding words for what moves or matters in a video, by showing a contact sheet to a vision-language model."""

from __future__ import annotations

from kinescribe.perception.discovery.asking import Discovery, discover
from kinescribe.perception.discovery.sheet import ContactSheet, contact_sheet

__all__ = ["ContactSheet", "Discovery", "contact_sheet", "discover"]
