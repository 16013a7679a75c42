"""Codecs that FFmpeg has no decoder for, and titles in any letters: named, left out or kept; no traceback."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from clipfiles import write_video
from soundfiles import FPS, SIZE, picture, source

from vistream.errors import VistreamError
from vistream.media.video.h264 import H264
from vistream.media.video.sink import VideoSink
from vistream.media.video.source import open_source
from vistream.media.video.times import Times


def patched(path: Path, **changes: str) -> Path:
    """The file with four letters replaced by others, wherever they stand."""
    data = path.read_bytes()
    for old, new in changes.items():
        assert old.encode() in data
        data = data.replace(old.encode(), new.encode())
    path.write_bytes(data)
    return path


def drawn(path: Path, sound: Path) -> list[str]:
    """The kinds of stream in a video of five frames with the sound of another file."""
    with VideoSink(path, FPS, SIZE, sound=sound) as sink:
        for index in range(5):
            sink.write(picture(index))
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
        return [stream.type for stream in container.streams]


@pytest.mark.parametrize(("name", "tag"), [("a.mp4", "avc1"), ("a.mov", "avc1"), ("a.avi", "FMP4")])
def test_the_codec_of_a_video_is_named(name: str, tag: str, tmp_path: Path) -> None:
    video = patched(write_video(tmp_path / name, 5), **{tag: "qqqq"})
    with pytest.raises(
        VistreamError, match=rf"{name} can't be decoded: .* knows its codec \(qqqq\).* convert it"
    ) as caught:
        open_source(str(video))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_of_an_unknown_codec_is_left_out(suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = patched(source(tmp_path / "clip.mp4"), mp4a="qqqq", esds="free")
    assert drawn(tmp_path / f"out{suffix}", clip) == ["video"]
    assert "the sound of" in caplog.text
    assert "does not know its codec (qqqq); convert it" in caplog.text


@pytest.mark.parametrize(
    ("before", "change", "said"),
    [
        ("before.mp4", {"avc1": "qqqq"}, "is no H.264 video"),
        ("before.mkv", {"V_MPEG4/ISO/AVC": "V_QQQQ4/ISO/AVC"}, "is no H.264 video"),
        ("before.mp4", {"moov": "free"}, "is damaged"),
    ],
)
def test_what_is_no_video_of_ours_is_not_gone_on_with(
    before: str, change: dict[str, str], said: str, tmp_path: Path
) -> None:
    path = tmp_path / before
    part = H264(path, FPS, SIZE, Times(FPS))
    for index in range(5):
        part.write(picture(index))
    part.abandon()
    patched(path, **change)
    with pytest.raises(VistreamError, match=rf"{before} {said}.*can't be gone on with; resume without it"):
        H264(tmp_path / f"out{path.suffix}", FPS, SIZE, Times(FPS), path, 3)


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_a_title_in_the_code_page_of_its_maker_loses_nothing(
    suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = source(tmp_path / f"clip{suffix}", "pcm_s16le", title="Caffeine")
    clip.write_bytes(clip.read_bytes().replace(b"Caffeine", b"Caf\xe9\xff\xfe\xfd\xfc"))
    assert drawn(tmp_path / "out.mkv", clip) == ["video", "audio"]
    assert not caplog.records
    with open_source(str(clip), max_frames=1) as frames:
        assert len(list(frames)) == 1
