"""Labels checked by a vision-language model: asked as often as needed, believed as far as it deserves."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError, pip_install
from kinescribe.perception.evidence import Evidence, Verdict
from kinescribe.perception.verification.asking import KINDS, name_slots, question_of_name
from kinescribe.perception.verification.beliefs import log_normalized, log_prior
from kinescribe.perception.verification.changes import chances, steps_in_look
from kinescribe.perception.verification.guessing import Answer, answer_of, guess_told
from kinescribe.perception.verification.inquiry import Inquiry, Slot, each_for_itself
from kinescribe.perception.verification.joint import assigned, grouped
from kinescribe.perception.verification.looks import NO_WORDS, log_likelihood, looks, relative_sizes
from kinescribe.perception.verification.merging import merged
from kinescribe.perception.verification.questions import FORMAT, LANGUAGE, Ask, read
from kinescribe.perception.verification.rules import RulesVerifier
from kinescribe.perception.verification.same import apart
from kinescribe.perception.verification.verdicts import verdict_of

if TYPE_CHECKING:
    from kinescribe.llm import Client, Settings
    from kinescribe.perception.verification.endpoint import EndpointAsk

__all__ = ["VlmVerifier"]

Float = NDArray[np.float64]

RULES_COUNT = 0.5  # power to which colours and shapes enter the prior: they are a hint, and light deceives
NO_ENDPOINT = (
    "no endpoint to ask: give --vlm-url and --vlm-model, or set KINESCRIBE_BASE_URL and KINESCRIBE_MODEL "
    "(any OpenAI-compatible one, such as http://localhost:11434/v1)"
)


class VlmVerifier:
    """Shows each track to a vision-language model in a few frames and asks which of the names it is.

    Asked again, about another frame, until the answers settle the name; how far they can be trusted is learned from how well they agree.
    Where the endpoint fails or the budget is spent, what is left goes by rules, and `warnings` says so.

    Attributes:
        name: the model's.
        warnings: of the last `verify`.
        provenance: model and endpoint; after `verify` also what was asked, and calls, tokens and cost (with prices in the settings) of all
            that the client was used for.
        questions: asked in the last `verify`.
    """

    drops = True

    def __init__(
        self,
        *,
        settings: Client | Settings | None = None,
        ask: Ask | None = None,
        budget: int | None = None,
        most: int = 12,
        seed: int = 0,
        workers: int = 4,
    ) -> None:
        """Nothing is asked yet.

        Args:
            settings: endpoint and model, from the environment if not given; or a client that others ask through too, whose caps then hold
                for all of them together.
            ask: who answers, in place of an endpoint; asked one question at a time.
            budget: questions in all, besides the caps of the settings.
            most: questions about one track.
            seed: of the order in which names are offered.
            workers: questions that are under way at the same time.

        Raises:
            UsageError: no endpoint is named; a budget or number of questions that makes no sense.
        """
        if most < 1 or workers < 1 or (budget is not None and budget < 0):
            raise UsageError(f"most = {most}, workers = {workers}, budget = {budget}: give 1 or more, 1 or more, 0 or more")
        self.warnings: list[str] = []
        self.provenance: dict[str, str] = {}
        self.name, self.questions = "vlm", 0
        self._budget, self._most, self._seed = budget, most, seed
        self._workers = 1 if ask is not None else workers
        self._endpoint: EndpointAsk | None = None
        if ask is not None:
            self._ask = ask
            return
        from kinescribe.llm import Settings as Endpoint
        from kinescribe.perception.verification.endpoint import EndpointAsk

        settings = settings or Endpoint.from_environment()
        if settings is None:
            raise UsageError(NO_ENDPOINT)
        self._ask = self._endpoint = EndpointAsk(settings)
        endpoint = self._endpoint.client.settings
        self.name = endpoint.model
        self.provenance = {"name": endpoint.model, "endpoint": endpoint.host}

    @classmethod
    def missing(cls, weights: str | None = None, settings: Client | Settings | None = None) -> str | None:
        """What is missing to run it, in one line, None if nothing: the package that speaks to endpoints, or an endpoint to speak to."""
        if find_spec("httpx") is None:
            return f"httpx is not installed; {pip_install('llm')}"
        from kinescribe.llm import Settings as Endpoint

        try:
            return None if settings or Endpoint.from_environment() else NO_ENDPOINT
        except UsageError as error:
            return str(error)

    def verify(self, evidence: Sequence[Evidence], *, unique: bool = False) -> list[Verdict]:
        """One verdict for each track, in the same order. `unique`: no two things bear the same label."""
        self.warnings, self.questions = [], 0
        if self._endpoint is not None:
            self._endpoint.forget()
        if not evidence:
            return []
        priors = _priors(evidence)
        distinct = apart(evidence) if unique else None
        steps = [steps_in_look(item) for item in evidence]

        def settle(posterior: Float) -> tuple[NDArray[np.intp], Float]:
            return each_for_itself(posterior) if distinct is None else assigned(posterior, grouped(posterior, distinct))

        inquiry = Inquiry(
            priors,
            [name_slots(item.views) for item in evidence],
            len(KINDS),
            self._most,
            settle,
            lambda track, frames: chances(evidence[track], steps[track], frames),
        )

        answers: list[Answer] = []  # may be filled by several threads

        def ask(track: int, slot: Slot, number: int) -> int:
            item = evidence[track]
            question = question_of_name(item, slot, number, self._seed)
            given = answer_of(track, question, item.candidates, read(question, self._ask(question)))
            answers.append(given)
            return int(priors.shape[1]) - 1 if given.named == given.names else given.named

        inquiry.run(ask, self._budget, self._workers)
        by_rules = RulesVerifier().verify(evidence, unique=unique)
        standing = inquiry.standing()
        guess = guess_told(answers)
        verdicts = [verdict_of(item, k, inquiry, standing, by_rules[k], guess, joint=unique) for k, item in enumerate(evidence)]
        same = [] if distinct is None or guess else [group for group in grouped(standing.posterior, distinct) if len(group) > 1]
        left = None if self._budget is None else max(self._budget - inquiry.count, 0)
        verdicts, asked, stopped = merged(
            evidence, verdicts, same, None if inquiry.stopped or unique or guess else self._ask, left, self._workers, self._seed
        )
        self.questions = inquiry.count + asked
        self._note(len(evidence))
        self._warn(inquiry.stopped or stopped, guess, verdicts)
        if self._endpoint is not None:
            self._endpoint.client.close()  # it stays usable
        return verdicts

    def _note(self, tracks: int) -> None:
        """What a result should say of how its labels were verified."""
        if self._endpoint is None:
            return
        client = self._endpoint.client
        used, prices = client.usage, (client.settings.price_in, client.settings.price_out)
        self.provenance |= {
            "questions": f"{self.questions} about {tracks} tracks",
            "language": LANGUAGE,
            "format": FORMAT,
            "calls": f"{used.calls}, and {used.cached_calls} from the cache",
            "tokens": f"{'about ' if used.estimated else ''}{used.tokens}",
            **({} if None in prices else {"cost": f"{used.cost:.6g}"}),
        }

    def _warn(self, stopped: str | None, guess: str | None, verdicts: list[Verdict]) -> None:
        lost = self._endpoint is not None and self._endpoint.lost
        if guess is not None and stopped is None and not lost:  # else that is told, and comes to the same
            self.warnings.append(
                f"{self.name} seems to guess ({guess}): what it was asked about is unsure; ask another model, or --verifier rules"
            )
        if stopped is not None:
            open_tracks = sum(verdict.verdict == "unsure" for verdict in verdicts)
            self.warnings.append(
                f"{self.name} did not verify all labels: {stopped}; the rest went by rules, {open_tracks} of {len(verdicts)} are unsure"
            )
        if self._endpoint is not None:
            self.warnings += self._endpoint.client.warnings
            if self._endpoint.lost and stopped is None:  # else that is why it stopped
                self.warnings.append(self._endpoint.lost_told())


def _priors(evidence: Sequence[Evidence]) -> Float:
    """(N, H), log: what the detector says, and to a part what colours, shapes and sizes say; −inf where a track has fewer candidates."""
    width = max(len(item.candidates) for item in evidence)
    out = np.full((len(evidence), width + 1), -np.inf)
    for k, (item, size) in enumerate(zip(evidence, relative_sizes(evidence), strict=True)):
        hints = np.append(log_likelihood(looks(item, float(size))), np.log(NO_WORDS))
        values = log_normalized(log_prior(item.label, item.candidates, item.votes) + RULES_COUNT * hints)
        out[k, : len(item.candidates)], out[k, -1] = values[:-1], values[-1]
    return out
