"""A law is found by object, by class, by name, by sum and by file, and what is wrong with it is said in one line."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from kinescribe.dynamics import Law, Parameter
from kinescribe.dynamics.composition import Sum
from kinescribe.dynamics.finding import find_law
from kinescribe.errors import InputError, KinescribeError, UsageError

FALL = """
from kinescribe.dynamics import Law, Parameter

class Fall(Law):
    gravity = Parameter(9.8, (0, 100), "length/time^2")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity
"""
DRAG = """
class Drag(Law):
    drag = Parameter(0.1, (0, 9), "1/time")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.drag * state.vx, -parameters.drag * state.vy
"""


class Lift(Law):
    name = "lift"
    lift = Parameter(1.0)

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, parameters.lift


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Entry points of the group of laws, name to target; filled by the test."""
    targets: dict[str, str] = {}
    original = importlib.metadata.entry_points

    def entry_points(**selected: str):
        if selected.get("group") != "kinescribe.laws":
            return original(**selected)
        return [importlib.metadata.EntryPoint(name, target, "kinescribe.laws") for name, target in targets.items()]

    monkeypatch.setattr("kinescribe.plugins.entry_points", entry_points)
    monkeypatch.setitem(sys.modules, "laws_of_a_test", sys.modules[__name__])
    targets.update({"lift": "laws_of_a_test:Lift", "made": "laws_of_a_test:make_lift", "number": "laws_of_a_test:NUMBER"})
    return targets


NUMBER = 3


def make_lift() -> Law:
    return Lift(lift=2.0)


def written(folder: Path, text: str, name: str = "my_law.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def message(spec: object, kind: type[KinescribeError]) -> str:
    with pytest.raises(kind) as caught:
        find_law(spec)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_objects_classes_and_factories():
    law = Lift()
    assert find_law(law) is law
    assert isinstance(find_law(Lift), Lift)
    assert find_law(make_lift).parameters["lift"].start == 2.0


def test_installed_names_and_sums(offered: dict[str, str]):
    assert isinstance(find_law("lift"), Lift)
    assert find_law("made").parameters["lift"].start == 2.0
    both = find_law("lift + made")
    assert isinstance(both, Sum)
    assert list(both.parameters) == ["lift.lift", "lift 2.lift"]


def test_unknown_name_gives_the_nearest(offered: dict[str, str]):
    assert "did you mean 'lift'" in message("lfit", UsageError)
    assert "did you mean 'lift'" in message("lift + lfit", UsageError)
    assert "lacks a name" in message("lift + ", UsageError)
    assert "lacks a name" in message("", UsageError)


def test_unknown_name_of_a_file_that_is_there(offered: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, FALL)
    assert "my_law.py: name it with its ending" in message("my_law", UsageError)


def test_what_is_no_law_is_refused(offered: dict[str, str]):
    assert "law 3 is an int" in message(3, UsageError)
    assert "law number is an int" in message("number", UsageError)
    assert "makes a dict" in message(dict, UsageError)


def test_file_with_one_law(tmp_path: Path):
    path = written(tmp_path, FALL)
    for spec in (path, str(path), f"{path}:Fall"):
        law = find_law(spec)
        assert (law.title, law.parameters["gravity"].start) == ("Fall", 9.8)
    assert not [name for name in sys.modules if name == "my_law"]


def test_edited_file_is_read_again(tmp_path: Path):
    find_law(written(tmp_path, FALL))
    assert find_law(written(tmp_path, FALL.replace("9.8", "1.6"))).parameters["gravity"].start == 1.6


def test_file_in_a_sum_and_with_a_plus_sign_in_its_path(offered: dict[str, str], tmp_path: Path):
    path = written(tmp_path, FALL, "a+b.py")
    assert find_law(str(path)).title == "Fall"
    plain = written(tmp_path, FALL)
    assert find_law(f"{plain} + lift").title == "Fall + lift"


def test_file_with_several_laws(tmp_path: Path):
    path = written(tmp_path, FALL + DRAG)
    said = message(path, UsageError)
    assert "Fall, Drag" in said
    assert f"{path}:Fall" in said
    assert find_law(f"{path}:Drag").title == "Drag"
    assert "did you mean 'Drag'" in message(f"{path}:Drga", UsageError)


def test_bases_helpers_and_imported_laws_do_not_count(tmp_path: Path):
    base = "class Base(Law):\n    pass\n"
    hidden = DRAG.replace("class Drag", "class _Drag")
    head = "from kinescribe.dynamics import Law, Parameter\n"
    imported = "from kinescribe.dynamics.composition import Sum, Restricted\n"
    path = written(tmp_path, head + imported + base + hidden + FALL.replace("(Law)", "(Base)"))
    assert find_law(path).title == "Fall"


def test_file_that_makes_one_law_of_others(tmp_path: Path):
    text = "from kinescribe.dynamics import Law, Parameter\n" + DRAG.replace("Drag(", "_Drag(") + "law = _Drag(drag=2.0)\n"
    assert find_law(written(tmp_path, text)).parameters["drag"].start == 2.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef f(:\n", "line 2"),
        ("import math\nimport no_such_module_at_all\n", "line 2: ModuleNotFoundError"),
        ("\n\nraise ValueError('two\\nlines')\n", "line 3: ValueError: two lines"),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit"),
        ("from kinescribe.dynamics import Law\n", "holds no law"),
        ("", "holds no law"),
        ("from kinescribe.dynamics import Parameter\np = Parameter(3, (9, 1))\n", "line 2: UsageError: bounds (9, 1)"),
    ],
)
def test_file_that_is_wrong(tmp_path: Path, text: str, said: str):
    path = written(tmp_path, text)
    told = message(path, InputError)
    assert said in told
    assert str(path) in told


def test_file_that_fails_leaves_no_half_made_module(tmp_path: Path):
    path = written(tmp_path, "raise ValueError")
    message(path, InputError)
    assert not [module for module in sys.modules.values() if getattr(module, "__file__", None) == str(path)]


def test_file_that_is_missing_or_no_text(tmp_path: Path):
    assert "No such file" in message(tmp_path / "none.py", InputError)
    (tmp_path / "folder.py").mkdir()
    assert "directory" in message(str(tmp_path / "folder.py"), InputError)
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00 = 1")
    message(tmp_path / "bytes.py", InputError)


def test_constructor_that_raises_or_forgets_its_base(tmp_path: Path):
    lacking = FALL + "\n    def __init__(self, size):\n        super().__init__()\n"
    assert "TypeError" in message(written(tmp_path, lacking), UsageError)
    forgetful = FALL + "\n    def __init__(self):\n        self.size = 3\n"
    assert "super().__init__()" in message(written(tmp_path, forgetful), UsageError)
    without = "from kinescribe.dynamics import Law\n\nclass Empty(Law):\n    pass\n"
    assert "must define one of" in message(written(tmp_path, without), UsageError)


def test_an_unknown_name_speaks_of_no_file_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        find_law("qqq")
    assert "file" not in str(caught.value)
    (tmp_path / "qqq.py").write_text("")
    with pytest.raises(UsageError, match=r"there is the file qqq\.py"):
        find_law("qqq")


def test_a_law_that_ends_the_program_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "quits.py"
    path.write_text(
        "import sys\nfrom kinescribe.dynamics import Law\n\n\nclass Quits(Law):\n    def __init__(self):\n        sys.exit(3)\n"
        "\n    def acceleration(self, t, state, parameters, inputs):\n        return 0.0, 0.0\n",
        encoding="utf-8",
    )
    said = message(path, UsageError)
    assert "quits.py:7: SystemExit: 3" in said
