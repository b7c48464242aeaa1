"""A run is kept in one file, runs again from it byte for byte, and reads as one page; neither trusts what stands in it."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import magnet
import pytest
from magnet import DRAG, TRUTH, WRONG_SIGN, Played, fenced

from kinescribe.dynamics import Impact
from kinescribe.dynamics.affordances import Affordances
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.sandbox import isolation
from kinescribe.dynamics.saving import save
from kinescribe.dynamics.synthesis import Judge, synthesize
from kinescribe.dynamics.synthesis.page import write_page
from kinescribe.dynamics.synthesis.records import Keeper, Recorded, fingerprint, read_record, unfinished, write_record
from kinescribe.errors import InputError, UsageError
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
        ("fixed", {"a": "b"}), ("sheet", "http://tracker.example/x.png"), ("task", None), ("strategy", ["rex"]), ("fixed", {"a": 10**400}),
        ("against", "evil.py"), ("against", "evil.py:Law"), ("against", "./evil.py + free-fall"), ("against", " evil.py "),
        ("against", "law.json"), ("rules", {"static": 3}), ("rules", []), ("sheet", 'data:image/png;base64,"><b>'), ("outcome", "won"),
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


def test_strange_letters_and_long_errors_repeat_too(made, tmp_path):
    clip, library, _ = made
    said = "x " * 500
    run = synthesize([clip], Played("half a pair: \ud800", AnswerError(said), "y" * 2_100_000), library=library, max_calls=3)
    write_record(run, tmp_path / "run.json", [clip])
    write_page(run, tmp_path / "run.html")
    kept = read_record(tmp_path / "run.json")
    assert kept.exchanges[0].reply == "half a pair: \ud800"
    again = synthesize([clip], kept.replayer(), library=library, max_calls=3)
    write_record(again, tmp_path / "again.json", [clip])
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "run.json").read_bytes()


def keeper_of(clip, path, exchanges=()):
    return Keeper(unfinished(path), Recorded(tuple(exchanges), "played", "rex", 0, 3, "", False, "free-fall", {}, None, ()), [clip])


def test_a_run_that_is_broken_off_goes_on_from_its_answers(made, tmp_path):
    clip, library, _ = made
    answers = (fenced(WRONG_SIGN), "nothing", fenced(DRAG))
    keeper = keeper_of(clip, tmp_path / "run.json")
    with pytest.raises(KeyboardInterrupt):
        synthesize([clip], Played(*answers[:2], KeyboardInterrupt()), library=library, max_calls=3, keep=keeper)
    left = read_record(unfinished(tmp_path / "run.json"))
    left.check([clip])
    assert left.broken_off
    assert [one.reply for one in left.exchanges] == list(answers[:2])

    alone = synthesize([clip], left.replayer(), library=library, max_calls=3)
    assert "broken off" in alone.partial
    assert alone.calls == 3

    rest = Played(answers[2])
    whole = synthesize([clip], left.replayer(rest), library=library, max_calls=3)
    assert len(rest.asked) == 1
    write_record(whole, tmp_path / "whole.json", [clip])
    straight = synthesize([clip], Played(*answers), library=library, max_calls=3)
    write_record(straight, tmp_path / "straight.json", [clip])
    assert (tmp_path / "whole.json").read_bytes() == (tmp_path / "straight.json").read_bytes()
    with pytest.raises(UsageError, match="went to its end"):
        read_record(tmp_path / "whole.json").replayer(rest)


def test_going_on_never_shortens_what_is_kept(made, tmp_path):
    clip, _, run = made
    keeper = keeper_of(clip, tmp_path / "run.json", run.exchanges[:2])
    keeper(run.exchanges[:2])
    assert not keeper.path.exists()
    keeper(run.exchanges[:3])
    assert len(read_record(keeper.path).exchanges) == 3
    keeper.done()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_ends_no_run(made, tmp_path):
    clip, library, _ = made
    keeper = keeper_of(clip, tmp_path / "missing" / "run.json")
    run = synthesize([clip], Played("x"), library=library, max_calls=2, keep=keeper)
    assert run.calls == 2
    assert len(keeper.warnings) == 1


def test_rules_are_kept_and_contacts_and_sizes_tell_clips_apart(made, tmp_path):
    clip, _, run = made
    rules = Affordances.of({"dynamic": ["ball"]})
    write_record(run, tmp_path / "run.json", [clip], rules=rules)
    assert read_record(tmp_path / "run.json").rules == rules
    others = [replace(clip, impacts=(Impact(0.5, (0,)),)), replace(clip, bodies=replace(clip.bodies, width=2.0 * clip.bodies.width))]
    assert len({fingerprint(one) for one in (clip, *others)}) == 3
