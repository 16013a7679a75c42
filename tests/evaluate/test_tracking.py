"""HOTA, CLEAR and Identity: tiny cases by hand, TrackEval on random scenes, the published TUD figures."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.metrics.clear import clear, combine_clear
from vistream.evaluate.metrics.hota import combine_hota, hota
from vistream.evaluate.metrics.identity import combine_identity, identity
from vistream.evaluate.metrics.overlap import box_iou
from vistream.evaluate.metrics.scene import Scene, make_scene

Side = tuple[list[NDArray[np.int64]], list[NDArray[np.float64]]]  # per frame: ids, boxes

ORACLE_CLEAR = {"Recall": "CLR_Re", "Precision": "CLR_Pr", "FP": "CLR_FP", "FN": "CLR_FN"}


def scene_of(ground_truth: Side, tracked: Side) -> Scene:
    similarity = [box_iou(a, b) for a, b in zip(ground_truth[1], tracked[1], strict=True)]
    return make_scene(ground_truth[0], tracked[0], similarity)


def random_scene(seed: int, frames: int = 30, objects: int = 6) -> Scene:
    """Objects that come and go; a tracker that misses, invents, jitters and swaps ids; empty frames."""
    rng = np.random.default_rng(seed)
    start, speed = rng.uniform(0, 60, (objects, 2)), rng.normal(0, 2, (objects, 2))
    size = rng.uniform(12, 30, (objects, 2))
    names = np.arange(objects) * 3 + 1  # ids with holes
    ground_truth: Side = ([], [])
    tracked: Side = ([], [])
    for frame in range(frames):
        boxes = np.concatenate([start + speed * frame, size], axis=1)
        here = rng.random(objects) < 0.85
        seen = here & (rng.random(objects) < 0.8)
        if rng.random() < 0.1:
            names[rng.permutation(objects)[:2]] = names.max() + np.array([1, 5])
        if rng.random() < 0.1:
            first, second = rng.permutation(objects)[:2]
            names[[first, second]] = names[[second, first]]
        here &= rng.random() > 0.07
        seen &= rng.random() > 0.07
        noisy = boxes + rng.normal(0, 2.0, boxes.shape)
        noisy[:, 2:] = np.maximum(noisy[:, 2:], 1.0)
        invented = rng.uniform([0, 0, 8, 8], [60, 60, 30, 30], (rng.poisson(0.5), 4))
        order = rng.permutation(objects)
        order = order[seen[order]]
        ground_truth[0].append(np.flatnonzero(here) * 2 + 10)
        ground_truth[1].append(boxes[here])
        tracked[0].append(np.concatenate([names[order], 10_000 + 10 * frame + np.arange(len(invented))]))
        tracked[1].append(np.concatenate([noisy[order], invented]))
    return scene_of(ground_truth, tracked)


def oracle(scene: Scene) -> dict[str, dict[str, Any]]:
    """What TrackEval says of the scene, a metric family each."""
    import trackeval.metrics as trackeval

    data = {
        "num_timesteps": len(scene),
        "num_gt_ids": scene.gt_tracks,
        "num_tracker_ids": scene.pred_tracks,
        "num_gt_dets": scene.gt_total,
        "num_tracker_dets": scene.pred_total,
        "gt_ids": list(scene.gt_ids),
        "tracker_ids": list(scene.pred_ids),
        "similarity_scores": list(scene.similarity),
    }
    quiet = {"PRINT_CONFIG": False}
    families = (trackeval.HOTA(), trackeval.CLEAR(quiet), trackeval.Identity(quiet))
    return {family.get_name(): family.eval_sequence(data) for family in families}


def combined_oracle(scenes: list[Scene]) -> dict[str, dict[str, Any]]:
    import trackeval.metrics as trackeval

    answers = [oracle(scene) for scene in scenes]
    quiet = {"PRINT_CONFIG": False}
    families = (trackeval.HOTA(), trackeval.CLEAR(quiet), trackeval.Identity(quiet))
    names = [family.get_name() for family in families]
    return {
        name: family.combine_sequences({str(i): answer[name] for i, answer in enumerate(answers)})
        for name, family in zip(names, families, strict=True)
    }


def expect_hota(row: dict[str, float], theirs: dict[str, Any]) -> None:
    assert row == pytest.approx({name: float(np.mean(theirs[name])) for name in row}, abs=1e-6)


def expect_clear(row: dict[str, float], theirs: dict[str, Any]) -> None:
    assert row == pytest.approx({n: float(theirs[ORACLE_CLEAR.get(n, n)]) for n in row}, abs=1e-6)


def expect_identity(row: dict[str, float], theirs: dict[str, Any]) -> None:
    assert row == pytest.approx({name: float(theirs[name]) for name in row}, abs=1e-6)


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(50))
def test_random_scenes_score_as_trackeval_scores_them(seed: int) -> None:
    scene = random_scene(seed)
    theirs = oracle(scene)
    expect_hota(hota(scene).row(), theirs["HOTA"])
    expect_clear(clear(scene).row(), theirs["CLEAR"])
    assert clear(scene).smota == pytest.approx(theirs["CLEAR"]["sMOTA"], abs=1e-6)
    expect_identity(identity(scene).row(), theirs["Identity"])


@pytest.mark.parity
def test_sequences_combine_as_trackeval_combines_them() -> None:
    nothing_found = make_scene([[1], [1]], [[], []], [np.zeros((1, 0))] * 2)
    only_invented = make_scene([[], []], [[1], [1, 2]], [np.zeros((0, 1)), np.zeros((0, 2))])
    scenes = [*(random_scene(seed, frames=12) for seed in range(5)), nothing_found, only_invented]
    theirs = combined_oracle(scenes)
    expect_hota(combine_hota([hota(s) for s in scenes]).row(), theirs["HOTA"])
    expect_clear(combine_clear([clear(s) for s in scenes]).row(), theirs["CLEAR"])
    expect_identity(combine_identity([identity(s) for s in scenes]).row(), theirs["Identity"])


PUBLISHED = {  # MOTA, IDF1, IDSW, HOTA, as the README of motmetrics 1.4 prints them
    "TUD-Campus": (0.526462, 0.557659, 7, 0.3914),
    "TUD-Stadtmitte": (0.564014, 0.644619, 7, 0.3978),
}


def tud(sequence: str) -> Scene:
    """Ground truth and tracker output that the motmetrics wheel carries."""
    inside = {str(f): Path(str(f.locate())) for f in files("motmetrics") or []}

    def read(name: str, frames: int) -> Side:
        table = np.loadtxt(inside[f"motmetrics/data/{sequence}/{name}.txt"], delimiter=",")
        rows = [table[table[:, 0] == frame] for frame in range(1, frames + 1)]
        return [r[:, 1].astype(np.int64) for r in rows], [r[:, 2:6] for r in rows]

    frames = {"TUD-Campus": 71, "TUD-Stadtmitte": 179}[sequence]
    return scene_of(read("gt", frames), read("test", frames))


@pytest.mark.parity
def test_the_tud_fixture_has_its_published_figures() -> None:
    scenes = {name: tud(name) for name in PUBLISHED}
    for name, (mota, idf1, idsw, score) in PUBLISHED.items():
        assert clear(scenes[name]).mota == pytest.approx(mota, abs=5e-7)
        assert identity(scenes[name]).idf1 == pytest.approx(idf1, abs=5e-7)
        assert clear(scenes[name]).idsw == idsw
        assert hota(scenes[name]).row()["HOTA"] == pytest.approx(score, abs=5e-5)
    overall = combine_clear([clear(s) for s in scenes.values()])
    assert overall.mota == pytest.approx(0.555116, abs=5e-7)
    assert overall.idsw == 14
    assert combine_identity([identity(s) for s in scenes.values()]).idf1 == pytest.approx(0.624296, abs=5e-7)
    assert combine_hota([hota(s) for s in scenes.values()]).row()["HOTA"] == pytest.approx(0.4, abs=5e-5)


case = pytest.param
CASES = [  # gt ids, predicted ids, similarities; then MOTA, IDF1 and DetA at threshold 0.5, by hand
    case([[1], [1]], [[5], [5]], [[[0.9]], [[0.9]]], 1.0, 1.0, 1.0, id="followed throughout"),
    # 2 misses of 2
    case([[1], [1]], [[], []], [[[]], [[]]], 0.0, 0.0, 0.0, id="never found"),
    # 1 - 1/2; 2 * 1 / (2 + 1)
    case([[1], [1]], [[5], []], [[[0.9]], [[]]], 0.5, 2 / 3, 0.5, id="a miss"),
    # 1 - 1/1; 2 * 1 / (1 + 2)
    case([[1]], [[5, 6]], [[[0.9, 0.0]]], 0.0, 2 / 3, 0.5, id="an invention"),
    # 1 - 1/2; one appearance of two has the right name
    case([[1], [1]], [[5], [6]], [[[0.9]], [[0.9]]], 0.5, 0.5, 1.0, id="a switch"),
    case([[1]], [[5]], [[[0.5]]], 1.0, 1.0, 1.0, id="exactly one half counts"),
    # a miss and a false positive: 1 - 2/1
    case([[1]], [[5]], [[[0.49]]], -1.0, 0.0, 0.0, id="just below one half"),
    # no switch: the one false positive is the nearer newcomer; 2 * 2 / (2 + 3)
    case([[1], [1]], [[5], [5, 6]], [[[0.9]], [[0.6, 0.9]]], 0.5, 0.8, 2 / 3, id="the old partner is kept"),
    case([[]], [[5]], [[]], 0.0, 0.0, 0.0, id="nobody there, something seen"),
    case([[]], [[]], [[]], 0.0, 0.0, 0.0, id="nobody there, nothing seen"),
    case([], [], [], 0.0, 0.0, 0.0, id="no frame at all"),
]


@pytest.mark.parametrize(("gt", "pred", "similarity", "mota", "idf1", "det_a"), CASES)
def test_small_scenes_by_hand(
    gt: list[list[int]],
    pred: list[list[int]],
    similarity: list[list[list[float]]],
    mota: float,
    idf1: float,
    det_a: float,
) -> None:
    scene = make_scene(gt, pred, similarity)
    assert clear(scene).mota == pytest.approx(mota)
    assert identity(scene).idf1 == pytest.approx(idf1)
    assert hota(scene).det_a[9] == pytest.approx(det_a)


def test_names_do_not_matter() -> None:
    """Renaming objects and predictions, one for one, changes no figure."""
    scene = random_scene(3)
    rng = np.random.default_rng(0)
    gt, pred = rng.permutation(scene.gt_tracks) + 100, rng.permutation(scene.pred_tracks) * 7
    renamed = make_scene([gt[i] for i in scene.gt_ids], [pred[i] for i in scene.pred_ids], scene.similarity)
    assert hota(renamed).row() == pytest.approx(hota(scene).row(), abs=1e-12)
    assert clear(renamed).row() == pytest.approx(clear(scene).row(), abs=1e-12)
    assert identity(renamed).row() == pytest.approx(identity(scene).row(), abs=1e-12)


def test_an_id_twice_in_a_frame_is_refused() -> None:
    with pytest.raises(VistreamError, match=r"prediction: frame 1 \(from 0\) has id 4 more than once"):
        make_scene([[1], [1]], [[4], [4, 4]], [[[1.0]], [[1.0, 0.0]]])
