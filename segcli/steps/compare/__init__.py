"""Compares models, exports and predictions on the same images: is the difference real, and where is it?"""
