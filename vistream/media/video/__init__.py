"""Where frames come from (`open_source`) and where drawn frames go (`VideoSink`)."""

from vistream.media.video.sink import VideoSink
from vistream.media.video.source import Source, SourceFrame, open_source

__all__ = ["Source", "SourceFrame", "VideoSink", "open_source"]
