"""Texts to vectors, by a model in a local folder or behind an OpenAI-compatible server.

The features of an estimator may be such vectors, where the user has a model for them.
"""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tale_eval.budgets.reading import Embedded
from tale_eval.errors import InvalidValueError, MissingExtraError, SourceError

if TYPE_CHECKING:
    from tale_eval.budgets.features import Embed, Floats

SERVER = "server#"
"""How features begin that a server gives; the name of its model follows."""

URL_VARIABLE, KEY_VARIABLE = "TALE_EVAL_EMBEDDING_URL", "TALE_EVAL_EMBEDDING_KEY"
"""Where the server is, and its key if it wants one. No file says it: questions are sent nowhere
that a folder from somebody else names."""

AT_ONCE = 32

_POOLINGS: Mapping[str, Literal["mean", "first", "last"]] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
    "pooling_mode_lasttoken": "last",
}
_TIMEOUT_SECONDS = 60.0


@cache
def embedder(features: str) -> "Embed":
    """What turns texts into vectors.

    Args:
        features: A folder of sentence-transformers or transformers, or "server#MODEL", where
            TALE_EVAL_EMBEDDING_URL/embeddings answers as OpenAI's does.

    Raises:
        InvalidValueError: A server without a model.
        SourceError: The folder is not there.
    """
    if features.startswith(SERVER):
        return Served(features.removeprefix(SERVER))
    if not Path(features).is_dir():
        raise SourceError(
            f"features={features}: no such folder; expected tfidf, a local folder of an embedding "
            f"model, or {SERVER}MODEL with the server's address in {URL_VARIABLE}"
        )
    return Local(features)


class Local:
    """A model of transformers' in a folder: the mean of its last states, their first or last one.

    Which it is a sentence-transformers folder says in `1_Pooling/config.json`.
    """

    def __init__(self, folder: str) -> None:
        try:
            import torch  # noqa: F401
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise MissingExtraError(f"features={folder}", "local") from error
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            self._model: Any = AutoModel.from_pretrained(folder, trust_remote_code=False).eval()
        except (OSError, ValueError) as error:
            raise SourceError(f"features={folder}: no model of transformers ({error})") from error
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._pooling = _pooling(Path(folder))

    def __call__(self, texts: Sequence[str]) -> "Floats":
        """Shape (texts, dimensions)."""
        import numpy as np

        batches = [texts[i : i + AT_ONCE] for i in range(0, len(texts), AT_ONCE)]
        return np.concatenate([self._of(list(batch)) for batch in batches])

    def _of(self, texts: list[str]) -> "Floats":
        import torch

        inputs = self._tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            states = self._model(**inputs).last_hidden_state.double()
        mask = inputs["attention_mask"].double()
        if self._pooling == "mean":
            found = (states * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        else:
            # the padding may stand on either side
            places = torch.arange(1, mask.shape[1] + 1, dtype=torch.float64)
            far = places if self._pooling == "last" else 1 / places
            found = states[torch.arange(len(states)), (mask * far).argmax(dim=1)]
        vectors: Floats = found.numpy()
        return vectors


class Served:
    """An OpenAI-compatible server; what it read is counted."""

    def __init__(self, model: str) -> None:
        if not model:
            raise InvalidValueError(f"features={SERVER}: name the model, as in {SERVER}my-model")
        self.model = model
        self._read: int | None = None
        self._single: dict[tuple[str, str], tuple[Floats, int | None]] = {}

    @property
    def spent(self) -> Embedded:
        """What the last text cost."""
        return Embedded(self.model, self._read)

    def __call__(self, texts: Sequence[str]) -> "Floats":
        """Shape (texts, dimensions). A single text is sent once, whoever asks for it again."""
        import numpy as np

        if len(texts) == 1:
            single = (_address(), texts[0])
            if single not in self._single:
                vectors = self._of([texts[0]])
                self._single[single] = (vectors, self._read)
            vectors, self._read = self._single[single]
            return vectors

        batches = [texts[i : i + AT_ONCE] for i in range(0, len(texts), AT_ONCE)]
        return np.concatenate([self._of(list(batch)) for batch in batches])

    def _of(self, texts: list[str]) -> "Floats":
        import httpx
        import numpy as np

        address, key = _address(), os.environ.get(KEY_VARIABLE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        asked = {"model": self.model, "input": texts}
        try:
            reply = httpx.post(address, json=asked, headers=headers, timeout=_TIMEOUT_SECONDS)
            reply.raise_for_status()
            rows = sorted(reply.json()["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float64)
        except (httpx.HTTPError, LookupError, TypeError, ValueError) as error:
            said = str(error).partition("\n")[0]
            raise SourceError(
                f"{address} gives no vectors ({type(error).__name__}: {said}); serve an "
                f"embedding model there, and set {KEY_VARIABLE} if it wants a key"
            ) from error
        read = (reply.json().get("usage") or {}).get("prompt_tokens")
        self._read = read if isinstance(read, int) else None
        return vectors


def _address() -> str:
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise InvalidValueError(
            f"the features of this estimator come from a server: set {URL_VARIABLE} to its "
            "address, such as http://localhost:8000/v1"
        )
    return f"{url.rstrip('/')}/embeddings"


def _pooling(folder: Path) -> Literal["mean", "first", "last"]:
    """How the states of a text become one vector; the mean where the folder does not say it.

    Raises:
        SourceError: In a way, or by a further layer, that is not known here.
    """
    modules = _said(folder / "modules.json") or []
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    # vectors get length 1 in any case
    further = sorted({*kinds} - {"Transformer", "Pooling", "Normalize"})
    said = _said(folder / "1_Pooling" / "config.json") or {"pooling_mode_mean_tokens": True}
    modes = sorted(
        key for key, on in said.items() if key.startswith("pooling_mode_") and on is True
    )
    if further or len(modes) != 1 or modes[0] not in _POOLINGS:
        raise SourceError(
            f"features={folder}: its vectors come by {', '.join(further + modes) or 'nothing'}, "
            f"and known are {', '.join(_POOLINGS)}, one alone; serve it, and name "
            f"features={SERVER}MODEL"
        )
    return _POOLINGS[modes[0]]


def _said(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValueError as error:
        raise SourceError(f"{path}: not JSON ({error}); copy the model's folder anew") from error
