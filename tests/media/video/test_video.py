"""Videos give every frame as it went in, whatever their metadata say; every broken source says so in one line."""

from __future__ import annotations

import logging
import os
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from clipfiles import FPS, FRAMES, SIZE, cut, picture, take, write_video
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vistream.errors import VistreamError
from vistream.media.video import SourceFrame, open_source
from vistream.media.video.frames import Window
from vistream.types import Frame


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "clip.mp4", movflags="faststart")


def test_a_video_gives_every_frame_in_rgb_with_its_time(video: Path) -> None:
    with open_source(str(video)) as source:
        assert (source.fps, source.size, source.frame_count, source.live) == (FPS, SIZE, FRAMES, False)
        frames = list(source)
    assert [f.index for f in frames] == list(range(FRAMES))
    np.testing.assert_allclose([f.time for f in frames], np.arange(FRAMES) / FPS, atol=1e-6)
    for f in frames:
        assert f.image.shape == (SIZE[1], SIZE[0], 3)
        assert f.image.dtype == np.uint8
        assert np.abs(f.image.astype(int) - picture(f.index)).mean() < 16  # coding loss and noise
    assert np.abs(frames[5].image.astype(int) - picture(9)).mean() > 16  # so one frame off would be seen


@given(start=st.integers(0, FRAMES - 1), stride=st.integers(1, 20), most=st.none() | st.integers(1, 70))
def test_any_window_is_a_slice_of_the_whole(start: int, stride: int, most: int | None) -> None:
    """Against Python's own slicing; `Window.count` foretells the number."""
    window = Window(start, stride, most)
    expected = list(range(FRAMES))[start::stride][:most]
    taken = [i for i in range(FRAMES) if window.takes(i)][:most]
    assert taken == expected
    assert window.count(FRAMES) == len(expected)


@pytest.mark.parametrize(("start", "stride", "most"), [(0, 1, None), (7, 1, 5), (13, 4, None), (FRAMES - 1, 9, 3)])
def test_skipping_is_exact_and_decoding_is_repeatable(video: Path, start: int, stride: int, most: int | None) -> None:
    whole = take(video)[start::stride][:most]
    window = take(video, start=start, stride=stride, max_frames=most)
    assert [(f.index, f.time, f.name) for f in window] == [(f.index, f.time, f.name) for f in whole]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(window, whole, strict=True))
    assert open_source(str(video), start=start, stride=stride, max_frames=most).frame_count == len(window)


@pytest.mark.real
def test_skipping_is_exact_on_a_real_clip(real_data: Path) -> None:
    clip = real_data / "mots" / "schoolgirls" / "schoolgirls.mp4"
    whole = take(clip)
    assert len(whole) == 80
    for frame in take(clip, start=33, stride=7):
        assert np.array_equal(frame.image, whole[frame.index].image)


