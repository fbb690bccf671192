"""The instance models: their table, and PP-YOLOE_seg, Mask-RT-DETR, SeedUNet, which PaddleDetection 2.6.0 lacks."""
