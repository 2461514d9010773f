"""Embeddings of listed pictures, and those of a query."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from typing import cast

from .models import Image

AS_BASE64 = {"include": ["vector"], "vectorFormat": "base64"}
"""Parameters of a list for `with_vector`: base64 is read several times as fast as numbers."""


def with_vector(image: Image) -> tuple[Image, array[float] | None]:
    """The record, and its embedding, which takes an eighth of the memory of a list of floats."""
    encoded = cast(str | None, image.pop("vector", None))
    return image, None if encoded is None else little_endian(array("f", b64decode(encoded)))


def base64_of(vector: object) -> str:
    """An `array`, or a numpy array of one dimension, in either precision.

    Raises TypeError for anything else.
    """
    refusal = f"Object of type {type(vector).__name__} is not JSON serializable"
    try:
        view = memoryview(cast(bytes, vector))
    except TypeError:
        raise TypeError(refusal) from None
    if view.ndim != 1 or view.format not in ("f", "d"):
        raise TypeError(f"{refusal}, unless it is a vector: one dimension, float32 or float64")
    return b64encode(little_endian(array("f", view))).decode()


def little_endian(numbers: array[float]) -> array[float]:
    """From this machine's byte order, or to it."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
