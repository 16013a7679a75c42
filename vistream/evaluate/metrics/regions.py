"""Who takes part in the scoring where a ground truth has regions, or classes, that are not scored.

After the development kits of KITTI (Geiger et al., CVPR 2012) and VisDrone (Zhu et al., 2018): a prediction on an
object that is scored counts; of the others, those are left out that lie by more than half on what is not scored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vistream.evaluate.metrics.overlap import box_cover

_EPS = float(np.finfo(np.float64).eps)


def outside_regions(
    similarity: NDArray[np.float64],
    predictions: NDArray[np.float64],
    gt: NDArray[np.float64],
    objects: NDArray[np.bool_],
    threshold: float = 0.5,
) -> NDArray[np.bool_]:
    """For one frame, which predictions count: bool `[P]`.

    `similarity` `[G, P]` between all boxes `expected` `[G, 4]` and `predictions` `[P, 4]`; `objects` `[G]`: which of
    the former are scored; the others are regions, or objects of other classes.

    The second prediction lies inside a region, the third nowhere:

    >>> gt = np.array([[0.0, 0, 10, 10], [50, 50, 100, 100]])
    >>> seen = np.array([[0.0, 0, 10, 9], [60, 60, 20, 20], [300, 0, 9, 9]])
    >>> from vistream.evaluate.metrics.overlap import box_iou
    >>> outside_regions(box_iou(gt, seen), seen, gt, np.array([True, False])).tolist()
    [True, False, True]
    """
    gain = np.where(similarity[objects] >= threshold - _EPS, similarity[objects], 0.0)
    rows, columns = linear_sum_assignment(-gain)
    found = np.zeros(len(predictions), dtype=np.bool_)
    found[columns[gain[rows, columns] > _EPS]] = True
    inside = (box_cover(predictions, gt[~objects]) > threshold).any(1)
    return found | ~inside
