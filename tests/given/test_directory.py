"""A directory as transformers writes one; what would be unpickled or run is refused."""

import json

import numpy as np
import pytest

from bench_core.errors import UsageError
from bench_core.given import directory, places

WORDS, POSITIONS = 60, 40


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A tiny BERT, and a tiny image classifier."""
    import torch
    from transformers import BertConfig, BertModel, ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("saved")
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    bert = BertConfig(
        vocab_size=WORDS, max_position_embeddings=POSITIONS, intermediate_size=16, **small
    )
    BertModel(bert).save_pretrained(folder / "bert")
    vit = ViTConfig(image_size=8, patch_size=4, intermediate_size=16, num_labels=3, **small)
    ViTForImageClassification(vit).save_pretrained(folder / "vit")
    return folder


@pytest.fixture
def bert(saved, tmp_path):
    import shutil

    return shutil.copytree(saved / "bert", tmp_path / "bert")


def test_tokens_go_in_and_the_first_output_comes_out(saved):
    import torch

    model = directory.model(saved / "bert")
    assert (model.name, model.lengths) == ("bert", (16, 32))
    ids, mask = model.inputs(16, 3, 0, True)
    assert ids.max() < WORDS and (mask.sum(1) < 16).all() and (ids[mask == 0] == 0).all()
    with torch.no_grad():
        output = model.build()(torch.tensor(ids), torch.tensor(mask))
    assert output.shape == (3, 16, 16)


def test_masked_padding_changes_no_output_of_what_it_is_put_after(saved):
    import torch

    model = directory.model(saved / "bert")
    inputs = model.inputs(13, 3, 0, False)
    padded = model.pad(inputs, 16)
    assert (padded[0][:, 13:] == 0).all() and (padded[1].sum(1) == 13).all()
    module = model.build()
    with torch.no_grad():
        exact, more = (module(*map(torch.tensor, arrays)) for arrays in (inputs, padded))
    # Sums of 16 products of numbers of about 1, in another order: some ε of float32.
    assert torch.allclose(more[:, :13], exact, rtol=0, atol=1e-5)
    described = [places.describe(str(saved / name)) for name in ("bert", "vit")]
    assert [one.pad is None for one in described] == [False, True]


def test_images_go_in_and_logits_come_out(saved):
    import torch

    model = directory.model(saved / "vit")
    (pixels,) = model.inputs(8, 2, 0, False)
    with torch.no_grad():
        assert model.build()(torch.tensor(pixels)).shape == (2, 3)
    assert model.lengths == (8,) and pixels.dtype == np.float32


def test_it_is_described_without_being_built(saved):
    described = places.describe(str(saved / "bert"))
    assert described.summary.startswith("BertModel of") and described.weights == "given"
    assert {file.name for file in described.files()} == {"config.json", "model.safetensors"}


def test_more_tokens_than_positions_are_refused(saved):
    with pytest.raises(UsageError, match="40 positions"):
        directory.model(saved / "bert").inputs(41, 1, 0, False)


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def remote_code(folder):
    edit(folder, auto_map={"AutoModel": "evil.Evil"})
    (folder / "evil.py").write_text("raise SystemExit('this ran')")


def pickled(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")


def truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def lost_config(folder):
    (folder / "config.json").unlink()


def broken_config(folder):
    (folder / "config.json").write_text("{")


def nameless(folder):
    edit(folder, architectures=None)


def pair(folder):
    edit(folder, is_encoder_decoder=True)


def audio(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["vocab_size"]
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (remote_code, "code of its own (auto_map: AutoModel), which is not run"),
        (pickled, "pytorch_model.bin, a pickle"),
        (truncated, "expected a whole safetensors file"),
        (lost_config, "config.json"),
        (broken_config, "config.json"),
        (nameless, "name an architecture"),
        (pair, "encoder and decoder"),
        (audio, "vocab_size"),
    ],
)
def test_what_is_not_safe_or_whole_is_refused_in_one_line(bert, harm, says):
    harm(bert)
    with pytest.raises(UsageError) as caught:
        directory.model(bert)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_an_architecture_that_transformers_has_not_is_refused(bert):
    edit(bert, architectures=["EvilModel"])
    with pytest.raises(UsageError, match="has no architecture 'EvilModel'"):
        directory.model(bert).build()


def test_weights_that_are_missing_are_not_made_up(bert):
    edit(bert, num_hidden_layers=2)
    with pytest.raises(UsageError, match="would be random"):
        directory.model(bert).build()
