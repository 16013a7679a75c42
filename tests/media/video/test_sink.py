"""Videos that are written: what goes in can be read back, and what fails leaves nothing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from clipfiles import SIZE, picture, take

from vistream.errors import VistreamError
from vistream.media.video import VideoSink, open_source


@pytest.mark.parametrize("size", [(64, 48), (65, 47), (2, 2), (1, 1)])
@pytest.mark.parametrize("codec", ["h264", "mp4v"])
def test_what_is_written_can_be_read(
    size: tuple[int, int],
    codec: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if codec == "mp4v":
        monkeypatch.setitem(sys.modules, "av", None)  # as if PyAV were not installed
    with VideoSink(tmp_path / "out.mp4", 12.5, size) as sink:
        assert sink.codec == codec
        for i in range(20):
            sink.write(picture(i, size))
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    assert ("PyAV is not installed" in caplog.text) == (codec == "mp4v")
    with open_source(str(tmp_path / "out.mp4")) as source:
        assert source.fps == pytest.approx(12.5)
        assert source.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        frames = list(source)
    assert len(frames) == 20
    if min(size) > 40:
        for frame in frames:
            shown = frame.image[: size[1], : size[0]].astype(int)
            assert np.abs(shown - picture(frame.index, size)).mean() < 12


def test_a_sink_that_fails_leaves_nothing_and_one_that_is_stopped_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("from an earlier run")
    with pytest.raises(RuntimeError), VideoSink(path, 25, SIZE) as sink:
        sink.write(picture(0))
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    assert path.read_text() == "from an earlier run"
    with pytest.raises(KeyboardInterrupt), VideoSink(path, 25, SIZE) as sink:
        sink.write(picture(0))
        raise KeyboardInterrupt
    assert len(take(path)) == 1


def test_a_sink_that_can_not_work_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(VistreamError, match=r"out.wmv: a video is written as one of .mp4"):
        VideoSink(tmp_path / "out.wmv", 25, SIZE)
    with pytest.raises(VistreamError, match="absent does not exist"):
        VideoSink(tmp_path / "absent" / "out.mp4", 25, SIZE)
    with pytest.raises(VistreamError, match="is a folder"):
        (tmp_path / "folder.mp4").mkdir()
        VideoSink(tmp_path / "folder.mp4", 25, SIZE)
    with pytest.raises(VistreamError, match="0 frames a second"):
        VideoSink(tmp_path / "out.mp4", 0, SIZE)
    with (
        pytest.raises(VistreamError, match="a frame of 50x40 in a video of 96x64"),
        VideoSink(tmp_path / "out.mp4", 25, SIZE) as sink,
    ):
        sink.write(picture(0, (50, 40)))
    assert [file.name for file in tmp_path.iterdir()] == ["folder.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_kill_right_after_going_on_loses_no_frame(suffix: str, tmp_path: Path) -> None:
    """What lies on the disk at each moment must do for the checkpoint of then, which says 5 frames, later 6."""
    name = f"out{suffix}"
    first = VideoSink(tmp_path / name, 25, SIZE, resumable=True)
    for number in range(6):  # by now the file holds five
        first.write(picture(number))
    killed = [shutil.copytree(tmp_path, tmp_path / "killed 0", ignore=shutil.ignore_patterns("killed*"))]
    second = VideoSink(killed[0] / name, 25, SIZE, keep=5, resumable=True)
    for number in range(5, 8):
        killed.append(shutil.copytree(killed[0], tmp_path / f"killed {number}"))
        second.write(picture(number))
    for folder, done in zip(killed[1:], (5, 5, 6), strict=True):
        with VideoSink(folder / name, 25, SIZE, keep=done, resumable=True) as third:
            for number in range(done, 10):
                third.write(picture(number))
        assert [file.name for file in folder.iterdir()] == [name]
        frames = take(folder / name)
        assert len(frames) == 10
        for number, frame in enumerate(frames):
            assert np.abs(frame.image.astype(int) - picture(number)).mean() < 12


def test_no_part_is_left_of_a_video_without_a_frame(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), VideoSink(tmp_path / "out.mp4", 25, SIZE, resumable=True):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_gone_on_with_goes(tmp_path: Path) -> None:
    (tmp_path / "out.before.mp4").write_bytes(b"of a run that was killed")
    with VideoSink(tmp_path / "out.mp4", 25, SIZE, resumable=True) as sink:
        sink.write(picture(0))
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
