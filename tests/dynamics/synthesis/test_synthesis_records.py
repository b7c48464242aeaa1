"""A run is kept in one file, runs again from it byte for byte, and reads as one page; neither trusts what stands in it."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import magnet
import pytest
from magnet import DRAG, TRUTH, WRONG_SIGN, Played, fenced

from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.sandbox import isolation
from kinescribe.dynamics.saving import save
from kinescribe.dynamics.synthesis import Judge, synthesize
from kinescribe.dynamics.synthesis.page import write_page
from kinescribe.dynamics.synthesis.records import read_record, write_record
from kinescribe.errors import InputError
from kinescribe.llm import AnswerError, EndpointError

pytestmark = pytest.mark.skipif(
    isolation().level == "none", reason="programs of a model run in the sandbox alone, and this system has none"
)
EVIL = "<script>alert(1)</script>{{ 7 * 7 }}</pre>"
SHEET = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.fixture(scope="module")
def made():
    """A clip, the library's law, and a run with a repair, a rejection, a twin and a fault."""
    clip = magnet.clip()
    library = fit_law(find_law("free-fall"), [clip])
    model = Played(
        f"{EVIL}\n" + fenced(WRONG_SIGN, DRAG, DRAG),
        fenced("class A(Law):\n    __x = 1\n"),
        AnswerError("nothing but spaces"),
        fenced(TRUTH),
    )
    run = synthesize([clip], model, library=library, judge=Judge([clip], seconds=20.0), task=EVIL, sheet=SHEET)
    return clip, library, run


def test_a_run_repeats_byte_for_byte_from_its_record(made, tmp_path):
    clip, library, run = made
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    write_record(run, first, [clip], sheet=SHEET)
    kept = read_record(first)
    kept.check([clip])
    again = synthesize(
        [clip], kept.replayer(), library=library, max_calls=kept.max_calls, strategy=kept.strategy, seed=kept.seed, task=kept.task,
        sheet=kept.sheet, always=kept.always, fixed=kept.fixed,
    )  # fmt: skip
    write_record(again, second, [clip], sheet=kept.sheet)
    assert second.read_bytes() == first.read_bytes()
    for number, one in enumerate((run, again)):
        save(one.fit, tmp_path / f"law{number}.json", clips=[clip])
        write_page(one, tmp_path / f"page{number}.html", sheet=SHEET)
    assert (tmp_path / "law0.json").read_bytes() == (tmp_path / "law1.json").read_bytes()
    assert (tmp_path / "page0.html").read_bytes() == (tmp_path / "page1.html").read_bytes()


def test_the_record_tells_all_of_it(made, tmp_path):
    clip, _, run = made
    write_record(run, tmp_path / "run.json", [clip])
    kept = json.loads((tmp_path / "run.json").read_text())
    assert kept["outcome"]["program"] == run.winner.number
    assert [one["same_as"] for one in kept["programs"]][:3] == [None, None, 2]
    assert len(kept["exchanges"]) == len(kept["questions"]) == run.calls
    rejected = [one for one in kept["programs"] if one["rejected"]]
    assert rejected
    assert kept["outcome"]["prompt_tokens"] == 100 * run.calls
    assert "\n".join(kept["programs"][run.winner.number - 1]["source"]) + "\n" == TRUTH


def test_another_table_is_refused(made, tmp_path):
    clip, _, run = made
    write_record(run, tmp_path / "run.json", [clip])
    kept = read_record(tmp_path / "run.json")
    with pytest.raises(InputError, match="other numbers"):
        kept.check([magnet.clip(seed=1)])
    with pytest.raises(InputError, match="other numbers"):
        kept.check([clip, clip])


def test_a_record_that_ends_too_early_says_so(made, tmp_path):
    clip, library, run = made
    write_record(run, tmp_path / "run.json", [clip])
    kept = json.loads((tmp_path / "run.json").read_text())
    del kept["exchanges"][-1]
    (tmp_path / "run.json").write_text(json.dumps(kept))
    with pytest.raises(InputError, match="another question comes up"):
        synthesize([clip], read_record(tmp_path / "run.json").replayer(), library=library, judge=Judge([clip], seconds=20.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "x"), ("model", 3), ("strategy", "greedy"), ("seed", -1), ("seed", True), ("max_calls", 10**9), ("always", 1),
        ("exchanges", {}), ("exchanges", [1]), ("exchanges", [{"question": [{"role": "user", "text": 5}]}]), ("clips", [3]),
        ("fixed", {"a": "b"}), ("sheet", "http://tracker.example/x.png"), ("task", None),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused_in_one_line(made, tmp_path, name, value):
    clip, _, run = made
    path = tmp_path / "run.json"
    write_record(run, path, [clip])
    kept = json.loads(path.read_text())
    kept[name] = value
    path.write_text(json.dumps(kept))
    with pytest.raises(InputError) as caught:
        read_record(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\x00", '"kinescribe synthesis 1"'])
def test_what_is_no_json_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match="no record of a run"):
        read_record(tmp_path / "run.json")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json"):
        read_record(tmp_path / "none.json")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_and_shows_what_a_model_wrote_as_text(made, tmp_path):
    _, _, run = made
    write_page(run, tmp_path / "run.html", sheet=SHEET)
    text = (tmp_path / "run.html").read_text()
    tags = _Tags()
    tags.feed(text)
    assert tags.open == []
    assert not any(tag == "script" for tag, _ in tags.seen)
    assert all(attributes.get("src", "data:").startswith("data:") for _, attributes in tags.seen)
    words = "".join(tags.words)
    assert EVIL in words
    assert TRUTH.strip() in words
    assert "mended 1 time" in words
    assert "the same as program 2" in words
    assert "nothing but spaces" in words


def test_a_page_of_a_run_without_questions(made, tmp_path):
    clip, _, run = made
    quiet = synthesize([clip], Played(""), library=run.fit)
    write_page(quiet, tmp_path / "run.html")
    assert "Nothing was asked." in (tmp_path / "run.html").read_text()


def test_an_endpoint_that_fails_is_kept_as_a_fault(made, tmp_path):
    clip, library, _ = made
    run = synthesize([clip], Played(EndpointError("down")), library=library)
    write_record(run, tmp_path / "run.json", [clip])
    kept = read_record(tmp_path / "run.json")
    again = synthesize([clip], kept.replayer(), library=library)
    assert again.partial == run.partial
