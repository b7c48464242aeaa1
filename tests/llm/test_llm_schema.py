import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from kinescribe.errors import UsageError
from kinescribe.llm.forms import Form, MisfitError
from kinescribe.llm.schema import check_schema, is_strict, name_of, problems

ANSWER = {
    "title": "label check",
    "type": "object",
    "properties": {
        "answer": {"type": "string", "enum": ["right", "wrong"]},
        "sure": {"type": "number", "minimum": 0, "maximum": 1},
        "frames": {"type": "array", "items": {"type": "integer", "minimum": 0}, "maxItems": 3, "uniqueItems": True},
        "note": {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 5}, {"type": "null"}]},
    },
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"answer": "right"}, None),
        ({"answer": "right", "sure": 1, "frames": [0, 2], "note": None}, None),
        ({"answer": "right", "frames": [2.0]}, None),
        ([], "the answer is [], not of type object"),
        ({}, "the answer lacks 'answer'"),
        ({"answer": "Right"}, 'answer is "Right", not one of ["right", "wrong"]'),
        ({"answer": True}, "answer is true, not of type string"),
        ({"answer": "right", "sure": 1.5}, "sure is 1.5, more than 1"),
        ({"answer": "right", "sure": True}, "sure is true, not of type number"),
        ({"answer": "right", "frames": [0, 1, 2, 3]}, "frames has 4 items, more than 3"),
        ({"answer": "right", "frames": [1, 1]}, "frames has an item twice"),
        ({"answer": "right", "frames": [0, -1]}, "frames[1] is -1, less than 0"),
        ({"answer": "right", "frames": [0.5]}, "frames[0] is 0.5, not of type integer"),
        ({"answer": "right", "note": ""}, 'note is "", which fits none of the alternatives'),
        ({"answer": "right", "note": "longer"}, "fits none"),
        ({"answer": "right", "do": "evil"}, "the answer has 'do', which isn't asked for"),
    ],
)
def test_what_is_wrong_is_said(value: object, says: str | None):
    found = list(problems(value, ANSWER))
    assert found == [] if says is None else says in "; ".join(found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda x: st.lists(x) | st.dictionaries(st.text(max_size=6), x),
    )
)
def test_any_value_is_judged(value: object):
    for line in problems(value, ANSWER):
        assert len(line.splitlines()) == 1


@pytest.mark.parametrize("number", [10**400, -(10**400), float("inf")])
def test_numbers_beyond_all_bounds_are_judged(number: float):
    (line,) = problems({"answer": "right", "sure": number}, ANSWER)
    assert len(line) < 120


def test_true_is_not_one():
    assert list(problems(True, {"enum": [1]}))
    assert not list(problems(1, {"enum": [1]}))
    assert list(problems(0, {"const": False}))


@pytest.mark.parametrize(
    "schema",
    [{"type": "string", "pattern": "a"}, {"properties": {"x": {"oneOf": []}}}, {"items": {"type": "text"}}, {"anyOf": [{"$ref": "x"}]}],
)
def test_rules_that_would_be_passed_over_are_refused(schema: dict):
    with pytest.raises(UsageError):
        check_schema(schema)


def test_strictness():
    every = {**ANSWER, "required": list(ANSWER["properties"])}
    assert is_strict(every)
    assert not is_strict(ANSWER)
    assert not is_strict({**every, "additionalProperties": True})
    assert not is_strict({**every, "properties": {**ANSWER["properties"], "answer": {"type": "object"}}})


def test_names():
    assert name_of(ANSWER) == "label_check"
    assert name_of({}) == name_of({"title": "ラベル"}) == "answer"


class Model(BaseModel):
    answer: str = Field(max_length=5)
    count: int


def test_a_pydantic_model_checks_and_is_returned():
    form = Form.of(Model)
    assert form.read('{"answer": "a", "count": 2}') == Model(answer="a", count=2)
    with pytest.raises(MisfitError, match=r"answer: .*at most 5") as caught:
        form.read('{"answer": "abcdef", "count": 2}')
    assert caught.value.found_json
    assert "abcdef" not in str(caught.value)


def test_the_value_that_fits_is_taken():
    form = Form.of(ANSWER)
    assert form.read('The form {"answer": "…"} is clear.\n{"answer": "wrong"}') == {"answer": "wrong"}
    with pytest.raises(MisfitError, match="no valid JSON") as caught:
        form.read("it is right")
    assert not caught.value.found_json
    with pytest.raises(MisfitError, match="it is empty"):
        form.read(" ")
