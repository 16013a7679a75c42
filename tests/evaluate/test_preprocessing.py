"""Who is scored at all: MOT16's distractors and flags, MOTS's ignored regions, held to TrackEval's own
loaders.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.metrics.clear import clear
from vistream.evaluate.metrics.hota import hota
from vistream.evaluate.metrics.identity import identity
from vistream.evaluate.metrics.mot16 import distractors_of, who_counts
from vistream.evaluate.metrics.mots import MaskFrame, mask_scene, mots_row, refuse_overlap
from vistream.evaluate.metrics.overlap import box_iou, mask_iou
from vistream.evaluate.metrics.scene import make_scene
from vistream.media.formats.rle import Rle, encode

IntArray = NDArray[np.int64]
QUIET = {"PRINT_CONFIG": False}


def trackeval_scores(data: dict[str, Any]) -> dict[str, float]:
    import trackeval.metrics as trackeval

    families = (trackeval.HOTA(), trackeval.CLEAR(QUIET), trackeval.Identity(QUIET))
    answers = [family.eval_sequence(data) for family in families]
    return {name: float(np.mean(value)) for answer in answers for name, value in answer.items()}


@pytest.mark.parity
@pytest.mark.parametrize("benchmark", ["MOT17", "MOT20"])
@pytest.mark.parametrize("seed", range(15))
def test_mot16_preprocessing_equals_trackeval(seed: int, benchmark: str) -> None:
    from trackeval.datasets import MotChallenge2DBox

    rng = np.random.default_rng(seed)
    frames, objects = 12, 7
    classes = rng.choice([1, 1, 1, 2, 3, 6, 7, 8, 11, 12], objects)
    boxes = np.concatenate([rng.uniform(0, 50, (objects, 2)), rng.uniform(15, 30, (objects, 2))], axis=1)
    raw: dict[str, Any] = {"num_timesteps": frames, "seq": "made"}
    keys = ("gt_ids", "gt_dets", "gt_classes", "gt_extras", "tracker_ids", "tracker_dets", "tracker_classes")
    raw.update({key: [] for key in (*keys, "tracker_confidences", "similarity_scores")})
    gt_ids, pred_ids, overlaps = [], [], []
    for _ in range(frames):
        here, seen = rng.random(objects) < 0.9, rng.random(objects) < 0.8
        flags = (rng.random(objects) < 0.8).astype(int)[here]
        guess = (boxes + rng.normal(0, 2, boxes.shape))[seen]
        ids, names = np.flatnonzero(here) + 1, np.flatnonzero(seen) * 2 + 1
        similarity = box_iou(boxes[here], guess)
        scored, kept = who_counts(similarity, classes[here], flags, distractors_of(f"{benchmark}-01"))
        gt_ids.append(ids[scored])
        pred_ids.append(names[kept])
        overlaps.append(similarity[scored][:, kept])
        values = (ids, boxes[here], classes[here], {"zero_marked": flags}, names, guess, np.ones_like(names))
        for key, value in zip(keys, values, strict=True):
            raw[key].append(value)
        raw["tracker_confidences"].append(np.ones(len(names)))
        raw["similarity_scores"].append(similarity)
    loader = object.__new__(MotChallenge2DBox)
    names_of = {"pedestrian": 1, "person_on_vehicle": 2, "static_person": 7, "distractor": 8, "reflection": 12}
    names_of["non_mot_vehicle"] = 6
    loader.class_name_to_class_id = names_of
    loader.valid_class_numbers = list(range(1, 14))
    loader.benchmark, loader.do_preproc = benchmark, True
    data = loader.get_preprocessed_seq_data(raw, "pedestrian")

    scene = make_scene(gt_ids, pred_ids, overlaps)
    assert (scene.gt_total, scene.pred_total) == (data["num_gt_dets"], data["num_tracker_dets"])
    theirs = trackeval_scores(data)
    assert clear(scene).mota == pytest.approx(theirs["MOTA"], abs=1e-6)
    assert identity(scene).idf1 == pytest.approx(theirs["IDF1"], abs=1e-6)
    assert hota(scene).row()["HOTA"] == pytest.approx(theirs["HOTA"], abs=1e-6)


def label_maps(seed: int, frames: int = 10) -> tuple[list[IntArray], list[IntArray], list[NDArray[np.bool_]]]:
    """True and predicted label maps of moving discs, and a region that is ignored; disjoint from the true
    ones.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :50]
    centre, step = rng.uniform(5, 35, (6, 2)), rng.normal(0, 1.5, (6, 2))
    ground_truth, guess, ignored = [], [], []
    names = np.arange(1, 8)
    for frame in range(frames):
        true_map, seen = np.zeros((40, 50), np.int64), np.zeros((40, 50), np.int64)
        if rng.random() < 0.2:
            names[:2] = names[1::-1]
        for i, (cy, cx) in enumerate(centre + step * frame):
            if i < 5 and rng.random() < 0.9:
                true_map[(y - cy) ** 2 + (x - cx) ** 2 < 40] = i + 1
            if rng.random() < 0.8:
                dy, dx = rng.normal(0, 1.0, 2)
                seen[(y - cy - dy) ** 2 + (x - cx - dx) ** 2 < 40] = names[i]
        region = (x > 30) & (true_map == 0) if rng.random() < 0.7 else np.zeros_like(x, dtype=np.bool_)
        ground_truth.append(true_map)
        guess.append(seen)
        ignored.append(region)
    return ground_truth, guess, ignored


