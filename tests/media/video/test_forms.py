"""Videos as people have them: long sound, codecs that OpenCV lacks, pictures that move, pages, names of any letters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vistream.errors import VistreamError
from vistream.media.video.source import open_source

av = pytest.importorskip("av")

SIZE = (64, 48)


def picture(number: int) -> np.ndarray:
    """A square that moves."""
    frame = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
    frame[10:30, 3 * number : 3 * number + 16] = 220
    return frame


def encode(path: Path, codec: str, frames: int, sound: float = 0.0) -> Path:
    """A video of so many frames, 10 a second, with so many seconds of sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=8000) if sound else None
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, int(8000 * sound)), np.int16), format="s16", layout="mono"
            )
            silence.sample_rate = 8000
            silence.time_base = Fraction(1, 8000)
            silence.pts = 0
            container.mux(audio.encode(silence))
            container.mux(audio.encode())
    return path


def silence(seconds: float) -> Any:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, int(8000 * seconds)), np.int16), format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = 8000, Fraction(1, 8000), 0
    return frame


def frames_of(path: Path) -> list[np.ndarray]:
    with open_source(str(path)) as source:
        return [frame.image for frame in source]


def test_sound_may_be_longer_than_the_picture(tmp_path: Path) -> None:
    assert len(frames_of(encode(tmp_path / "a.mkv", "libx264", 10, sound=9.0))) == 10


def test_a_file_that_is_cut_short_still_is(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", "libx264", 80, sound=9.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 8])
    with pytest.raises(VistreamError, match=r"cut short|can be read"):
        frames_of(path)


@pytest.fixture
def as_scheduled() -> Iterator[None]:
    """SVT-AV1, where root runs it, makes the thread that calls it one of real time, before which all others starve."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    os.sched_setscheduler(0, policy, priority)


@pytest.mark.skipif("libsvtav1" not in av.codecs_available, reason="this PyAV can't write AV1")
def test_av1_is_decoded_or_named(tmp_path: Path, as_scheduled: None) -> None:
    found = frames_of(encode(tmp_path / "a.mp4", "libsvtav1", 6))
    assert len(found) == 6
    assert found[5][20, 20].mean() > 150 > found[5][20, 60].mean()


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        audio = container.add_stream("pcm_s16le", rate=8000)
        container.mux(audio.encode(silence(1.0)))
        container.mux(audio.encode())
    with pytest.raises(VistreamError, match=r"a\.mkv"):
        frames_of(path)


def test_the_pages_of_a_tiff_are_frames_and_a_thumbnail_is_none(tmp_path: Path) -> None:
    images = [Image.fromarray(picture(number)) for number in range(3)]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    assert len(frames_of(tmp_path / "a.tif")) == 3
    images[0].save(tmp_path / "b.tif", save_all=True, append_images=[images[0].resize((16, 12))])
    assert len(frames_of(tmp_path / "b.tif")) == 1


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.apng"])
def test_pictures_that_move_are_videos(name: str, tmp_path: Path) -> None:
    images = [Image.fromarray(picture(number)) for number in range(5)]
    kind = "WEBP" if name.endswith("webp") else "PNG"
    images[0].save(tmp_path / name, kind, save_all=True, append_images=images[1:], duration=50, loop=0)
    with open_source(str(tmp_path / name), start=1, stride=2) as source:
        assert (source.frame_count, source.fps) == (2, 20.0)
        found = list(source)
    assert [(frame.index, round(frame.time, 3)) for frame in found] == [(1, 0.05), (3, 0.15)]
    assert found[1].image[20, 12].mean() > 150 > found[1].image[20, 60].mean()


def test_a_picture_that_does_not_move_is_one_frame(tmp_path: Path) -> None:
    Image.fromarray(picture(0)).save(tmp_path / "a.webp")
    assert len(frames_of(tmp_path / "a.webp")) == 1


@pytest.mark.parametrize("address", ["file:///videos/a%20b.mp4", "FILE:///videos/a%20b.mp4"])
def test_the_address_of_a_file_is_no_camera(address: str) -> None:
    """Of which nobody would know that it is an output, too."""
    with pytest.raises(VistreamError, match=r"is a file of this machine: give its path, /videos/a b\.mp4"):
        open_source(address)


@pytest.mark.parametrize("address", ["https://www.youtube.com/watch?v=x", "https://youtu.be/x", "youtube.com/shorts/x"])
def test_the_address_of_a_page_names_what_fetches_it(address: str) -> None:
    with pytest.raises(VistreamError, match="yt-dlp"):
        open_source(address)


TEXTS = {
    "<!DOCTYPE html><html>not found</html>": "is a web page",
    "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n": "a pointer of Git LFS: .* git lfs pull",
    "hello\n": "it is text",
}


@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.nfo"])  # FFmpeg would draw the letters of the last two
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_in_place_of_a_video_is_called_one(text: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    with pytest.raises(VistreamError, match=TEXTS[text]):
        open_source(str(tmp_path / name))


def test_a_name_of_any_letters(tmp_path: Path) -> None:
    assert len(frames_of(encode(tmp_path / "Straße 中文 é.mkv", "libx264", 3))) == 3
    with pytest.raises(VistreamError, match="not valid UTF-8"):
        open_source(f"{tmp_path}/\udcff.mp4")


@pytest.mark.parametrize(
    "name", ["12:30:00.mp4", "file:a.mp4", "http:a.mp4", "100%d.mp4", "a[1] ?*.mp4", "-a.mp4", "7"]
)
def test_a_file_in_this_folder_is_a_file_whatever_it_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / "a.mkv", "libx264", 3).rename(name)
    assert len(frames_of(Path(name))) == 3


def test_brackets_of_a_folder_mean_themselves_and_numbers_are_its_images(tmp_path: Path) -> None:
    folder = tmp_path / "clip [1] 50%"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(picture(number)).save(folder / f"{number:04d}.png")
    assert len(frames_of(folder / "*.png")) == 3
    with pytest.raises(VistreamError, match=r"for numbered images give their folder, .*\[1\]"):
        open_source(str(folder / "%04d.png"))


def test_a_playlist_that_may_grow_is_read_in_part_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    playlist = tmp_path / "list.m3u8"
    options = {"hls_time": "1", "hls_list_size": "0"}
    with av.open(str(playlist), "w", format="hls", options=options) as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"g": "25"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(125):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number % 16), format="rgb24")))
        container.mux(stream.encode())
    assert len(frames_of(playlist)) == 125
    assert "list.m3u8" not in caplog.text
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST\n", ""))
    with open_source(str(playlist)) as source:  # not to its end: FFmpeg waits there for more
        assert np.abs(next(source).image.astype(int) - picture(50 % 16)).mean() < 4
    assert "list.m3u8 lacks the line #EXT-X-ENDLIST: FFmpeg begins at the third last part" in caplog.text