def turned(video: Path, to: Path) -> Path:
    """The same file with a display matrix of 90 degrees in its track header, as phones write it."""
    data = bytearray(video.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the nine 32-bit numbers of the matrix, in a version 0 box
    assert struct.unpack_from(">9i", data, at)[0] == 0x10000
    struct.pack_into(">9i", data, at, 0, 0x10000, 0, -0x10000, 0, 0, SIZE[1] << 16, 0, 0x40000000)
    to.write_bytes(data)
    return to


def test_rotation_in_the_metadata_is_respected(video: Path, tmp_path: Path) -> None:
    upright = take(video)[0].image
    with open_source(str(turned(video, tmp_path / "turned.mp4"))) as source:
        assert source.size == (SIZE[1], SIZE[0])
        assert np.array_equal(next(source).image, np.rot90(upright, -1))


def with_edit_list(video: Path, to: Path, hidden: int) -> Path:
    """The same file with an edit list that hides the first frames, as cameras and lossless cutters leave it."""
    data = bytearray(video.read_bytes())
    (ticks,) = struct.unpack_from(">I", data, data.index(b"mdhd") + 4 + 12)  # a second of the track
    (milliseconds,) = struct.unpack_from(">I", data, data.index(b"mvhd") + 4 + 12)
    at = data.index(b"elst") + 4
    version_and_flags, count, _, media_time, _ = struct.unpack_from(">IIIiI", data, at)
    assert (version_and_flags, count) == (0, 1)
    shown = (FRAMES - hidden) * milliseconds // FPS
    struct.pack_into(">Ii", data, at + 8, shown, media_time + hidden * ticks // FPS)
    to.write_bytes(data)
    return to


def test_frames_hidden_by_an_edit_list_are_not_missing(video: Path, tmp_path: Path) -> None:
    cut = with_edit_list(video, tmp_path / "trimmed.mp4", 40)
    with open_source(str(cut)) as source:
        assert source.frame_count == FRAMES - 40
        assert len(list(source)) == FRAMES - 40


@pytest.mark.parametrize("share", [0.85, 0.5])
def test_a_truncated_video_delivers_what_decodes_then_fails(video: Path, tmp_path: Path, share: float) -> None:
    broken = cut(video, tmp_path / "broken.mp4", share)
    got: list[SourceFrame] = []
    with (
        pytest.raises(VistreamError, match=rf"broken.mp4 is cut short .* declares {FRAMES} frames"),
        open_source(str(broken)) as source,
    ):
        got.extend(source)
    assert 0 < len(got) < FRAMES
    assert len(take(broken, max_frames=len(got))) == len(got)  # what is asked for is there


def test_a_few_missing_frames_are_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    long = write_video(tmp_path / "long.mp4", 100, movflags="faststart")
    nearly = cut(long, tmp_path / "nearly.mp4", 0.985)
    with caplog.at_level(logging.WARNING, "vistream"):
        got = take(nearly)
    assert 95 <= len(got) < 100
    assert "declares 100 frames" in caplog.text


def test_other_containers_are_read_whole(tmp_path: Path) -> None:
    for suffix in (".avi", ".mkv", ".webm", ".ts"):
        assert len(take(write_video(tmp_path / f"clip{suffix}"))) == FRAMES
    assert len(take(write_video(tmp_path / "pieces.mp4", movflags="frag_keyframe+empty_moov"))) == FRAMES


def decoded(path: Path) -> list[Frame]:
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
        container.seek(0)
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def test_an_interlaced_video_has_pictures(tmp_path: Path) -> None:
    """OpenCV 4.13 and later make none of it, and do not say so."""
    path = write_video(tmp_path / "fields.mp4", interlaced=True)
    given = [frame.image for frame in take(path)]
    assert len(given) == FRAMES
    for image, expected in zip(given, decoded(path), strict=True):
        assert np.abs(image.astype(int) - expected).mean() < 3
    assert [frame.index for frame in take(path, start=7, stride=5)] == list(range(7, FRAMES, 5))


def test_behind_a_cut_frames_keep_their_distances(tmp_path: Path) -> None:
    """The first ones lack their key frame."""
    whole = write_video(tmp_path / "whole.ts", gop=20)
    packets = whole.read_bytes()
    cut = tmp_path / "cut.ts"
    begin = len(packets) // 5 // 188 * 188
    cut.write_bytes(packets[: 3 * 188] + packets[begin:])  # the tables, and what follows the cut
    times = np.array([frame.time for frame in take(cut)])
    assert len(times) >= FRAMES // 2
    np.testing.assert_allclose(np.diff(times), 1 / FPS, atol=2e-3)


def broken_sources(folder: Path, video: Path) -> dict[str, str]:
    """Specs that can't be opened, and what the error must say."""
    (folder / "text.mp4").write_text("not a video at all\n" * 50)
    (folder / "empty.mp4").touch()
    (folder / "nothing").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").touch()
    (folder / "sequence" / "img1").mkdir(parents=True)
    Image.fromarray(picture(0)).save(folder / "sequence" / "img1" / "1.png")
    (folder / "fake").mkdir()
    (folder / "fake" / "1.png").write_text("not an image")
    (folder / "short").mkdir()
    cut(folder / "sequence" / "img1" / "1.png", folder / "short" / "1.png", 0.6)
    cut(write_video(folder / "end.mp4"), folder / "headless.mp4", 0.5)  # the index comes last and is lost
    whole = video.read_bytes()
    (folder / "no_frames.mp4").write_bytes(whole[: whole.rindex(b"mdat") + 4])  # the index, and no data
    return {
        "missing.mp4": "missing.mp4 does not exist",
        "text.mp4": "text.mp4 is not a video",
        "empty.mp4": "empty.mp4 is empty",
        "headless.mp4": "headless.mp4 is not a video that can be read",
        "no_frames.mp4": "no_frames.mp4 holds no frame that can be decoded",
        "nothing": "nothing holds nothing",
        "texts": "texts holds no image",
        "sequence": "did you mean .*img1",
        "fake": "1.png is not an image",
        "short": "1.png can't be read as an image",
        "none*.png": "none.* matches no image",
    }


def test_every_broken_source_is_one_clear_line(tmp_path: Path, video: Path) -> None:
    for spec, message in broken_sources(tmp_path, video).items():
        with pytest.raises(VistreamError, match=message) as caught:
            open_source(str(tmp_path / spec))
        assert "\n" not in str(caught.value)
        assert str(tmp_path) in str(caught.value)
    with pytest.raises(VistreamError, match=f"start is {FRAMES}, but .* has only {FRAMES} frames"):
        open_source(str(video), start=FRAMES)
    with pytest.raises(VistreamError, match="the source has no name: "):  # and is not the folder one is in
        open_source("")
    with pytest.raises(VistreamError, match="camera 63 can't be opened"):
        open_source("63")
    for start, stride, most, said in ((-1, 1, None, "start"), (0, 0, None, "stride"), (0, 1, 0, "max_frames")):
        with pytest.raises(VistreamError, match=said):
            open_source(str(video), start=start, stride=stride, max_frames=most)


def test_opencv_and_ffmpeg_keep_quiet(tmp_path: Path, video: Path) -> None:
    """In a process of its own, as both remember how loud they are, with OpenCV imported before us."""
    broken = cut(video, tmp_path / "broken.mp4", 0.5)
    specs = [str(broken), "63", "rtsp://ann:secret@127.0.0.1:9/x", str(Path(__file__))]
    code = f"""
import cv2
from vistream.media.video import open_source
from vistream.errors import VistreamError
for spec in {specs!r}:
    try:
        list(open_source(spec))
    except VistreamError as error:
        print(error)
"""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OPENCV")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean)
    assert run.stderr == ""
    assert len(run.stdout.splitlines()) == len(specs)
    assert "secret" not in run.stdout
