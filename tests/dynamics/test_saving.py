from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from predicted import bouncing_fit, bouncing_table, pair_fit, pair_table

from kinescribe.dynamics import Bodies, Clip, Law, Parameter
from kinescribe.dynamics.affordances import Affordances, Constrained
from kinescribe.dynamics.composition import Restricted
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.library import FreeFall
from kinescribe.dynamics.saving import load, save
from kinescribe.dynamics.saving.layout import to_text
from kinescribe.dynamics.saving.reference import reference
from kinescribe.dynamics.saving.revival import Reviver
from kinescribe.errors import InputError, UsageError


def same(a: Any, b: Any, where: str = "") -> None:
    """Equal in every field, to the last bit; laws by kind and parameters."""
    if isinstance(a, Law):
        assert type(a) is type(b) or (a.title == b.title), where
        assert list(a.parameters.items()) == list(b.parameters.items()), where
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b, where)
    elif is_dataclass(a) and not isinstance(a, Parameter | Bodies | type):
        for field in fields(a):
            if field.name not in ("selection", "summary", "domain", "edited"):
                same(getattr(a, field.name), getattr(b, field.name), f"{where}.{field.name}")
    elif isinstance(a, Bodies):
        for field in fields(a):
            same(getattr(a, field.name), getattr(b, field.name), f"{where}.{field.name}")
    elif isinstance(a, tuple):
        assert len(a) == len(b), where
        for k, (one, other) in enumerate(zip(a, b, strict=True)):
            same(one, other, f"{where}[{k}]")
    else:
        assert a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b)), where


@pytest.fixture(scope="module")
def fit() -> Fit:
    return bouncing_fit()


@pytest.fixture
def saved(fit: Fit, tmp_path: Path) -> Path:
    path = tmp_path / "law.json"
    save(fit, path, clips=[Clip.from_states(bouncing_table())])
    return path


