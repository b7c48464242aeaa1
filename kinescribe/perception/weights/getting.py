"""What to tell a user whose weights are missing: the command, the size, the licence, and where to put them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from kinescribe.errors import InputError
from kinescribe.perception.weights.catalogue import Model
from kinescribe.perception.weights.places import weights_folder

__all__ = ["MissingWeightsError", "command", "gate", "how_to_get", "size_text", "target"]

HUB = "https://huggingface.co/"
PATTERNS = " ".join(f'--include "{pattern}"' for pattern in ("*.json", "*.txt", "*.safetensors"))
# without the patterns, most models would be fetched twice: as safetensors and as pickles


class MissingWeightsError(InputError):
    """Weights that aren't on this computer; says how to get them."""


def size_text(size_bytes: int) -> str:
    """A size in MB or GB (powers of ten, as the hub shows them)."""
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def target(model: Model) -> Path:
    """Where the commands below put a model, and where it is looked for."""
    return weights_folder() / (model.files[0] if model.is_file else model.name)


def command(model: Model) -> str:
    """The line for a shell that fetches a model."""
    if model.url is not None:
        return f"curl -L --create-dirs -o {_quoted(target(model))} {model.url}"
    return f"hf download {model.repo} {PATTERNS} --local-dir {_quoted(target(model))}"


def command_for_repo(repo: str) -> str:
    """The same for a hub model that isn't in the catalogue."""
    return f"hf download {repo} {PATTERNS} --local-dir {_quoted(weights_folder() / repo)}"


def _quoted(path: Path) -> str:
    return f'"{path}"' if sys.platform == "win32" else shlex.quote(str(path))


def gate(model: Model) -> str:
    """What has to be done before the download, empty for nothing."""
    return f"gated: accept the licence at {HUB}{model.repo} and run `hf auth login` first" if model.gated else ""


def how_to_get(model: Model) -> str:
    """Size, licence, what comes first, and the command, in one line."""
    use = "" if model.commercial else ", not for commercial use"
    first = f"; {gate(model)}" if model.gated else ""
    return f"{size_text(model.size_bytes)}, licence {model.licence}{use}{first}; get them with: {command(model)}"
