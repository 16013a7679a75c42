"""What the studies share: the clips, tracking one of them, a Markdown table, a figure. No study is in here."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from matplotlib import style
from matplotlib.figure import Figure

from vistream.atomic import replacing
from vistream.bench.clips import real_frames
from vistream.engine.stream.engine import Stream
from vistream.evaluate.datasets.clips import find_clips
from vistream.evaluate.datasets.cut import cut_clip
from vistream.evaluate.datasets.observed import PUBLIC, make_evaluation_observer
from vistream.evaluate.files.score import evaluate_files
from vistream.media.formats.mot import MotWriter
from vistream.media.video.fit import fit
from vistream.media.video.source import open_source
from vistream.tracking.mot import MotTracker
from vistream.types import Frame, Result

CLIPS = {
    "PETS09-S2L1": "mot/PETS09-S2L1/img1",
    "PETS09-S2L1-full480": "mot/PETS09-S2L1-full480/PETS09-S2L1_480x360.mp4",
    "TUD-Stadtmitte": "mot/TUD-Stadtmitte/TUD-Stadtmitte.mp4",
    "bedroom": "demo/moving_people_sam2_bedroom.mp4",
    "libby": "vos/DAVIS2016/JPEGImages/480p/libby",
    "blackswan": "vos/DAVIS2016/JPEGImages/480p/blackswan",
}
"""By name, where they lie below the folder of real clips. The cameras of the last three move."""

OURS, OTHER, PLAIN = "#0072b2", "#d55e00", "#8a8a8a"  # Okabe and Ito's, and grey


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows a module's docstring as it stands, and takes the folder of real clips."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="the folder of real clips")
    return parser


@dataclass(frozen=True, slots=True)
class Segmented:
    """What a study of networks that segment is to look at: clips by name, of so many frames, and the side of a picture
    for the full-size network, 0 for none."""

    clips: dict[str, list[Frame]]
    frames: int
    size: int


def segmented(description: str, frames: int, size: int, arguments: Sequence[str] | None) -> Segmented:
    """Read the command line of such a study; `frames` of each clip and `size` unless it says otherwise. One thread."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("videos", nargs="*", help="clips for the network that comes with the package")
    parser.add_argument("--frames", type=int, default=frames, help="of each")
    parser.add_argument("--size", type=int, default=size, help="of the full-size network's picture; 0: without it")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    clips = {}
    for video in options.videos:
        with open_source(video, max_frames=options.frames) as source:
            clips[video] = [frame.image for frame in source]
    return Segmented(clips, options.frames, options.size)


def clip_frames(root: Path, clip: str, count: int) -> list[Frame]:
    """The first `count` frames of one of `CLIPS`, at the size at which the tracker would look at them."""
    return real_frames(str(root / CLIPS[clip]), count)


def mot_scores(root: Path, name: str, stream: Stream, count: int) -> tuple[dict[str, float], float]:
    """HOTA, IDF1 and MOTA on the first `count` frames of a MOT clip with its public detections, and the work's share.

    For streams that no `Session` can be told to make.
    """
    (clip,) = find_clips("mot", root, (name,))
    macs = dense = 0
    with TemporaryDirectory() as folder, ExitStack() as stack:
        clip = cut_clip(clip, count, Path(folder))
        source = stack.enter_context(clip.open())
        observer = make_evaluation_observer(clip, "mot", PUBLIC, source, ())
        assert observer.detector is not None
        tracker, found = MotTracker(fps=clip.fps or source.fps or 30.0), Path(folder) / "found.txt"
        with MotWriter(found) as writer:
            for number, frame in enumerate(source):
                seen = observer.detector.detect(frame.image, number)
                step = stream.step(fit(frame.image))
                tracks = tracker.step(step.features(frame.image), seen)
                writer.write(Result(number, frame.time, tracks, len(seen)))
                macs, dense = macs + step.work.macs, dense + step.work.macs_dense
        scores = evaluate_files("mot", clip.ground_truth, found).overall
    return {metric: float(scores[metric]) for metric in ("HOTA", "IDF1", "MOTA")}, macs / dense


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table, row by row as they come."""
    print("\n| " + " | ".join(header) + " |\n|" + "---|" * len(header), flush=True)
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


@contextmanager
def svg_figure(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure of `size` (width, height) inches, written as SVG at the end, the same bytes for the same content."""
    settings = {"font.size": 9, "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False}
    with style.context({**settings, "svg.hashsalt": "vistream"}):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        with replacing(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})