def edit(path: Path, change: Any) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_round_trip_is_exact(fit: Fit, saved: Path, tmp_path: Path):
    same(fit, load(saved))
    save(load(saved), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == saved.read_text()


def test_what_could_not_be_told_and_two_objects_come_back(tmp_path: Path):
    fit = pair_fit()
    assert fit.unidentified
    save(fit, tmp_path / "law.json")
    back = load(tmp_path / "law.json")
    same(fit, back)
    assert back.estimates["red.mass"].sigma == math.inf
    assert back.domain is None


def test_values_stand_at_the_top_one_line_a_parameter(saved: Path):
    lines = saved.read_text().splitlines()
    gravity = next(k for k, line in enumerate(lines) if '"gravity"' in line)
    assert gravity < 8
    assert '"unit": "m/s²"' in lines[gravity]
    assert '"sigma": 0.0' in lines[gravity]
    assert "downward acceleration" in lines[gravity]
    assert '"restitution"' in lines[gravity + 2]


def test_domain_tells_what_the_data_covered(saved: Path):
    domain = load(saved).domain
    assert domain is not None
    assert domain.duration == pytest.approx(2.0)
    assert domain.y == pytest.approx((0.2, 3.0), abs=0.05)
    assert domain.speed == pytest.approx(7.3, abs=0.2)
    assert domain.contacts == 2


def test_an_edited_value_is_used_and_its_covariance_dropped(fit: Fit, saved: Path):
    edit(saved, lambda data: data["parameters"]["gravity"].update(value=1.62))
    back = load(saved)
    assert back.estimates["gravity"].value == 1.62
    assert back.estimates["gravity"].fixed
    assert back.edited == ("gravity",)
    assert back.clips == ()
    assert back.slots.names == ["floor", "restitution"]
    np.testing.assert_array_equal(back.covariance, fit.covariance[1:, 1:])
    assert len(back.warnings) == 1
    assert "gravity was edited from 9.7" in back.warnings[0]
    assert "1.62" in back.warnings[0]


def test_an_edited_known_value_is_told_too(saved: Path):
    edit(saved, lambda data: data["parameters"]["friction"].update(value=0.2))
    back = load(saved)
    assert back.edited == ("friction",)
    assert back.estimates["friction"].value == 0.2


def test_an_edited_sigma_is_not_used_in_silence(saved: Path):
    edit(saved, lambda data: data["parameters"]["gravity"].update(sigma=0.5))
    assert "σ" in load(saved).warnings[0]


def test_an_edited_unit_is_not_used_in_silence(saved: Path):
    assert load(saved).warnings == ()
    edit(saved, lambda data: data["parameters"]["gravity"].update(unit="cm/s²"))
    (line,) = load(saved).warnings
    assert line == "gravity: its line says 'cm/s²', which is not used: the value is taken in m/s²"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(paramters={}), "unknown field 'paramters'; did you mean 'parameters'"),
        (lambda d: d["parameters"].update(gravty=d["parameters"].pop("gravity")), "no parameter 'gravty'; did you mean 'gravity'"),
        (lambda d: d["parameters"].pop("floor"), "no value for floor"),
        (lambda d: d["parameters"]["restitution"].update(value=1.5), r"restitution = 1.5 is outside its bounds \(0, 1\)"),
        (lambda d: d["parameters"]["gravity"].update(value="9.8"), "without quotes"),
        (lambda d: d["parameters"]["gravity"].update(value=True), "not true or false"),
        (lambda d: d.update(kinescribe_law=99), "later kinescribe"),
        (lambda d: d.pop("kinescribe_law"), "no saved fit"),
        (lambda d: d["theta"].pop(), "theta and free"),
        (lambda d: d.update(objects=[]), "objects is empty"),
        (lambda d: d.update(law=3), "law must be names with values in braces"),
        (lambda d: d.update(free="gravity"), "free must be a list in brackets"),
        (lambda d: d.update(status="good"), "status must be 'fitted' or 'failed'"),
        (lambda d: d.pop("theta"), "theta is missing"),
        (lambda d: d.update(covariance=[[1.0, 2.0], [3.0]]), "covariance"),
        (lambda d: d["clips"][0].update(initial=[[1.0], [2.0]]), "six rows"),
        (lambda d: d["law"]["terms"][0].update(name="../evil.py"), "no name of an installed law"),
        (lambda d: d["law"].update(settings={"project": "x"}), "no setting 'project'"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(saved: Path, change: Any, words: str):
    edit(saved, change)
    with pytest.raises(InputError, match=words) as caught:
        load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"kinescribe_law": 1}', "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")]
)
def test_what_is_no_saved_fit_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "law.json"
    path.write_text(text)
    with pytest.raises(InputError):
        load(path)
    with pytest.raises(InputError, match="cannot read"):
        load(tmp_path / "none.json")


LAW = """
from pathlib import Path
from kinescribe.dynamics import Law, Parameter
Path(__file__).with_name("ran").touch()
class Mine(Law):
    name = "mine"
    pull = Parameter(5.0, (0, 100), "length/time^2", "downward")
    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.pull
"""


def test_source_in_the_file_runs_in_the_sandbox_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "mine.py"
    source.write_text(LAW)
    fit = fit_law(find_law(source), [Clip.from_states(bouncing_table()).first(15)])
    save(fit, tmp_path / "law.json")
    assert "class Mine(Law):" in (tmp_path / "law.json").read_text()
    (tmp_path / "ran").unlink()
    with pytest.raises(UsageError, match=r"mine.py may not run in the sandbox: line 2: import from pathlib.*--law-source mine.py"):
        load(tmp_path / "law.json")
    assert not (tmp_path / "ran").exists()
    same(fit, load(tmp_path / "law.json", trust=True))
    assert (tmp_path / "ran").exists()
    back = load(tmp_path / "law.json", source=source)
    same(fit, back)
    assert back.warnings == ()
    source.write_text(LAW + "# later\n")
    assert "mine.py has changed" in load(tmp_path / "law.json", source=source).warnings[0]


