"""A question in words to changes of a law, by a model whose reply is checked, and mended once."""

from __future__ import annotations

from collections.abc import Sequence

from kinescribe.dynamics.prediction import Predictor
from kinescribe.dynamics.prediction.intervention import wall_names
from kinescribe.errors import NothingFoundError
from kinescribe.foretelling.asking.facts import LONGEST_NAME, components, facts_of
from kinescribe.foretelling.asking.inquiry import Inquiry
from kinescribe.foretelling.asking.prompt import REASONS, SCHEMA, messages_of, repair
from kinescribe.foretelling.asking.reading import Fault, Reader
from kinescribe.llm import AnswerError, Model
from kinescribe.llm.text import one_line
from kinescribe.states import States

__all__ = ["translate"]

LISTED = 16  # names in a message
SHOWN = 300  # characters of a fault


def translate(
    model: Model, predictor: Predictor, table: States, question: str, *, seen_until: float, video_ends: float, until: float
) -> tuple[Inquiry, int]:
    """The question as changes, and how often the model was asked.

    Args:
        predictor: of the table. seen_until, video_ends, until: end of what was seen, of the video, and of the prediction by default,
            seconds.

    Raises:
        NothingFoundError: the law can't answer it, as the model says; the line is ours.
        AnswerError: a reply that can't be used, also after being told why.
    """
    facts = facts_of(predictor, table, seen_until=seen_until, video_ends=video_ends, until=until)
    reader = Reader(predictor, seen_until=seen_until, until=until)
    messages = messages_of(facts, question)
    said = ""
    for questions in (1, 2):
        reply = model.ask(messages, schema=SCHEMA)
        if not reply.data["answerable"]:
            raise NothingFoundError(_refusal(predictor, reply.data["reason"]))
        try:
            return reader.read(reply.data), questions
        except Fault as fault:
            said = str(fault)
            messages = [*messages, *repair(reply.text, said)]
    raise AnswerError(
        f"{one_line(model.model)} asks for what can't be done, also when told so: {one_line(said, SHOWN)}; "
        "put the question in other words, or write the change yourself with predict-video --do"
    )


def _refusal(predictor: Predictor, reason: str) -> str:
    """Why there is no answer, and what can be changed; nothing of it is the model's."""
    start = predictor.start
    bodies = start.clip.bodies
    why = REASONS.get(reason, "no change of the law says that")
    values = _listed([slot.name for slot in start.slots.all])
    states = f"{', '.join(components(predictor))} of {_listed(bodies.names)}"
    removable = [*wall_names(start), *(bodies.names if len(bodies) > 1 and start.fit.law.objects is None else ())]
    taken = f"; what can be taken away: {_listed(removable)}" if removable else ""
    title = one_line(start.fit.law.title)
    return f"this can't be answered with {title}: {why}; what can be changed: {values}{'; ' if values else ''}{states}{taken}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(one_line(name, LONGEST_NAME) for name in names[:LISTED]) + more
