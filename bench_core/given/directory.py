"""A DIRECTORY as transformers writes one: config.json and weights as safetensors, nothing else.

Pickled weights are not read, and code that the directory brings along is not run.
"""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.errors import UsageError
from bench_core.model import Model
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

LENGTHS = (16, 32, 64, 128)
FIRST_WORD = 1000
"""Ids below it are special or unused in most vocabularies."""

PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "model.pth")


def model(folder: Path) -> Model:
    """The encoder, decoder or image classifier in `folder`.

    Raises: UsageError for what is missing, would have to be unpickled or be run, or is of a kind
        whose inputs are not known here.
    """
    config = _config(folder)
    weights = _weights(folder)
    images = "image_size" in config
    if not images and "vocab_size" not in config:
        raise UsageError(
            f"{folder}: expected a model of tokens (vocab_size) or of images (image_size), found "
            f"a {config.get('model_type')!r}; give it as package.module:factory"
        )
    longest = config.get("max_position_embeddings") or LENGTHS[-1]
    tokens = {"input_ids": {0: "batch", 1: "length"}, "attention_mask": {0: "batch", 1: "length"}}
    axes = {"pixel_values": {0: "batch"}} if images else tokens
    return Model(
        name=folder.name,
        summary=f"{_architecture(folder, config)} of {folder}",
        length_axis="pixels a side" if images else "tokens",
        lengths=(config["image_size"],) if images else tuple(n for n in LENGTHS if n <= longest),
        input_names=tuple(axes),
        output_name="output",
        dynamic_axes={**axes, "output": {0: "batch"}},
        build=partial(_build, folder),
        inputs=partial(_images if images else _tokens, config),
        files=lambda: (folder / "config.json", *weights),
        bound="compute",
        weights="given",
        licence="the user's own",
        source=str(folder),
        frameworks=("transformers",),
        pad=None if images else partial(_pad, config),
    )


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{folder}: expected a transformers directory with a config.json; {error}"
        ) from None
    if "auto_map" in config:
        raise UsageError(
            f"{folder}: its config.json asks for code of its own (auto_map: "
            f"{', '.join(config['auto_map'])}), which is not run; give the model as "
            "package.module:factory if you trust it"
        )
    if config.get("is_encoder_decoder"):
        raise UsageError(f"{folder}: an encoder and decoder in one takes more than one call")
    return config


def _weights(folder: Path) -> list[Path]:
    """Its safetensors files, each whole as far as its own header says."""
    from safetensors import SafetensorError, safe_open

    found = sorted(folder.glob("*.safetensors"))
    if not found:
        pickled = [name for name in PICKLED if (folder / name).exists()]
        raise UsageError(
            f"{folder}: expected weights as .safetensors, found "
            + (f"{', '.join(pickled)}, a pickle, which can run anything" if pickled else "none")
            + "; save the model again with save_pretrained(..., safe_serialization=True)"
        )
    for file in found:
        try:
            with safe_open(file, framework="numpy") as opened:
                opened.keys()
        except (SafetensorError, OSError) as error:
            raise UsageError(f"{file}: expected a whole safetensors file; {error}") from None
    return found


def _architecture(folder: Path, config: dict[str, Any]) -> str:
    named = config.get("architectures") or [None]
    if not isinstance(named[0], str):
        raise UsageError(f"{folder}: expected its config.json to name an architecture, found none")
    return named[0]


def _build(folder: Path) -> "nn.Module":
    """Inputs in the order of `input_names` → the first of the model's outputs."""
    import transformers
    from torch import Tensor, nn

    config = _config(folder)
    name = _architecture(folder, config)
    kind = getattr(transformers, name, None)
    if kind is None or not issubclass(kind, transformers.PreTrainedModel):
        raise UsageError(
            f"{folder}: transformers {transformers.__version__} has no architecture {name!r}"
        )
    loaded, found = kind.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    if missing := sorted(found["missing_keys"]):
        raise UsageError(
            f"{folder}: expected all weights of {name}, found none for {missing[0]} and "
            f"{len(missing) - 1} more; they would be random"
        )

    class Images(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = loaded

        def forward(self, pixel_values: Tensor) -> Tensor:
            output: Tensor = self.inner(pixel_values=pixel_values, return_dict=False)[0]
            return output

    class Tokens(Images):
        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:  # type: ignore[override]
            output: Tensor = self.inner(
                input_ids=input_ids, attention_mask=attention_mask, return_dict=False
            )[0]
            return output

    loaded.config.use_cache = False  # a decoder's would be a second output
    return (Images() if "image_size" in config else Tokens()).eval()


def _tokens(config: dict[str, Any], length: int, batch: int, seed: int, padded: bool) -> Inputs:
    """Random words; padded: each row ends in 1 to length − 1 masked ones."""
    words = config["vocab_size"]
    longest = config.get("max_position_embeddings") or length
    if length > longest:
        raise UsageError(f"the model has {longest} positions, too few for {length} tokens")
    rng = np.random.default_rng(seed)
    ids = rng.integers(min(FIRST_WORD, words // 2), words, (batch, length))
    mask = np.ones_like(ids)
    if padded and length > 1:
        for row, pads in enumerate(rng.integers(1, length, batch)):
            ids[row, length - pads :] = config.get("pad_token_id") or 0
            mask[row, length - pads :] = 0
    return ids, mask


def _pad(config: dict[str, Any], inputs: Inputs, length: int) -> Inputs:
    """The same words, then masked ones. Shapes: [batch, n] → [batch, length]."""
    ids, mask = inputs
    room = ((0, 0), (0, length - ids.shape[1]))
    return np.pad(ids, room, constant_values=config.get("pad_token_id") or 0), np.pad(mask, room)


def _images(config: dict[str, Any], length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    """Normal pixels, float32 [batch, channels, side, side], as after the usual scaling."""
    shape = (batch, config.get("num_channels", 3), length, length)
    return (np.random.default_rng(seed).standard_normal(shape).astype(np.float32),)