def test_a_law_of_a_program_must_be_handed_over(tmp_path: Path):
    class Local(Law):
        pull = Parameter(5.0, (0, 100), "length/time^2")

        def acceleration(self, t: Any, state: Any, parameters: Any, inputs: Any) -> Any:
            return 0.0, -parameters.pull

    fit = fit_law(Local(), [Clip.from_states(bouncing_table()).first(15)])
    save(fit, tmp_path / "law.json")
    with pytest.raises(UsageError, match="was made in a program"):
        load(tmp_path / "law.json")
    same(fit, load(tmp_path / "law.json", source=Local))
    with pytest.raises(InputError, match="has the parameters gravity, the saved one pull"):
        load(tmp_path / "law.json", source=FreeFall)


def test_laws_come_back_with_their_starts_bounds_and_rules(tmp_path: Path):
    rules = Affordances.of({"walls": [{"name": "shelf", "normal": [0, 1], "offset": 0.5}], "apart": [["red", "blue"]]})
    fall = FreeFall(gravity=Parameter(3.0, (1, 20), "length/time^2", "mine"))
    laws = [
        fall,
        fall + find_law("linear-drag").starting(drag=0.3) if "drag" in find_law("linear-drag").parameters else fall,
        Restricted(fall, ["red"]) + Restricted(find_law("rest"), ["blue"]),
        Constrained(find_law("free-fall + discs"), rules),
        find_law("free-fall + free-fall"),
    ]
    for law in laws:
        model = reference(law)
        back = Reviver(tmp_path / "x.json").law(type(model).model_validate(json.loads(to_text(model.model_dump()))))
        same(law, back)
        assert back.title == law.title
    back = Reviver(tmp_path / "x.json").law(reference(laws[3]))
    assert isinstance(back, Constrained)
    assert back.rules == rules


def test_a_law_on_objects_of_a_label_knows_them_when_it_comes_back(tmp_path: Path):
    clip = Clip.from_states(pair_table())
    names = tuple(f"puck {i + 1}" for i in range(len(clip.bodies)))
    clip = replace(clip, bodies=replace(clip.bodies, names=names, labels=("puck",) * len(names)))
    fit = fit_law(find_law("uniform-motion + discs").on("puck"), [clip])
    save(fit, tmp_path / "law.json")
    same(fit, load(tmp_path / "law.json"))


def test_a_rigid_world_keeps_its_settings():
    rigid = pytest.importorskip("kinescribe.dynamics.rigid").RigidWorld
    law = rigid(Affordances.of({"walls": [{"name": "floor", "normal": [0, 1], "offset": 0}]}), time_step=0.02, weigh="mass", threshold=1.0)
    model = reference(law)
    if model.kind == "object":
        pytest.skip("the law is not installed under a name")
    back = Reviver(Path("x.json")).law(model)
    same(law, back)
    assert (back.rules, back.time_step, back.weigh, back.iterations) == (law.rules, 0.02, "mass", law.iterations)


def test_an_interrupted_write_leaves_the_old_file(fit: Fit, saved: Path, monkeypatch: pytest.MonkeyPatch):
    before = saved.read_text()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(UsageError, match="No space left"):
        save(fit, saved)
    monkeypatch.undo()
    assert saved.read_text() == before
    assert [path.name for path in saved.parent.iterdir()] == ["law.json"]


def test_objects_of_the_pair_keep_their_names(tmp_path: Path):
    fit = pair_fit(pair_table())
    save(fit, tmp_path / "law.json")
    edit(tmp_path / "law.json", lambda data: data["parameters"]["red.mass"].update(value=1.0))
    back = load(tmp_path / "law.json")
    assert back.edited == ("red.mass",)
    assert back.values["mass"][0, 0] == 1.0
