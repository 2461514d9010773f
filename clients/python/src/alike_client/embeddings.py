"""Embeddings of listed pictures."""

from __future__ import annotations

from array import array

from .models import Image


def with_vector(image: Image) -> tuple[Image, array[float] | None]:
    """The record, and its embedding in single precision, which takes an eighth of the memory of a list of floats."""
    vector = image.pop("vector", None)
    return image, None if vector is None else array("f", vector)