def masks_of(labels: IntArray) -> MaskFrame:
    ids = [int(n) for n in np.unique(labels) if n]
    return MaskFrame(tuple(ids), tuple(encode(labels == n) for n in ids))


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(15))
def test_mots_on_masks_equals_trackeval(seed: int) -> None:
    from pycocotools import mask as coco_mask
    from trackeval.datasets import MOTSChallenge

    ground_truth, guess, regions = label_maps(seed)
    gt, pred = [masks_of(m) for m in ground_truth], [masks_of(m) for m in guess]
    ignored = [encode(region) if region.any() else None for region in regions]
    raw: dict[str, Any] = {
        "num_timesteps": len(gt),
        "seq": "made",
        "gt_ids": [np.array(f.ids, dtype=int) for f in gt],
        "tracker_ids": [np.array(f.ids, dtype=int) for f in pred],
        "gt_dets": [list(f.masks) for f in gt],
        "tracker_dets": [list(f.masks) for f in pred],
        "gt_classes": [np.full(len(f.ids), 2) for f in gt],
        "tracker_classes": [np.full(len(f.ids), 2) for f in pred],
        "gt_ignore_region": [coco_mask.merge([r] if r else [], intersect=False) for r in ignored],
        "similarity_scores": [mask_iou(a.masks, b.masks) for a, b in zip(gt, pred, strict=True)],
    }
    loader = object.__new__(MOTSChallenge)
    loader.class_name_to_class_id = {"pedestrian": "2", "ignore": "10"}
    theirs = trackeval_scores(loader.get_preprocessed_seq_data(raw, "pedestrian"))

    scene = mask_scene(gt, pred, ignored)
    row = {**hota(scene).row(), **mots_row(clear(scene)), **identity(scene).row()}
    wanted = {"sMOTSA": "sMOTA", "MOTSA": "MOTA", "MOTSP": "MOTP", "IDF1": "IDF1", "HOTA": "HOTA", "IDSW": "IDSW"}
    assert {n: row[n] for n in wanted} == pytest.approx({n: theirs[t] for n, t in wanted.items()}, abs=1e-6)


def strip(left: int, right: int, size: tuple[int, int] = (4, 10)) -> Rle:
    mask = np.zeros(size, dtype=np.bool_)
    mask[:, left:right] = True
    return encode(mask)


@pytest.mark.parametrize(
    ("seen", "region", "kept"),
    [
        ((0, 4), None, 1),  # no region: every prediction is scored
        ((0, 4), (0, 10), 1),  # matches the object at (0, 4): stays, though wholly inside the region
        ((5, 9), (5, 10), 0),  # matches nothing and lies inside: goes
        ((4, 8), (6, 10), 1),  # matches nothing, exactly half inside: stays, it takes more than half
        ((4, 9), (6, 10), 0),  # three fifths inside: goes
    ],
)
def test_ignored_regions_by_hand(seen: tuple[int, int], region: tuple[int, int] | None, kept: int) -> None:
    frame, guess = MaskFrame((1,), (strip(0, 4),)), MaskFrame((8,), (strip(*seen),))
    assert mask_scene([frame], [guess], [region and strip(*region)]).pred_total == kept


def test_masks_that_share_a_pixel_are_refused() -> None:
    refuse_overlap([strip(0, 4), strip(4, 6)], 3, "out.txt")
    with pytest.raises(VistreamError, match=r"out\.txt: masks overlap in frame 3"):
        refuse_overlap([strip(0, 4), strip(3, 6)], 3, "out.txt")


def test_masks_of_two_sizes_are_refused() -> None:
    small = MaskFrame((1,), (strip(0, 2, (2, 10)),))
    with pytest.raises(VistreamError, match="2 x 10 pixels cannot be compared with one of 4 x 10"):
        mask_scene([MaskFrame((1,), (strip(0, 4),))], [small], [None])
