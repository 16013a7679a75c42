"""Open an image file that may be anything: what Pillow does with a broken one becomes one clear line.

Pillow, because it refuses a file that is cut short, where OpenCV makes up the rest.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from vistream.errors import VistreamError


def load_picture(path: Path | str) -> Image.Image:
    """The decoded image, in the file's own mode.

    Raises VistreamError for a file that is no image, is damaged, or has more pixels than Pillow allows (89 million).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tags and EXIF data that no pixel depends on
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                image.load()
                return image
        except UnidentifiedImageError:
            raise VistreamError(f"{path} is not an image that can be read") from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise VistreamError(
                f"{path} says that it has more than {Image.MAX_IMAGE_PIXELS} pixels: too many"
            ) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise VistreamError(f"{path} can't be read as an image: {_first_line(reason)}") from None
        except Exception as error:  # a damaged file makes the decoders fail in any way they like
            reason = _first_line(str(error)) or type(error).__name__
            raise VistreamError(f"{path} can't be read as an image: {reason}") from None


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0]
