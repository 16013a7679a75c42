"""Other people's trackers on the same detections, in an environment of their own: see `peer_runner.py`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from association.cases import Case, ready
from association.clips import View
from association.footage import Footage

PACKAGES = ("trackers==2.6.1", "opencv-python-headless")
WITHOUT_DEPENDENCIES = ("boxmot==25.0.0", "lap", "loguru", "filterpy", "ftfy", "gdown", "regex")
RUNNER = Path(__file__).parent / "peer_runner.py"


@dataclass(frozen=True)
class Peer:
    """A tracker of a package; `told`: it is told the frame rate, else it runs as shipped. `camera`: it compensates."""

    library: str
    name: str
    told: bool = False
    camera: bool = False

    def __str__(self) -> str:
        return f"{self.library} {self.name.removesuffix('Tracker')}{', told the frame rate' if self.told else ''}"


PEERS = (
    *(
        Peer("trackers", f"{name}Tracker", told)
        for name in ("SORT", "ByteTrack", "OCSORT", "CBIoU")
        for told in (False, True)
    ),
    *(
        Peer("trackers", f"{name}Tracker", told, camera=True)
        for name in ("BoTSORT", "McByte")
        for told in (False, True)
    ),
    *(Peer("boxmot", name) for name in ("OcSort", "SFSORT")),
    Peer("boxmot", "ByteTrack"),
    Peer("boxmot", "ByteTrack", told=True),
    *(
        Peer("boxmot", name, camera=True)
        for name in ("BoostTrack", "DeepOcSort", "HybridSort", "OccluBoost", "BotSort")
    ),
    Peer("boxmot", "BotSort", told=True, camera=True),
)


class Peers:
    """Runs peers over cases; environment and results are kept in `folder`, and nothing is run twice."""

    def __init__(self, folder: Path, footage: Footage) -> None:
        self.folder, self.footage = folder, footage
        self.python = folder / "env" / "bin" / "python"

    def install(self) -> None:
        """Make the environment. boxmot wants torch, but not for what runs here beyond the import: it takes ours."""
        if self.python.exists():
            return
        subprocess.run([sys.executable, "-m", "venv", self.folder / "env"], check=True)
        install: list[str | Path] = [self.python, "-m", "pip", "--quiet", "install"]
        subprocess.run([*install, *PACKAGES], check=True)
        subprocess.run([*install, "--no-deps", *WITHOUT_DEPENDENCIES], check=True)

    def run(self, cases: list[Case], peers: tuple[Peer, ...] = PEERS) -> None:
        """Run what has no result yet."""
        jobs = [self._job(case, peer) for case in cases for peer in peers if not self._result(case, peer).exists()]
        if not jobs:
            return
        self.install()
        list_of_jobs = self.folder / "jobs.json"
        list_of_jobs.write_text(json.dumps(jobs), encoding="utf-8", newline="")
        torch = find_spec("torch")
        assert torch is not None and torch.origin is not None
        subprocess.run([self.python, RUNNER, list_of_jobs, Path(torch.origin).parents[1]], check=True)

    def found(self, case: Case, peer: Peer) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]] | None:
        """Ids and boxes of every frame of the case; None where the peer failed."""
        file = self._result(case, peer)
        if not file.exists():
            return None
        rows = np.load(file)["rows"]
        frames = [rows[rows[:, 0] == k] for k in range(len(ready(self.footage.data, case).numbers))]
        return [(of[:, 1].astype(np.int64), of[:, 2:]) for of in frames]

    def _result(self, case: Case, peer: Peer) -> Path:
        return self.folder / "results" / f"{slug(case)}_{peer.library}-{peer.name}{'-told' if peer.told else ''}.npz"

    def _job(self, case: Case, peer: Peer) -> dict[str, object]:
        given = self.folder / "results" / f"{slug(case)}.npz"
        if not given.exists():
            given.parent.mkdir(parents=True, exist_ok=True)
            sequence = ready(self.footage.data, case)
            np.savez(
                given,
                boxes=np.concatenate([seen.boxes for seen in sequence.seen]),
                scores=np.concatenate([seen.scores for seen in sequence.seen]),
                counts=np.array([len(seen) for seen in sequence.seen]),
                numbers=np.array(sequence.numbers),
                fps=sequence.fps,
            )
        frames = self.footage.frames(View(case.clip, case.moving))
        peer_key = (peer.library, peer.name, peer.told)
        return {"peer": peer_key, "given": str(given), "frames": str(frames), "result": str(self._result(case, peer))}


def slug(case: Case) -> str:
    """A file name for a case."""
    kind = "gt" if case.truth else "public"
    parts = [case.clip, kind, f"every{case.every}", "moving" if case.moving else "fixed"]
    parts += [
        f"{name}{getattr(case, name)}" for name in ("drop", "shake", "false", "weak", "seed") if getattr(case, name)
    ]
    return "_".join(parts)
