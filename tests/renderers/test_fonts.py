from __future__ import annotations

import warnings

import pytest

from kinescribe.renderers import fonts
from kinescribe.renderers.fonts import font_for, warn_of_unwritable


@pytest.fixture(autouse=True)
def only_matplotlibs_own(monkeypatch):
    """A machine without fonts."""
    monkeypatch.setattr(fonts, "_system_fonts", lambda: ())
    font_for.cache_clear()
    yield
    font_for.cache_clear()


@pytest.mark.parametrize("text", ["red ball", "Κόκκινη μπάλα", "красный шар", "bålle\u200d ä", ""])
def test_matplotlibs_font_is_always_there(text):
    assert font_for(text, shaping=False).endswith("DejaVuSans.ttf")


def test_letters_that_no_font_has():
    assert font_for("红球", shaping=True) is None
    assert font_for("red 球", shaping=True) is None


def test_joined_letters_need_someone_who_joins_them():
    assert font_for("كرة حمراء", shaping=True).endswith("DejaVuSans.ttf")
    assert font_for("كرة حمراء", shaping=False) is None
    assert font_for("गेंद", shaping=False) is None


def test_the_systems_fonts_are_tried_in_turn(monkeypatch, tmp_path):
    broken, colour_only, right = (str(tmp_path / name) for name in ("broken.ttf", "colour.ttf", "right.ttf"))
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    letters = {colour_only: frozenset(), right: frozenset(map(ord, "红球"))}
    known = fonts._letters
    monkeypatch.setattr(fonts, "_system_fonts", lambda: (broken, colour_only, right))
    monkeypatch.setattr(fonts, "_letters", lambda path: letters[path] if path in letters else known(path))
    assert font_for("红球", shaping=True) == right


def test_one_warning_names_them_all():
    with pytest.warns(UserWarning, match='"红球", "緑".*the overlay shows ids alone.*install') as caught:
        warn_of_unwritable(["红球", "緑", "红球"], "overlay")
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unwritable([], "overlay")
