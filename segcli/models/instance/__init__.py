"""Instance segmentation networks that PaddleDetection 2.6.0 lacks: PP-YOLOE_seg and Mask-RT-DETR."""
