"""The parts of training: configurations, matching, losses, the schedule, what pictures become."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from vistream.errors import VistreamError
from vistream.models.classes import VOID, class_set
from vistream.models.spike2former import Spike2Former
from vistream.models.spike2former.head import Predictions
from vistream.train.augment import augmented
from vistream.train.config import AugmentConfig, LossConfig, TrainConfig, config_names, read_config
from vistream.train.initial import initialise
from vistream.train.losses import losses, mask_losses, targets
from vistream.train.matching import match
from vistream.train.optimiser import make_optimiser


def test_the_configurations_that_come_along_are_the_published_ones() -> None:
    names = ("ade20k", "ade20k-sdtv3", "cityscapes", "coco-panoptic", "coco-stuff164k", "tiny", "voc2012")
    assert config_names() == names
    parameters = {}
    for name in config_names():
        config = read_config(name)
        with torch.device("meta"):
            sizes = config.network.sizes(len(class_set(config.data.labels)))
            network = Spike2Former(sizes, config.profile())
        parameters[name] = sum(parameter.numel() for parameter in network.parameters())
    assert parameters["ade20k"] == 34_361_112
    assert parameters["ade20k-sdtv3"] == 38_236_408
    assert parameters["cityscapes"] == 34_327_445
    assert parameters["coco-panoptic"] == 42_360_063
    assert 1_200_000 < parameters["tiny"] < 1_600_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schedule: {iteration: 5}", "schedule.iteration is no setting"),
        ("schedule: {iterations: many}", "schedule.iterations must be int"),
        ("network: {backbone: resnet}", "network.backbone must be one of sdtv2, sdtv3"),
        ("network: {widths: [1, 2]}", "network.widths must be a list of 5"),
        ("[1, 2]", "the file must be a mapping"),
        ("a: [", "line 1: not YAML: expected"),
        ("data: {fit: [8, 8]}\nloss: {dice: 1}\ndata: {labels: a}", "line 3: not YAML: the key 'data' occurs twice"),
        ("loss:\n  dice: 1\n  masks: 1\n  dice: 2\n", "line 4: not YAML: the key 'dice' occurs twice"),
        ("schedule: {iterations: 0}", "schedule.iterations must be at least 1, not 0"),
        ("schedule: {batch: -4}", "schedule.batch must be at least 1, not -4"),
        ("schedule: {seed: -1}", "schedule.seed must be at least 0, not -1"),
        ("optimiser: {rate: .inf}", "optimiser.rate must be above 0, not inf"),
        ("optimiser: {clip: 0}", "optimiser.clip must be above 0, not 0"),
        ("loss: {masks: .nan}", "loss.masks must be at least 0, not nan"),
        ("augment: {flip: 2}", "augment.flip must be from 0 to 1, not 2"),
        ("augment: {scale: [2.0, 0.5]}", "augment.scale: .* is no range"),
        ("augment: {crops: [[0, 0]]}", "augment.crops must be at least 1, not 0"),
        ("network: {widths: [8, 0, 32, 64, 96]}", "network.widths must be at least 1"),
        ("network: {embed: 33}", "33 channels can't be divided among 8 attention heads"),
        ("network: {groups: 7}", "embed 256 can't be divided into 7 groups"),
        ("loss: {dice: 1" + 400 * "0" + "}", "loss.dice must be a number"),
    ],
)
def test_mistakes_in_a_configuration_are_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(VistreamError, match=message) as caught:
        read_config(file)
    assert "\n" not in str(caught.value)


def test_an_unknown_configuration_lists_the_known() -> None:
    with pytest.raises(VistreamError, match="tiny"):
        read_config("huge")


def test_matching_is_the_cheapest_of_all_assignments() -> None:
    generator = torch.Generator().manual_seed(3)
    classes = torch.randn(1, 4, 4, generator=generator)
    masks = torch.randn(1, 4, 6, 7, generator=generator)
    label = torch.tensor([0, 2, 1])
    target = torch.rand(3, 6, 7, generator=generator) > 0.5

    def cost(query: int, k: int) -> float:
        share, wanted = masks[0, query].sigmoid().double(), target[k].double()
        inside = -(share + 1e-12).log() * 0.25 * (1 - share) ** 2 * wanted
        outside = -(1 - share + 1e-12).log() * 0.75 * share**2 * (1 - wanted)
        dice = 1 - (2 * (share * wanted).sum() + 1) / (share.sum() + wanted.sum() + 1)
        return float(-classes[0, query].softmax(0)[label[k]] + 20 * (inside + outside).mean() + dice)

    best = min(permutations(range(4), 3), key=lambda order: sum(cost(query, k) for k, query in enumerate(order)))
    ((query, found),) = match(classes, masks, [label], [target], LossConfig())
    assert {int(k): int(q) for q, k in zip(query, found, strict=True)} == dict(enumerate(best))


def test_a_perfect_prediction_costs_next_to_nothing() -> None:
    labels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    labels[0, :, 4:] = 1
    labels[0, 0] = VOID
    masks = torch.full((1, 3, 8, 8), -20.0)
    masks[0, 0, 1:, :4] = 20
    masks[0, 1, 1:, 4:] = 20
    classes = torch.full((1, 3, 3), -20.0)
    for query, label in enumerate((0, 1, 2)):
        classes[0, query, label] = 20
    perfect = losses([Predictions(classes, masks)], labels, LossConfig())
    assert float(perfect.total) < 1e-3
    wrong = losses([Predictions(classes, -masks)], labels, LossConfig())
    assert float(wrong.total) > 10
    assert float(losses([Predictions(classes, -masks)] * 2, labels, LossConfig()).total) == pytest.approx(
        2 * float(wrong.total)
    )


def test_a_picture_of_nothing_but_void_has_a_loss() -> None:
    labels = torch.full((1, 4, 4), VOID, dtype=torch.uint8)
    masks = torch.zeros(1, 2, 4, 4, requires_grad=True)
    found = losses([Predictions(torch.zeros(1, 2, 3), masks)], labels, LossConfig())
    found.total.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(found.total)
    assert targets(labels)[0][0].numel() == 0


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    logits, target = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    focal, dice = mask_losses(logits, target)
    plain = functional.binary_cross_entropy_with_logits(logits, target)
    assert float(focal[0]) == pytest.approx(
        float(plain) * 0.25 * 0.5
    )  # wrong by 1/2: a quarter; alpha: a half in the mean
    assert float(dice[0]) == pytest.approx(1 - (2 * 0.5 + 1) / (1 + 1 + 1))


def test_every_parameter_is_trained_once_with_its_own_rate() -> None:
    config = read_config("ade20k")
    with torch.device("meta"):
        network = Spike2Former(config.network.sizes(150), config.profile())
    groups = make_optimiser(network, config.optimiser, fused=False).param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
    assert {(group["lr"], group["weight_decay"]) for group in groups} == {(1e-4, 0.005), (1e-3, 0.005), (1e-3, 0.0)}


def test_initial_values_are_the_published_ones() -> None:
    torch.manual_seed(0)
    config = read_config("tiny")
    model = Spike2Former(config.network.sizes(7), config.profile())
    initialise(model, 1e-6)
    values = model.state_dict()
    layer, lateral = "decode_head.pixel_decoder.encoder.layers.0", "decode_head.pixel_decoder.lateral_convs.0.0"
    assert all(float(values[f"{layer}.gamma{k}"].max()) == pytest.approx(1e-6) for k in (1, 2, 3))
    assert not values[f"{layer}.dcn.offset.0.weight"].any()
    assert float(values["decode_head.cls_embed.weight"].std()) == pytest.approx(0.02, rel=0.2)
    assert float(values[f"{lateral}.weight"].std()) == pytest.approx(0.1, rel=0.2)


def pictures() -> tuple[
    np.ndarray[tuple[int, ...], np.dtype[np.uint8]], np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
]:
    labels = np.repeat(np.arange(4, dtype=np.uint8), 10)[None].repeat(20, 0)
    return (labels[..., None] * np.array([40, 30, 20], np.uint8)).astype(np.uint8), labels


def test_pictures_and_labels_stay_together() -> None:
    image, labels = pictures()
    config = AugmentConfig(base=20, scale=(1.0, 1.0), crops=((20, 20),), most=1.0, flip=0.5, photometric=False)
    seen = set()
    for seed in range(8):
        picture, marked = augmented(image, labels, (20, 20), np.random.default_rng(seed), config)
        red = picture[0] * 58.395 + 123.675
        np.testing.assert_allclose(red, marked * 40.0, atol=0.01)
        seen.add(marked.tobytes())
    assert len(seen) > 4


def test_what_lies_outside_is_void_and_nothing() -> None:
    image, labels = pictures()
    config = AugmentConfig(base=20, scale=(1.0, 1.0), most=1.0, photometric=False)
    picture, marked = augmented(image, labels, (30, 50), np.random.default_rng(0), config)
    assert (marked[20:] == VOID).all()
    assert (marked[:, 40:] == VOID).all()
    assert not picture[:, 20:].any()


def test_no_class_fills_a_crop_where_that_can_be_helped() -> None:
    image, labels = pictures()
    config = AugmentConfig(base=20, scale=(1.0, 1.0), most=0.75, photometric=False)
    for seed in range(20):
        _, marked = augmented(image, labels, (10, 10), np.random.default_rng(seed), config)
        free = augmented(image, labels, (10, 10), np.random.default_rng(seed), replace(config, most=1.0))[1]
        assert np.bincount(marked.ravel()).max() <= np.bincount(free.ravel()).max()


def test_settings_left_out_have_defaults() -> None:
    assert read_config("ade20k").optimiser == TrainConfig().optimiser


def test_a_shared_batch_has_the_losses_of_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    labels = torch.full((2, 8, 8), 255)
    labels[0, :, :4], labels[1, 2:] = 1, 2  # the second picture holds more
    labels[1, :2] = 0
    rows = [Predictions(torch.randn(2, 5, 4), torch.randn(2, 5, 8, 8)) for _ in range(2)]
    config = LossConfig()
    whole = losses(rows, labels, config)
    halves = [([Predictions(row.classes[[i]], row.masks[[i]]) for row in rows], labels[[i]]) for i in range(2)]
    sums: list[list[Tensor]] = [[], []]
    for shared, (part, its) in zip(sums, halves, strict=True):
        monkeypatch.setattr(torch.distributed, "all_reduce", lambda value, shared=shared: shared.append(value.clone()))
        losses(part, its, config, processes=2)
    found = []
    for part, its in halves:
        order = iter([sum(values) for values in zip(*sums, strict=True)])
        monkeypatch.setattr(torch.distributed, "all_reduce", lambda value, order=order: value.copy_(next(order)))
        found.append(losses(part, its, config, processes=2))
    for name in ("total", "classes", "masks", "dice"):
        mean = sum(getattr(part, name) for part in found) / 2
        torch.testing.assert_close(mean, getattr(whole, name))
