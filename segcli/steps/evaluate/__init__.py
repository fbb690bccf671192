"""Measures segmentation from mergeable counts: mIoU and its family, boundary IoU, confusion matrix."""
