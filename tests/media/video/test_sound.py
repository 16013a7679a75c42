"""The sound of the source stays with the pictures that are drawn; WebM and GIF are written too."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from soundfiles import FPS, RATE, SIZE, picture, source

from vistream.errors import VistreamError
from vistream.media.video.sink import VideoSink
from vistream.media.video.sound import Sound, sound_of


def loudness(path: Path) -> tuple[float, float, float]:
    """Seconds of sound, and how loud its first and second halves are."""
    with av.open(str(path)) as container:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)]).astype(float)
    half = len(samples) // 2
    return len(samples) / RATE, float(np.abs(samples[:half]).mean()), float(np.abs(samples[half:]).mean())


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def write(path: Path, count: int, sound: Sound | None) -> None:
    with VideoSink(path, FPS, SIZE, sound=sound) as sink:
        for index in range(count):
            sink.write(picture(index))


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "aac"), (".mov", "aac"), (".webm", "libopus")])
def test_sound_is_kept_and_cut_to_the_pictures(suffix: str, codec: str, tmp_path: Path) -> None:
    clip = source(tmp_path / ("clip.mkv" if codec == "libopus" else "clip.mp4"), codec)
    write(tmp_path / f"out{suffix}", 25, Sound(clip, 0.5))
    seconds, first, second = loudness(tmp_path / f"out{suffix}")
    assert seconds == pytest.approx(1.0, abs=0.06)
    assert second > 0.3 > 5 * first  # the tone begins half a second in, as there
    assert len(frames(tmp_path / f"out{suffix}")) == 25
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((clip.name, f"out{suffix}"))


def test_sound_that_a_container_does_not_hold_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "out.webm", 5, Sound(source(tmp_path / "clip.mp4")))
    assert ".webm does not hold aac" in caplog.text
    assert len(frames(tmp_path / "out.webm")) == 5
    with av.open(str(tmp_path / "out.webm")) as container:
        assert not container.streams.audio


def test_no_sound_where_time_is_not_kept(tmp_path: Path) -> None:
    clip = source(tmp_path / "clip.mp4")
    assert sound_of(str(clip), 50, 1, 25.0) == Sound(clip, 2.0)
    assert sound_of(str(clip), 0, 2, 25.0) is None
    assert sound_of(str(tmp_path), 0, 1, 25.0) is None
    assert sound_of("http://a/b.mp4", 0, 1, 25.0) is None
    write(tmp_path / "silent.mp4", 5, None)
    write(tmp_path / "out.mp4", 5, Sound(tmp_path / "silent.mp4"))
    assert len(frames(tmp_path / "out.mp4")) == 5


def test_a_gif_has_every_frame_in_its_colours(tmp_path: Path) -> None:
    write(tmp_path / "out.gif", 10, None)
    shown = frames(tmp_path / "out.gif")
    assert len(shown) == 10
    assert np.abs(shown[9].astype(int) - picture(9)).mean() < 8


@pytest.mark.parametrize("suffix", [".gif", ".webm"])
def test_they_are_not_gone_on_with(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(VistreamError, match="can't be gone on with"):
        VideoSink(tmp_path / f"out{suffix}", FPS, SIZE, keep=3)
    with pytest.raises(RuntimeError), VideoSink(tmp_path / f"out{suffix}", FPS, SIZE, resumable=True) as sink:
        sink.write(picture(0))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
