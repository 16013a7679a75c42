"""From what the user typed to one job a source, each with files of its own."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from vistream.addresses import MASK, without_secrets
from vistream.errors import VistreamError
from vistream.media.video.images import IMAGE_SUFFIXES, matching
from vistream.media.video.source import check_name
from vistream.pipeline.names import read_names
from vistream.pipeline.options import check_options, check_outputs
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.settings import Settings
from vistream.storage.names import check_distinct

SUFFIXES = {
    **{"video": ".mp4", "mot": ".txt", "mots": ".txt", "jsonl": ".jsonl", "csv": ".csv"},
    **{"coco": ".json", "posetrack": ".json", "davis": ""},
    **{"labels": "", "index": "", "panoptic": ".json"},
    **{"cvat": ".xml", "label_studio": ".json", "coco_video": ".json", "yolo": "", "crops": "", "heat_map": ".png"},
    **{"events": ".jsonl"},
}
"""Of the files that a source gets in the folder of an output; label maps have a folder of their own in it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One source to be tracked. `name`: what its files are called; no other job has it.

    `overwrite`: as for a `Recording`. `patience`: seconds to wait for outputs that another worker still holds.
    """

    name: str
    source: str
    settings: Settings
    paths: OutputPaths
    overwrite: bool = False
    patience: float = 0.0

    def about(self, line: str) -> str:
        """What is said while it is done, which is of one of many sources, beginning with which.

        >>> job = Job("a", "in/a.mp4", Settings(), OutputPaths())
        >>> job.about("in/a.mp4: the sound is left out"), job.about("the camera moves")
        ('in/a.mp4: the sound is left out', 'a: the camera moves')
        """
        return line if line.startswith((f"{self.source}: ", f"{self.source} ")) else f"{self.name}: {line}"


def sources_of(specs: Sequence[str]) -> list[str]:
    """The sources that the words of a command line stand for.

    A glob of images is one source; of anything else it is as many as it matches, in order of their names. Raises
    VistreamError for a glob without a match, a source named twice, and images one by one.
    """
    sources = [source for spec in specs for source in _expanded(spec)]
    if len(sources) > 1 and all(_is_image(source) for source in sources):
        raise VistreamError(f"{len(sources)} images, one by one: give their folder, or the pattern in quotes ('*.jpg')")
    twice = next((source for i, source in enumerate(sources) if source in sources[:i]), None)
    if twice is not None:
        raise VistreamError(f"{without_secrets(twice)} is named twice")
    return sources


def _expanded(spec: str) -> list[str]:
    if "://" in spec or Path(spec).exists() or not glob.has_magic(spec):
        return [spec]
    matches = matching(spec)
    if not matches:
        check_name(spec)
        raise VistreamError(f"{spec} matches nothing")
    others = [match for match in matches if not _is_image(match)]
    return others or [spec]


def _is_image(path: str) -> bool:
    return Path(path).suffix.lower() in IMAGE_SUFFIXES


def stem_of(source: str) -> str:
    """A name for files made from `source`.

    >>> stem_of("videos/a.mp4"), stem_of("seq/img1/"), stem_of("0"), stem_of("rtsp://ann:x@10.0.0.7:554/street?a=1")
    ('a', 'img1', 'camera0', '10.0.0.7-554-street')
    """
    if "://" in source:
        address = without_secrets(source).split("://", 1)[1].removeprefix(f"{MASK}@").split("?")[0].split("#")[0]
        return re.sub(r"[^\w.]+", "-", address).strip("-.") or "stream"
    if source.isdecimal() and not Path(source).exists():
        return f"camera{source}"
    return "images" if "*" in source else Path(source.rstrip("/")).stem or "camera"


def plan(sources: Sequence[str], settings: Settings, paths: OutputPaths, overwrite: bool = False) -> list[Job]:
    """A job for each source. `paths` names folders: in each, every source gets a file under its name.

    Where `paths` names none, each gets an annotated video in this folder, as a single source does.
    `detections` and what is given for the first frame may be folders too, with a file for every source. Raises
    VistreamError where a source's file is missing, or one job would write what another one reads or writes.
    """
    jobs: list[Job] = []
    for source in sources:
        stem = stem_of(source)
        taken = sum(job.name == stem or job.name.startswith(f"{stem}-") for job in jobs)
        name = f"{stem}-{taken + 1}" if taken else stem
        own = _own_outputs(paths, name) if paths.given() else OutputPaths(video=Path(f"{name}-tracks.mp4"))
        jobs.append(Job(name, source, _own_inputs(settings, name), own, overwrite))
    changed = settings.changed
    for job in jobs:
        job.paths.check(settings.task, settings.detector, settings.mot_classes)
        check_options(settings.task, changed)
        check_outputs(changed, job.paths)
    check_distinct([file for job in jobs for file in (*job.paths.names(), *read_names(job.source, job.settings))])
    return jobs


def _own_outputs(paths: OutputPaths, name: str) -> OutputPaths:
    own: dict[str, Path] = {}
    for field in fields(OutputPaths):
        folder: Path | None = getattr(paths, field.name)
        if folder is None:
            continue
        if folder.suffix in SUFFIXES.values() and folder.suffix:
            raise VistreamError(f"{folder}: of several sources each has a file of its own: name a folder for them")
        if folder.exists() and not folder.is_dir():
            raise VistreamError(f"{folder} can't be a folder for the results: it is a file")
        own[field.name] = folder / f"{name}{SUFFIXES[field.name]}"
    return OutputPaths(**own)


def _own_inputs(settings: Settings, name: str) -> Settings:
    own: dict[str, Path] = {}
    for option in ("detections", "init_mask", "init_poses"):
        folder: Path | None = getattr(settings, option)
        if folder is not None and folder.is_dir():
            found = [path for path in sorted(folder.iterdir()) if path.stem == name and path.is_file()]
            if not found:
                raise VistreamError(f"{folder} holds no file called {name}: one for every source is needed")
            own[option] = found[0]
    return replace(settings, **own)  # type: ignore[arg-type]  # the names are those of Settings
