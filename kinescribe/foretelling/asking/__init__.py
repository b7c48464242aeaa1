"""Questions in words: a model turns them into changes of the law, which are checked; the answer is computed here."""

from kinescribe.foretelling.asking.answer import Answer
from kinescribe.foretelling.asking.ask import ask
from kinescribe.foretelling.asking.inquiry import Inquiry, Wanted

__all__ = ["Answer", "Inquiry", "Wanted", "ask"]
