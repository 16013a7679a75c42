"""Which prediction belongs to which ground truth: two files, or two folders of sequences.

Two files are a pair whatever they are called. In folders, a sequence is what the benchmarks make of it
(`<sequence>/gt/gt.txt`, `<sequence>.txt` and the like); its prediction carries the sequence's name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vistream.errors import VistreamError
from vistream.evaluate.chosen import chosen
from vistream.media.formats.davis import png_files


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a task keeps its files; `{}` stands for the sequence, `*` for what of its name follows; the first pattern
    that finds anything is taken.

    `folders`: a sequence may be a folder of label maps; `files`: it may be a file.
    """

    gt: tuple[str, ...]
    pred: tuple[str, ...]
    folders: bool = False
    files: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """One sequence: its name, its ground truth, its prediction. `starts`: the number of the ground truth's first frame,
    where that is known and another than the option says. `most`: how many of its first frames are scored; None: all.
    """

    name: str
    gt: Path
    pred: Path
    starts: int | None = None
    most: int | None = None

    @property
    def scored(self) -> str:
        """What of the ground truth is scored, in words."""
        return str(self.gt) if self.most is None else f"{self.gt}, of which the first {self.most} frames are scored,"


ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".xz", ".bz2", ".7z", ".rar")
"""How the names of files end in which benchmarks have results handed in, and in which data sets come."""

_TEXT = ("{}.txt", "data/{}.txt", "{}/{}.txt")

LAYOUTS = {
    "mot": Layout(("{}/gt/gt.txt", "{}.txt"), _TEXT),
    "mots": Layout(
        ("{}/gt/gt_mots.txt", "{}/gt/gt.txt", "instances/{}", "instances_txt/{}.txt", "{}.txt", "{}"),
        (*_TEXT, "{}"),
        folders=True,
    ),
    "vos": Layout(("Annotations/480p/{}", "{}"), ("{}",), folders=True, files=False),
    "pose": Layout(("{}/gt.json", "{}.json"), ("{}.json",)),
    "sot": Layout(("{}/groundtruth_rect*.txt", "{}.txt"), _TEXT),
    "semseg": Layout(("{}/semantic", "{}/labels", "{}"), ("{}", "{}/semantic", "{}/labels"), folders=True, files=False),
    "panoptic": Layout(("{}.json", "annotations/{}.json"), ("{}.json",)),
}


def find_pairs(task: str, gt: Path, pred: Path, wanted: Sequence[str] = ()) -> list[Pair]:
    """The sequences to score, by name; of them those that fit one of the `wanted` globs (none: all).

    Raises VistreamError where a path or a prediction is missing or an archive, or nothing is found or fits a glob.

    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("gt/a/gt/gt.txt", "gt/b/gt/gt.txt", "out/a.txt", "out/b.txt"):
    ...     (root / name).parent.mkdir(parents=True, exist_ok=True)
    ...     _ = (root / name).write_text("")
    >>> [(p.name, p.pred.name) for p in find_pairs("mot", root / "gt", root / "out")]
    [('a', 'a.txt'), ('b', 'b.txt')]
    >>> [p.name for p in find_pairs("mot", root / "gt/a", root / "out/a.txt")]
    ['a']
    """
    layout = LAYOUTS[task]
    for path in (gt, pred):
        if not path.exists():
            raise VistreamError(f"{path} does not exist")
        if path.is_file() and path.name.lower().endswith(ARCHIVES):
            raise VistreamError(f"{path} is an archive: unpack it and give the folder")
    alone = _alone(gt, layout)
    if alone is not None:
        name = _name(alone, layout)
        chosen([name], wanted, gt, task)
        return [Pair(name, alone, _prediction_alone(gt, pred, name, layout))]
    if not pred.is_dir():
        raise VistreamError(f"{gt} is a folder of sequences, {pred} is not: give two of a kind")
    found = _sequences(gt, task)
    return [Pair(name, found[name], _prediction(pred, name, layout)) for name in chosen(found, wanted, gt, task)]


def unused_note(pairs: Sequence[Pair], pred: Path) -> list[str]:
    """A note on predictions in the folder `pred` that have no ground truth, if there are any."""
    if pairs[0].pred == pred:
        return []
    folder, ending = pairs[0].pred.parent, pairs[0].pred.suffix
    others = {p for p in folder.iterdir() if p.suffix == ending and not p.name.startswith(".")}
    left = sorted(p.name for p in others - {pair.pred for pair in pairs})
    return [f"without ground truth, not scored: {', '.join(left)}"] if left else []


def _is_sequence(path: Path, layout: Layout) -> bool:
    return (layout.folders and bool(png_files(path))) or (layout.files and path.is_file())


def _alone(gt: Path, layout: Layout) -> Path | None:
    """The ground truth of the one sequence that `gt` is, or that it is the folder of; None for a folder of
    many.
    """
    inside = [gt] if _is_sequence(gt, layout) else _inside(gt, layout)
    return inside[0] if len(inside) == 1 else None


def _inside(gt: Path, layout: Layout) -> list[Path]:
    """The ground truth of the sequences whose folder `gt` itself is: one, or of OTB one a target."""
    for pattern in layout.gt:
        if pattern.startswith("{}/"):
            found = [path for path in sorted(gt.glob(pattern.removeprefix("{}/"))) if _is_sequence(path, layout)]
            if found:
                return found
    return []


def _prediction_alone(gt: Path, pred: Path, name: str, layout: Layout) -> Path:
    """The prediction of a single sequence: `pred`, or what lies in it as in the sequence's own folder."""
    inside = [pattern.removeprefix("{}/") for pattern in layout.pred if pattern.startswith("{}/")]
    for path in (pred, *(pred / pattern.replace("{}", name) for pattern in inside)):
        if _is_sequence(path, layout):
            return path
    if pred.is_dir() and not layout.files:
        raise VistreamError(f"{pred} holds no label maps (*.png), which {gt} does")
    raise VistreamError(f"{gt} is one sequence, {pred} is not: give two of a kind")


def _matches(path: str, pattern: str) -> str | None:
    """What `{}` and `*` stand for where the end of `path` fits the pattern."""
    form = re.escape(pattern).replace(r"\{\}", "([^/]+)").replace(r"\*", "([^/]*)")
    found = re.search(f"(?:^|/){form}$", path)
    return "".join(found.groups()) if found else None


def _name(gt: Path, layout: Layout) -> str:
    path = gt.resolve()
    names = (_matches(path.as_posix(), pattern) for pattern in layout.gt)
    return next((name for name in names if name), path.stem)


def _sequences(gt: Path, task: str) -> dict[str, Path]:
    layout = LAYOUTS[task]
    targets = _inside(gt, layout)
    if targets:
        return {_name(path, layout): path for path in targets}
    for pattern in layout.gt:
        paths = (path for path in sorted(gt.glob(pattern.replace("{}", "*"))) if _is_sequence(path, layout))
        found = {_matches(path.as_posix(), pattern) or path.stem: path for path in paths}
        if found:
            return found
    wanted = ", ".join(pattern.replace("{}", "NAME") for pattern in layout.gt)
    raise VistreamError(f"{gt} holds no ground truth for {task}: {wanted} is looked for")


def _prediction(pred: Path, name: str, layout: Layout) -> Path:
    tried = [pred / pattern.replace("{}", name) for pattern in layout.pred]
    for path in tried:
        if _is_sequence(path, layout):
            return path
    raise VistreamError(f"{tried[0]} is missing: every sequence of the ground truth needs a prediction")
