"""The names of COCO's classes, in the order in which networks trained on COCO number them."""

from __future__ import annotations

CLASSES: tuple[str, ...] = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard",
    "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
"""The 80 classes of the detection task."""
PERSON = CLASSES[0]

_UNUSED_IDS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)

CLASSES_BY_ID: tuple[str, ...] = tuple(
    f"unused {number}" if number in _UNUSED_IDS else CLASSES[number - sum(gap <= number for gap in _UNUSED_IDS)]
    for number in range(91)
)
"""The same by COCO's own category ids 0..90, with their gaps, as DETR numbers them."""

KEYPOINTS: tuple[str, ...] = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
    "left_ankle", "right_ankle",
)  # fmt: skip
"""The 17 points of the keypoint task: a person's left is left."""


def usual_names(classes: int | None, keypoints: int, ids: bool) -> tuple[str, ...]:
    """Names where a file gives none, by the number of `classes`; None: the file numbers them, as COCO's `ids` or not.

    `keypoints`: of each object.
    """
    if classes is None:
        return CLASSES_BY_ID if ids else CLASSES
    if classes == 1 and keypoints == len(KEYPOINTS):
        return CLASSES[:1]
    for usual in (CLASSES, CLASSES_BY_ID):
        if len(usual) == classes:
            return usual
    return tuple(f"class {number}" for number in range(classes))
