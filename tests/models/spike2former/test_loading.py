"""Files of weights: ours, those of training frameworks, hostile ones; names and what they say about a network."""

from __future__ import annotations

import json
import pickle
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from spike2former_recipe import recipe_weights
from spike2formerweights import CLASSES, small_network, small_sizes

from vistream.errors import VistreamError
from vistream.evaluate.metrics.segmentation import class_iou, confusion
from vistream.media.video.source import open_source
from vistream.models.registry import TINY, WEIGHTS
from vistream.models.spike2former import NAMES, Spike2Former, load, save
from vistream.models.spike2former.backbone import Backbone
from vistream.models.spike2former.loading import load_backbone
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.profile import PUBLISHED, Fit, Profile


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    return recipe_weights(small_network(), "file")


def test_our_files_keep_what_they_are(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    sizes = replace(small_sizes(), classes=7)
    profile = Profile("plaza", Levels(4, 4), Levels(8, 8), Fit(64, 48, 16))
    model = Spike2Former(sizes, profile)
    save(model, tmp_path / "a.safetensors")
    again = load(tmp_path / "a.safetensors")
    assert again.profile == profile
    assert again.sizes == sizes
    assert again.classes[-1] == "person"
    assert again.palette.shape == (7, 3)
    assert again.things is None
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in model.state_dict().items())
    frame = np.random.default_rng(0).integers(0, 255, (30, 60, 3), np.uint8)
    assert again.preprocess(frame).shape == (1, 3, 32, 64)
    assert again.scores(frame).shape == (7, 30, 60)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_files_of_training_frameworks(
    nested: bool, prefix: str, tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    named = {f"{prefix}{key}": value for key, value in weights.items()}
    named[f"{prefix}decode_head.conv_seg.weight"] = torch.zeros(2)
    torch.save({"state_dict": named, "meta": {}} if nested else named, tmp_path / "a.pth")
    model = load(tmp_path / "a.pth")
    assert model.sizes == small_sizes()
    assert len(model.classes) == CLASSES
    assert any("decode_head.conv_seg.weight" in note for note in model.notes)
    assert any("D = 4" in note for note in model.notes)
    assert load(tmp_path / "a.pth", Levels(8, 8)).head_levels == Levels(8, 8)


def test_the_panoptic_head_goes_by_its_own_name(tmp_path: Path) -> None:
    network = small_network(head="panoptic")
    named = {key.replace("decode_head.", "panoptic_head."): value for key, value in network.state_dict().items()}
    torch.save(named, tmp_path / "a.pth")
    assert load(tmp_path / "a.pth").sizes.head == "panoptic"


def test_records_of_a_runner_are_passed_over(
    tmp_path: Path, weights: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file as mmengine writes it, with loss histories of classes that are not installed here."""
    names = ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer")
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))

    class HistoryBuffer:
        def __init__(self) -> None:
            self._log_history = np.arange(3.0)
            self.last = np.float64(1.5)

    HistoryBuffer.__module__, HistoryBuffer.__qualname__ = names[-1], "HistoryBuffer"
    monkeypatch.setattr(sys.modules[names[-1]], "HistoryBuffer", HistoryBuffer, raising=False)
    torch.save({"state_dict": weights, "message_hub": {"log_scalars": {"loss": HistoryBuffer()}}}, tmp_path / "a.pth")
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    assert load(tmp_path / "a.pth").sizes == small_sizes()


def test_code_in_a_file_is_never_run(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "harm",))

    torch.save({"state_dict": weights, "meta": Harm()}, tmp_path / "a.pth")
    with pytest.raises(VistreamError, match="which was not done"):
        load(tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(VistreamError):
        load(tmp_path / "b.pth")
    assert not (tmp_path / "harm").exists()


def test_what_does_not_fit_is_named(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    def refused(change: dict[str, torch.Tensor], message: str, without: str = "") -> None:
        torch.save({key: value for key, value in {**weights, **change}.items() if key != without}, tmp_path / "a.pth")
        with pytest.raises(VistreamError, match=message) as caught:
            load(tmp_path / "a.pth")
        assert "\n" not in str(caught.value)

    refused({"decode_head.extra": torch.zeros(1)}, "unknown decode_head.extra")
    refused({}, "lacks decode_head.w", without="decode_head.w")
    refused({}, "lacks downsample4.encode_conv.weight", without="backbone.downsample4.encode_conv.weight")
    refused({"decode_head.w": torch.tensor([float("nan")])}, "not finite in decode_head.w")
    refused({"decode_head.cls_embed.bias": torch.zeros(9)}, "wrong shape of decode_head.cls_embed.bias")

    refused({"decode_head.query_feat.weight": torch.zeros(5)}, r"query_feat.weight has the shape \[5\]")
    refused({"decode_head.cls_embed.weight": torch.zeros(1, 16)}, "knows no classes")
    refused({"decode_head.w": torch.tensor([1])}, "decode_head.w is torch.int64")
    refused({"decode_head.pixel_decoder.encoder.layers.0.dcn.offset.0.weight": torch.zeros(7, 16, 1, 1)}, "7 offsets")
    refused({"backbone.block3.9.x": torch.zeros(1)}, "lacks backbone.block3.2.*and 69 more and has the unknown")
    refused({"backbone.downsample2.encode_bn.running_var": -torch.ones(8)}, "negative variances")


GOOD = {"labels": None, "backbone": {"most": 4, "norm": 4}, "head": {"most": 4, "norm": 4}, "fit": {}}
DESCRIPTIONS = [
    pytest.param("{", "damaged description", id="no JSON"),
    pytest.param("[" * 100_000, "damaged description", id="deep"),
    pytest.param("[]", "damaged description", id="a list"),
    pytest.param({"labels": "moon"}, "its classes are called 'moon'", id="unknown classes"),
    pytest.param({"labels": ["plaza"]}, "its classes are called", id="a list of classes"),
    pytest.param({"labels": "ade20k"}, "has 3 classes, fewer than ade20k", id="more classes than the head"),
    *(
        pytest.param({"head": {"most": most, "norm": 4}}, "D must be a whole number of 1 to 63", id=f"D {most}")
        for most in (0, 64, 4.5, "4", None)
    ),
    pytest.param({"backbone": {"most": 4, "norm": 0}}, "norm one of 1 or more, not 4 and 0", id="norm 0"),
    pytest.param({"backbone": [4, 4]}, "damaged description", id="levels as a list"),
    *(
        pytest.param({"fit": {"divisor": number}}, "sizes of pictures are whole numbers", id=f"divisor {number}")
        for number in (0, -3, 10**9, 2.5)
    ),
]


@pytest.mark.parametrize(("description", "message"), DESCRIPTIONS)
def test_an_unsound_description_is_refused(
    description: str | dict[str, object], message: str, tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    text = description if isinstance(description, str) else json.dumps({**GOOD, **description})
    path = tmp_path / "a.safetensors"
    save_file(weights, path, {"spike2former": text})
    with pytest.raises(VistreamError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.999])
def test_a_file_cut_short_is_refused(
    suffix: str, part: float, tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".pth":
        torch.save(weights, path)
    else:
        save_file(weights, path)
    assert load(path).sizes == small_sizes()
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(VistreamError, match=r"is no safetensors file|can't be read as weights|damaged arch") as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_backbones_of_imagenet(tmp_path: Path) -> None:
    backbone = small_network().backbone
    named = {**backbone.state_dict(), "head.weight": torch.zeros(3), "head_kd.bias": torch.zeros(3)}
    torch.save({"model": named}, tmp_path / "a.pth")
    fresh = Backbone(backbone.sizes, Levels())
    assert load_backbone(tmp_path / "a.pth", fresh) == ("not used are head.weight, head_kd.bias",)
    assert all(torch.equal(value, fresh.state_dict()[key]) for key, value in backbone.state_dict().items())
    other = Backbone(replace(backbone.sizes, blocks=(1, 1)), Levels())
    with pytest.raises(VistreamError, match="another size"):
        load_backbone(tmp_path / "a.pth", other)


def test_published_files_are_known_by_name_and_content() -> None:
    assert set(NAMES) - {TINY} == {name for name in WEIGHTS if name.startswith("spike2former")}
    assert len(PUBLISHED) == 5
    assert None not in PUBLISHED
    assert PUBLISHED[WEIGHTS["spike2former-cityscapes"].files[0].sha256].fit == Fit(2048, 1024, 32)


def test_weights_that_are_not_here_are_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(VistreamError, match="vistream download-weights spike2former-voc"):
        load("spike2former-voc")
    with pytest.raises(VistreamError, match="the names are spike2former-tiny"):
        load("spike2former-huge")


def test_the_network_that_comes_along_knows_the_demo_clips() -> None:
    """Places that it never saw; `vistream eval --task semseg --data demo_videos` has all frames."""
    clip = Path(__file__).parents[3] / "demo_videos"
    network = load(TINY)
    counts = np.zeros((7, 8), np.int64)
    with open_source(str(clip / "plaza_static.mp4"), max_frames=1) as frames:
        image = next(iter(frames)).image
    with Image.open(clip / "plaza_static" / "semantic" / "00000.png") as picture:
        labels = np.array(picture)
    counts += confusion(labels, network.scores(image).argmax(0).numpy(), 7)
    assert float(np.nanmean(class_iou(counts))) > 0.6
