"""Check our Spike2Former against golden references: `python scripts/spike2former_golden.py FOLDER [NAME ...]`.

FOLDER holds pairs NAME.json (how to make the weights, with a CRC-32 of each tensor) and NAME.npz (the input and what
the network makes of it, stage by stage). Checksums come first, then every probe in the order of the network, then the
mean integer of every neuron. Exits with 1 at a difference; the first one tells which stage went wrong.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from spike2former_recipe import checksum, tensor
from torch import Tensor

from vistream.models.fitting import check_keys
from vistream.models.spike2former import instances, panoptic, semantic
from vistream.models.spike2former.network import Network
from vistream.models.spike2former.neuron import Levels, Neuron
from vistream.models.spike2former.sizes import network_sizes

FLOATS = 2e-5  # largest difference of a float
INTEGERS = 1e-9  # of a mean of integers: they are equal, and only the division rounds
NEAR_TIE = 1e-4  # pixels whose two best scores are nearer than this may have either class
COCO_THINGS = 80
FUSION_INPUTS = ("post_cls_logits", "post_mask_logits")

Reference = Mapping[str, NDArray[Any]]


class Different(Exception):
    """A stage is not what the reference says."""


def check(folder: Path, name: str) -> str:
    """Check one configuration; the largest difference of its floats, in words. Raises Different."""
    recipe, reference = read(folder, name)
    network = build(recipe)
    worst, left = 0.0, set(reference) - {"input", *FUSION_INPUTS}
    found = chain(probes(network, torch.from_numpy(reference["input"]), recipe), fusion_probes(reference))
    for probe, values in found:
        if probe in left:
            worst = max(worst, compare(probe, values, reference, recipe.get("strides", {})))
            left.remove(probe)
    if left:
        raise Different(f"{', '.join(sorted(left))}: we have no such probe")
    return f"{len(recipe['keys'])} tensors, {len(reference) - 1} arrays, floats differ by at most {worst:.1e}"


def read(folder: Path, name: str) -> tuple[dict[str, Any], Reference]:
    """Both files of a configuration; raises Different where they are none."""
    try:
        recipe = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        with np.load(io.BytesIO((folder / f"{name}.npz").read_bytes())) as file:
            return recipe, {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise Different(f"can't be read ({error})") from None


def build(recipe: Mapping[str, Any]) -> Network:
    """The network with weights after the recipe, each of which has the checksum that the recipe names."""
    weights: dict[str, Tensor] = {}
    for key, shape, _, crc in recipe["keys"]:
        values = tensor(recipe["salt"], key, shape, recipe["bn_table"])
        if checksum(values) != crc:
            raise Different(f"{key}: the recipe makes other weights, CRC-32 {checksum(values)} where {crc} is named")
        weights[_ours(key)] = torch.from_numpy(values)
    head, backbone = (Levels(recipe[name], recipe[name]) for name in ("D_head", "D_backbone"))
    network = Network(network_sizes(weights), backbone, head)
    check_keys(network.state_dict(), weights)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def _ours(key: str) -> str:
    return key.replace("panoptic_head.", "decode_head.")


def probes(network: Network, image: Tensor, recipe: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Every probe in the order of computation."""
    firing = _listen(network)
    head = network.decode_head
    features = network.backbone(image)
    for number, feature in enumerate(features):
        yield f"backbone_{number}", feature[0]
    kept: dict[int, Tensor] = {}
    for number, layer in enumerate(head.pixel_decoder.encoder.layers):
        layer.register_forward_hook(lambda _, __, out, number=number: kept.__setitem__(number, out))
    pixels = head.pixel_decoder(features)
    for number, encoded in kept.items():
        yield f"encoder_layer_{number}", encoded[0]
    for number, level in enumerate(pixels.levels):
        yield f"pixel_level_{number}", level[0]
    yield "mask_feature", pixels.mask[0]
    rows = head.rows(pixels)
    yield "queries", torch.cat(rows[1:])
    found = [head.predict(query, pixels.mask) for query in rows]
    yield "cls_logits", torch.cat([row.classes for row in found])
    yield "mask_logits_last", found[-1].masks[0]
    yield "mask_logits_all", torch.cat([row.masks for row in found])
    size = (image.shape[2], image.shape[3])
    yield "sem_scores", semantic(found[-1].classes, found[-1].masks, size)
    yield "sem_map", semantic(found[-1].classes, found[-1].masks, size)
    means = [sum(firing[name]) / len(firing[name]) for name in map(_ours, recipe.get("firing_names", ()))]
    yield "firing_mean_integer", torch.tensor(means, dtype=torch.float64)
    if network.sizes.head == "panoptic":
        yield from _panoptic(found[-1].classes, found[-1].masks, size, "")


