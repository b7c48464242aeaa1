import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.llm.extraction import NotJsonError, candidates, fenced_blocks, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=4)
PROSE = st.text(st.characters(exclude_characters="{}[]`~", exclude_categories=["Cs"]), max_size=60)


@given(
    OBJECTS,
    st.sampled_from(["```json\n{}\n```", "```\n{}\n```", "~~~\n{}\n~~~", "````JSON\n{}\n````", "{}", "  ```json\n  {}\n  ```"]),
    PROSE,
    PROSE,
)
def test_what_stands_in_a_block_between_prose_is_found(value: dict, block: str, before: str, after: str):
    text = f"{before}\n{block.replace('{}', json.dumps(value, indent=1))}\n{after}"
    assert next(candidates(text)) == value


@given(OBJECTS, PROSE, PROSE)
def test_an_object_within_a_sentence_is_found(value: dict, before: str, after: str):
    assert value in list(candidates(f"{before} {json.dumps(value)} {after}"))


@given(st.text(max_size=400))
def test_any_text_gives_json_values_or_nothing(text: str):
    for value in candidates(text):
        assert json.loads(json.dumps(value, allow_nan=False)) == value


@given(st.text(st.sampled_from('`~{}[]":,\n ab01e-\\'), max_size=300))
def test_texts_near_to_json_do_no_harm(text: str):
    for value in candidates(text):
        assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert len(fenced_blocks(text)) <= text.count("\n") + 1


def test_the_last_block_comes_first():
    text = 'First I thought\n```json\n{"a": 1}\n```\nbut then\n```json\n{"a": 2}\n```\nSo it is.'
    assert list(candidates(text))[:2] == [{"a": 2}, {"a": 1}]


def test_thoughts_are_left_out():
    assert list(candidates('<think>maybe {"a": 1}?</think>\n{"a": 2}')) == [{"a": 2}, {"a": 2}]


def test_a_block_without_its_end_is_read():
    assert next(candidates('Here:\n```json\n{"a": [1, 2]}')) == {"a": [1, 2]}


def test_a_shorter_fence_inside_does_not_close_a_block():
    assert fenced_blocks("````\n```\nx\n```\n````\n") == ["```\nx\n```\n"]


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        '{"a": Infinity}',
        '{"a": 1, "a": 2}',
        "",
        "{'a': 1}",
        '{"a": 1,}',
        "[" * 100_000,
        "1" * 10_000,
        "1e999",
        '{"a": -1e999}',
        "[" + "1" * 400 + "]",
    ],
)
def test_what_is_no_json_is_refused(text: str):
    with pytest.raises(NotJsonError):
        parse(text)


@pytest.mark.parametrize(
    "text", ["{" * 300_000, '{"a":' * 60_000, "```x\n" * 60_000, "[" * 300_000, "`" * 300_000, '{"' + "\\" * 300_000, "</think>" * 40_000]
)
def test_hostile_texts_end_soon(text: str):
    assert list(candidates(text)) == []  # a quadratic search would take minutes
