"""What `segcli train DATASET` alone learns from random weights on one CPU core, beside a reference U-Net."""
