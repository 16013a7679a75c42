"""The sound of the source stays with the pictures that are drawn; WebM and GIF are written too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from soundfiles import FPS, RATE, SIZE, picture, source

from vistream.errors import VistreamError
from vistream.media.video.sink import VideoSink
from vistream.media.video.sound import sound_of


def loudness(path: Path) -> tuple[float, float, float]:
    """Seconds of sound, and how loud its first and second halves are."""
    with av.open(str(path)) as container:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)]).astype(float)
    half = len(samples) // 2
    return len(samples) / RATE, float(np.abs(samples[:half]).mean()), float(np.abs(samples[half:]).mean())


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def write(path: Path, count: int, sound: Path | None, times: Sequence[float] = ()) -> None:
    with VideoSink(path, FPS, SIZE, sound=sound) as sink:
        for index in range(count):
            sink.write(picture(index), times[index] if times else None)


def moments(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time or 0.0) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "aac"), (".mov", "aac"), (".webm", "libopus")])
def test_sound_is_kept_and_cut_to_the_pictures(suffix: str, codec: str, tmp_path: Path) -> None:
    clip = source(tmp_path / ("clip.mkv" if codec == "libopus" else "clip.mp4"), codec)
    write(tmp_path / f"out{suffix}", 25, clip, [0.5 + index / FPS for index in range(25)])
    seconds, first, second = loudness(tmp_path / f"out{suffix}")
    assert seconds == pytest.approx(1.0, abs=0.06)
    assert second > 0.3 > 5 * first  # the tone begins half a second in, as there
    assert len(frames(tmp_path / f"out{suffix}")) == 25
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((clip.name, f"out{suffix}"))


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "aac"), (".mov", "aac"), (".webm", "libopus")])
def test_frames_of_an_uneven_rate_keep_their_times(suffix: str, codec: str, tmp_path: Path) -> None:
    """Some at twice the rate, then one after a gap: the tone stays beside the picture that it was heard with."""
    clip = source(tmp_path / ("clip.mkv" if codec == "libopus" else "clip.mp4"), codec)
    times = [0.2 + index / (2 * FPS) for index in range(20)] + [1.5]
    write(tmp_path / f"out{suffix}", 21, clip, times)
    assert moments(tmp_path / f"out{suffix}") == pytest.approx([time - 0.2 for time in times], abs=0.0021)
    seconds, first, second = loudness(tmp_path / f"out{suffix}")
    assert seconds == pytest.approx(1.34, abs=0.06)
    assert second > 0.3 > 2 * first
    write(tmp_path / f"silent{suffix}", 21, None, times)
    assert moments(tmp_path / f"silent{suffix}") == pytest.approx([time - 0.2 for time in times], abs=0.0021)


def test_an_even_rate_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", 9, None, [3.0 + index / FPS + 0.004 * (index % 2) for index in range(9)])
    assert moments(tmp_path / "out.mp4") == pytest.approx([index / FPS for index in range(9)], abs=1e-6)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_mp3_is_called_that_whatever_decodes_it(suffix: str, tmp_path: Path) -> None:
    write(tmp_path / f"out{suffix}", 50, source(tmp_path / "clip.mp4", "libmp3lame"))
    seconds, first, second = loudness(tmp_path / f"out{suffix}")
    assert seconds == pytest.approx(2.0, abs=0.1)
    assert second > 0.3 > 5 * first


def test_sound_that_a_container_does_not_hold_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "out.webm", 5, source(tmp_path / "clip.mp4"))
    assert ".webm does not hold aac" in caplog.text
    assert len(frames(tmp_path / "out.webm")) == 5
    with av.open(str(tmp_path / "out.webm")) as container:
        assert not container.streams.audio


def test_no_sound_where_there_is_none(tmp_path: Path) -> None:
    clip = source(tmp_path / "clip.mp4")
    assert sound_of(str(clip)) == clip
    assert sound_of(str(tmp_path)) is None
    assert sound_of("http://a/b.mp4") is None
    write(tmp_path / "silent.mp4", 5, None)
    write(tmp_path / "out.mp4", 5, tmp_path / "silent.mp4")
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