def fusion_probes(reference: Reference) -> Iterator[tuple[str, Tensor]]:
    """Of the reference's own case of post-processing, which no network made."""
    if not all(name in reference for name in FUSION_INPUTS):
        return
    classes, masks = (torch.from_numpy(reference[name])[None] for name in FUSION_INPUTS)
    yield from _panoptic(classes, masks, (masks.shape[2], masks.shape[3]), "post_")


def _panoptic(classes: Tensor, masks: Tensor, size: tuple[int, int], prefix: str) -> Iterator[tuple[str, Tensor]]:
    things = tuple(number < COCO_THINGS for number in range(classes.shape[2] - 1))
    for low, suffix in ((True, ""), (True, "_filter1"), (False, "_filter0")):
        yield f"{prefix}panoptic_ids{suffix}", panoptic(classes, masks, size, things, filter_low=low).ids
    found = instances(classes, masks, size, things)
    yield f"{prefix}instance_scores", found.scores
    yield f"{prefix}instance_labels", found.labels
    yield f"{prefix}instance_boxes", found.boxes


def _listen(network: Network) -> dict[str, list[float]]:
    """The mean integer of each call of each neuron, filled while the network runs."""
    firing: dict[str, list[float]] = {}
    for name, module in network.named_modules():
        if isinstance(module, Neuron):
            module.register_forward_hook(
                lambda neuron, _, out, name=name: firing.setdefault(name, []).append(
                    float((out.double() / neuron.scale).mean())
                )
            )
    return firing


def compare(probe: str, found: Tensor, reference: Reference, strides: Mapping[str, Sequence[int]]) -> float:
    """The largest difference; raises Different where it is too large."""
    wanted, values = reference[probe], found.numpy()
    if probe == "sem_map":
        return _same_map(values, wanted)
    if probe in strides:
        values = values[tuple(slice(None, None, step) for step in strides[probe])]
    if "instance" in probe:
        values = values[: len(wanted)]  # the reference keeps the best ones
    if values.shape != wanted.shape:
        raise Different(f"{probe}: has the shape {values.shape} where {wanted.shape} is wanted")
    difference = float(np.abs(values.astype(np.float64) - wanted).max(initial=0.0))
    allowed = INTEGERS if probe == "firing_mean_integer" else FLOATS if wanted.dtype.kind == "f" else 0
    if not difference <= allowed:
        raise Different(f"{probe}: differs by {difference:.3g}, {allowed:.0e} is allowed")
    return difference if allowed == FLOATS else 0.0


def _same_map(scores: NDArray[Any], wanted: NDArray[Any]) -> float:
    if scores.shape[1:] != wanted.shape:
        raise Different(f"sem_map: has the shape {scores.shape[1:]} where {wanted.shape} is wanted")
    best = np.sort(scores, 0)[-2:]
    wrong = (scores.argmax(0) != wanted) & (best[1] - best[0] >= NEAR_TIE)
    if wrong.any():
        raise Different(f"sem_map: {int(wrong.sum())} pixels have another class")
    return 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(description="Check our Spike2Former against golden references.")
    parser.add_argument("folder", type=Path, help="holds NAME.json and NAME.npz")
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args(arguments)
    names = options.names or sorted(path.stem for path in options.folder.glob("*.json"))
    if not names:
        parser.error(f"there are no references in {options.folder}")
    failed = 0
    for name in names:
        try:
            print(f"{name}: equal; {check(options.folder, name)}", flush=True)
        except Different as difference:
            failed += 1
            print(f"{name}: DIFFERENT: {difference}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
