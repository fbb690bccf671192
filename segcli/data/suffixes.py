"""Endings of the files that are read as images and as masks."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".npy"})
MASK_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff"})
