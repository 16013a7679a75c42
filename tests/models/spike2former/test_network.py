"""The network against an independent formulation of it, on small networks with recipe weights, and the golden files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import spike2former_golden
import torch
from spike2former_recipe import image, recipe_weights
from spike2formergolden import write_reference
from spike2formerplain import Plain
from spike2formerweights import small_network

from vistream.models.spike2former.sizes import Backbone, Head, network_sizes

KINDS: list[tuple[Backbone, Head]] = [("sdtv2", "semantic"), ("sdtv3", "semantic"), ("sdtv2", "panoptic")]


@pytest.mark.parity
@pytest.mark.parametrize(("most", "norm"), [(4, 4), (8, 8), (4, 8)])
@pytest.mark.parametrize(("backbone", "head"), KINDS)
def test_every_stage_is_that_of_the_plain_formulation(backbone: Backbone, head: Head, most: int, norm: int) -> None:
    network = small_network(backbone, head, most, norm)
    plain = Plain(network.state_dict(), most, norm)
    picture = torch.from_numpy(image(f"{backbone} {head}", 48, 80))

    features, wanted = network.backbone(picture), plain.backbone(picture[0])
    for found, feature in zip(features, wanted, strict=True):
        torch.testing.assert_close(found[0].double(), feature, atol=2e-5, rtol=0)
    assert len(torch.unique(plain.spike(wanted[3]))) > 2  # the neurons are neither silent nor full

    pixels = network.decode_head.pixel_decoder(features)
    levels, mask_feature = plain.pixels(wanted)
    for found, level in zip((*pixels.levels, pixels.mask), (*levels, mask_feature), strict=True):
        torch.testing.assert_close(found[0].double(), level, atol=2e-5, rtol=0)

    rows, expected = network.decode_head.rows(pixels), plain.rows(levels, self_first=head == "panoptic")
    for found, row in zip(rows, expected, strict=True):
        torch.testing.assert_close(found[0].double(), row, atol=2e-5, rtol=0)

    classes, masks = network(picture)
    for found, prediction in zip((classes, masks), plain.predict(expected[-1], mask_feature), strict=True):
        torch.testing.assert_close(found[0].double(), prediction, atol=2e-5, rtol=0)


def test_all_rows_end_with_what_forward_gives() -> None:
    network = small_network()
    picture = torch.from_numpy(image("rows", 32, 48)).expand(2, -1, -1, -1)
    classes, masks = network(picture)
    *_, last = network.all_rows(picture)
    assert torch.equal(last.classes, classes)
    assert torch.equal(last.masks, masks)
    assert torch.equal(classes[0], classes[1])  # pictures of a batch do not mix


def test_odd_sizes_round_up() -> None:
    network = small_network()
    features = network.backbone(torch.zeros(1, 3, 37, 51))
    assert [tuple(feature.shape[2:]) for feature in features] == [(19, 26), (10, 13), (5, 7), (3, 4)]
    assert network(torch.zeros(1, 3, 37, 51))[1].shape == (1, 5, 19, 26)


@pytest.mark.parametrize(("backbone", "head"), KINDS)
def test_sizes_are_in_the_state_dict(backbone: Backbone, head: Head) -> None:
    network = small_network(backbone, head)
    assert network_sizes(network.state_dict()) == network.sizes


def test_the_golden_script_sees_wrong_weights_and_wrong_networks(tmp_path: Path) -> None:
    network = small_network()
    recipe = {"salt": "a", "bn_table": {}, "keys": [["backbone.x.weight", [2, 3], "float32", 1]]}
    with pytest.raises(spike2former_golden.Different, match="the recipe makes other weights"):
        spike2former_golden.build(recipe)
    picture = torch.from_numpy(image("golden", 32, 48))
    reference = {name: found.numpy() for name, found in spike2former_golden.probes(network, picture, {})}
    network.load_state_dict(recipe_weights(network, "another"))
    name, found = next(spike2former_golden.probes(network, picture, {}))
    with pytest.raises(spike2former_golden.Different, match="backbone_0: differs"):
        spike2former_golden.compare(name, found, reference, {})


@pytest.mark.parity
@pytest.mark.parametrize(
    ("backbone", "head", "most", "size"),
    [("sdtv2", "semantic", 4, (48, 80)), ("sdtv3", "semantic", 2, (64, 32)), ("sdtv2", "panoptic", 8, (32, 48))],
)
def test_the_golden_script_takes_references_of_other_sizes_and_weights(
    backbone: Backbone, head: Head, most: int, size: tuple[int, int], tmp_path: Path
) -> None:
    write_reference(tmp_path, "other", small_network(backbone, head, most, most), *size)
    assert spike2former_golden.main([str(tmp_path)]) == 0


def test_the_golden_script_ends_with_1_where_a_number_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_reference(tmp_path, "a", small_network(), 32, 48)
    file = tmp_path / "a.npz"
    whole = file.read_bytes()
    with np.load(file) as content:
        reference = {name: content[name] for name in content.files}
    for probe in ("backbone_2", "mask_logits_last", "sem_map"):
        wrong = reference[probe].copy()
        wrong.flat[wrong.size // 2] += 1 if probe == "sem_map" else 1e-4
        np.savez(file, **{**reference, probe: wrong})
        assert spike2former_golden.main([str(tmp_path)]) == 1
        assert f"a: DIFFERENT: {probe}: " in capsys.readouterr().out
    np.savez(file, **reference, another=np.zeros(3))
    assert spike2former_golden.main([str(tmp_path)]) == 1
    assert "another: we have no such probe" in capsys.readouterr().out
    for content in (whole[:5000], b"", None):
        file.unlink() if content is None else file.write_bytes(content)
        assert spike2former_golden.main([str(tmp_path)]) == 1
        assert "a: DIFFERENT: " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.parametrize(
    "name", ["ade_sdtv2_d4", "ade_sdtv2_d8", "ade_sdtv3_b4h8", "cityscapes_sdtv2_d4", "coco_panoptic_sdtv2_d4"]
)
def test_golden_references(golden: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = spike2former_golden.main([str(golden), name])
    assert code == 0, capsys.readouterr().out
