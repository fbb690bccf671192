"""Compares models, exports and predictions on the same images: is the difference significant, and where is it?"""
