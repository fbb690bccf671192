"""Augmentation of images with their label maps or their objects, before any library's own transforms."""
