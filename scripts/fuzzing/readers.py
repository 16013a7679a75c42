"""Every reader of files that may come from anywhere, by name."""

from __future__ import annotations

from fuzzing.detections import DETECTIONS
from fuzzing.pictures import PICTURES
from fuzzing.reader import Reader
from fuzzing.settings import SETTINGS
from fuzzing.texts import TEXTS
from fuzzing.videos import VIDEOS
from fuzzing.weights import WEIGHTS

READERS: dict[str, Reader] = TEXTS | DETECTIONS | PICTURES | VIDEOS | WEIGHTS | SETTINGS
