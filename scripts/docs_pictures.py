"""The pictures of the documentation, all of them of our own demo clips, by the program itself.

    python scripts/docs_pictures.py docs/figures

Needs the extra test (Playwright) and a Chromium on the machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from vistream.media.video.source import open_source

if TYPE_CHECKING:
    from playwright.sync_api import Page

DEMO = Path(__file__).parents[1] / "demo_videos"
CLIP = DEMO / "plaza_static.mp4"
COMMAND = [sys.executable, "-c", "from vistream.cli.main import run; run()"]
SHOWN = 150  # the frame of which a picture is made
COUNTED = 120  # that of the pages on counting


def track(*options: str) -> None:
    """Track the demo clip, on its own detections, with more options."""
    arguments = ["track", f"{DEMO.name}/{CLIP.name}", "--detections", f"{DEMO.name}/plaza_static/det/det.txt", *options]
    subprocess.run([*COMMAND, *arguments], check=True, cwd=DEMO.parent)


def counted(video: Path) -> None:
    """The pictures of the pages on counting: a line down the middle, and a zone."""
    zone = "0,200,250,200,250,384,0,384,corner"
    track("--line", "0.5,0.3,0.5,1,middle", "--zone", zone, "-o", str(video))


@contextmanager
def pages(width: int, height: int) -> Iterator[Page]:
    """A page of a headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": width, "height": height})
        browser.close()


def save(png: Path, path: Path, width: int) -> None:
    """Shrink to `width` and write a JPEG."""
    with Image.open(png) as picture:
        size = (width, round(picture.height * width / picture.width))
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        small.save(path, quality=82, optimize=True)


def picture_of_report(report: Path, path: Path, temporary: Path) -> None:
    """The page in a desktop browser."""
    with pages(1280, 1500) as page:
        page.goto((report / "index.html").as_uri())
        page.evaluate(f"document.querySelector('video').currentTime = {SHOWN / 25}")
        page.wait_for_timeout(1000)
        page.screenshot(path=str(temporary / "report.png"), full_page=True)
    save(temporary / "report.png", path, 900)


def picture_of_page(path: Path, temporary: Path) -> None:
    """Both clips in `vistream serve`, after a while."""
    sources = [str(DEMO / "plaza_static.mp4"), str(DEMO / "plaza_pan.mp4")]
    options = ["--detector", "motion", "--fidelity", "high", "--loop", "--port", "0"]
    with subprocess.Popen([*COMMAND, "serve", *sources, *options], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        assert address is not None
        with pages(1280, 480) as page:
            page.goto(address[0])
            page.wait_for_timeout(30_000)
            page.screenshot(path=str(temporary / "serve.png"))
        server.send_signal(signal.SIGINT)
    save(temporary / "serve.png", path, 1000)


def picture_of_video(video: Path, path: Path, shown: int = SHOWN) -> None:
    """One frame of the annotated video."""
    with open_source(str(video), start=shown, max_frames=1) as frames:
        Image.fromarray(next(frames).image).save(path, quality=85, optimize=True)


def main() -> None:
    """Make them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        counted(temporary / "counted.mp4")
        picture_of_video(temporary / "counted.mp4", folder / "counting.jpg", COUNTED)
        track("--fidelity", "high", "--report", str(temporary / "report"))
        picture_of_video(temporary / "report" / "tracks.mp4", folder / "track.jpg")
        picture_of_report(temporary / "report", folder / "report.jpg", temporary)
        picture_of_page(folder / "serve.jpg", temporary)


if __name__ == "__main__":
    main()
