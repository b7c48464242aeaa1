from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from kinescribe import plugins
from kinescribe.errors import InputError, UsageError


def offer(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    """Make these (name, target) the only installed detectors."""
    made = tuple(EntryPoint(name, target, "kinescribe.detectors") for name, target in points)
    monkeypatch.setattr(plugins, "entry_points", lambda group: made if group == "kinescribe.detectors" else ())


def test_built_ins_come_in_by_entry_points():
    assert "classical" in {plugin.name for plugin in plugins.plugins("detectors")}
    assert "offline" in {plugin.name for plugin in plugins.plugins("trackers")}


def test_loads_the_object_behind_the_name(monkeypatch: pytest.MonkeyPatch):
    offer(monkeypatch, ("mine", "fractions:Fraction"))
    from fractions import Fraction

    assert plugins.load("detectors", "mine") is Fraction


def test_unknown_kind_and_name_suggest_the_nearest(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match="did you mean 'detectors'"):
        plugins.plugins("detector")
    offer(monkeypatch, ("classical", "fractions:Fraction"))
    with pytest.raises(UsageError, match="unknown detector 'clasical'; did you mean 'classical'"):
        plugins.load("detectors", "clasical")


def test_no_plugin_at_all_is_said_so(monkeypatch: pytest.MonkeyPatch):
    offer(monkeypatch)
    with pytest.raises(UsageError, match=r"unknown detector 'any'.*none installed"):
        plugins.load("detectors", "any")


@pytest.mark.parametrize(
    ("target", "reason"), [("no_such_module:Thing", "ModuleNotFoundError"), ("fractions:NoSuchName", "AttributeError")]
)
def test_a_plugin_that_does_not_import_is_reported(monkeypatch: pytest.MonkeyPatch, target: str, reason: str):
    offer(monkeypatch, ("broken", target), ("whole", "fractions:Fraction"))
    found = {plugin.name: plugins.failure(plugin) for plugin in plugins.plugins("detectors")}
    assert found["whole"] is None
    assert found["broken"] is not None
    assert reason in found["broken"]
    with pytest.raises(UsageError, match=f"'broken' of .* does not import: {reason}"):
        plugins.load("detectors", "broken")


def test_a_name_that_two_packages_claim_is_refused(monkeypatch: pytest.MonkeyPatch):
    offer(monkeypatch, ("same", "fractions:Fraction"), ("same", "decimal:Decimal"))
    with pytest.raises(UsageError, match="'same' is offered by"):
        plugins.load("detectors", "same")


def test_what_a_plug_in_raises_bears_its_name(monkeypatch: pytest.MonkeyPatch):
    from fractions import Fraction

    offer(monkeypatch, ("mine", "fractions:Fraction"))
    wanted = r"^detector 'mine' of unknown failed on frame 3: ZeroDivisionError: by\? no; mend the plug-in"
    with pytest.raises(InputError, match=wanted) as caught, plugins.blaming(Fraction(1), "on frame 3"):
        raise ZeroDivisionError("by?\nno")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with (
        pytest.raises(InputError, match=r"^detector 'mine' of unknown failed while it was set up: KeyError;"),
        plugins.blaming(Fraction, "while it was set up"),
    ):
        raise KeyError
    offer(monkeypatch)
    with pytest.raises(InputError, match=r"^Fraction failed"), plugins.blaming(Fraction(1), "on frame 3"):
        raise ZeroDivisionError


def test_errors_for_the_user_and_our_own_stay_as_they_are():
    from fractions import Fraction

    from kinescribe.perception.classical import ClassicalDetector

    with pytest.raises(UsageError, match=r"^mine$"), plugins.blaming(Fraction(1), "on frame 3"):
        raise UsageError("mine")
    with pytest.raises(ZeroDivisionError), plugins.blaming(ClassicalDetector, "on frame 3"):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), plugins.blaming(Fraction(1), "on frame 3"):
        raise KeyboardInterrupt
