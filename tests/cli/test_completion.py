"""What the shell is offered when the tab key is pressed, and how that is set up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kinescribe.cli import annotate_dataset, extract_states, main
from kinescribe.plugins import plugins


@pytest.fixture
def tab(monkeypatch, capsys):
    """What is offered at the end of a line, as bash asks for it."""

    def offered(*words: str, entry=main, program: str = "kinescribe") -> list[str]:
        monkeypatch.setenv("COMP_WORDS", " ".join((program, *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        monkeypatch.setenv(f"_{program}_COMPLETE".replace("-", "_").upper(), "complete_bash")
        capsys.readouterr()
        assert entry([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out.split()

    return offered


def names(kind: str) -> set[str]:
    return {plugin.name for plugin in plugins(kind)}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("extract", "--tracker", ""), "trackers"),
        (("extract", "--detector", ""), "detectors"),
        (("extract", "--concept-tracker", ""), "concept_trackers"),
        (("render", "a.csv", "--renderer", ""), "renderers"),
    ],
)
def test_names_of_plug_ins_are_offered(tab, words, kind):
    assert set(tab(*words)) == names(kind)


def test_more_than_plug_ins_may_do(tab):
    assert {"classical", "grounded-sam", "sam3", *names("detectors")} <= set(tab("extract", "--backend", ""))
    assert set(tab("annotate", "v", "--verifier", "")) == {*names("verifiers"), "none"}
    assert tab("fit", "a.csv", "--law", "pendu") == ["pendulum"]
    assert "auto" in tab("fit", "a.csv", "--law", "")
    assert tab("annotate", "v", "--format", "coco,yolo-") == ["coco,yolo-seg"]
    assert tab("list", "back") == ["backends"]
    assert tab("extract", "--log-level", "d") == ["debug"]


def test_commands_and_options_are_offered(tab):
    assert tab("extr") == ["extract"]
    assert tab("extract", "--strid") == ["--stride"]
    assert tab("weights", "pa") == ["path"]


@pytest.mark.parametrize(("entry", "program"), [(extract_states, "extract-states"), (annotate_dataset, "annotate-dataset")])
def test_the_short_commands_complete_as_well(tab, entry, program):
    assert tab("--tracker", "off", entry=entry, program=program) == ["offline"]


def test_files_are_left_to_the_shell(tab):
    assert tab("predict", "a.csv", "--law", "") == []  # a file there, no name of a law
    assert tab("fit", "a.csv", "--law", "./my_") == []


def test_completing_imports_nothing_heavy():
    script = (
        "import os, sys\n"
        "os.environ |= {'COMP_WORDS': 'kinescribe extract --backend ', 'COMP_CWORD': '3', '_KINESCRIBE_COMPLETE': 'complete_bash'}\n"
        "from kinescribe.cli import main\nassert main([]) == 0\n"
        "heavy = {'torch', 'scipy', 'httpx', 'matplotlib', 'av', 'cv2', 'pandas', 'supervision', 'transformers'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert "classical" in ran.stdout.split()
    assert ran.stderr == "[]\n"


def test_the_script_is_shown_and_set_up_for_the_shell_that_is_there(tmp_path, monkeypatch, capsys):
    import shellingham

    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("bash", "/bin/bash"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["--show-completion"]) == 0
    assert "_KINESCRIBE_COMPLETE=complete_bash" in capsys.readouterr().out
    assert extract_states(["--install-completion"]) == 0
    assert "_EXTRACT_STATES_COMPLETE=complete_bash" in (tmp_path / ".bash_completions" / "extract-states.sh").read_text()
    assert "extract-states.sh" in (tmp_path / ".bashrc").read_text()


def test_shells_that_nobody_knows_are_one_line(run, monkeypatch):
    import shellingham

    def fail():
        raise shellingham.ShellDetectionFailure

    monkeypatch.setattr(shellingham, "detect_shell", fail)
    ran = run("--install-completion")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--install-completion can't tell which shell this is" in ran.err
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("xonsh", "/bin/xonsh"))
    assert "knows bash, zsh, fish and PowerShell, not xonsh" in run("--show-completion").err
