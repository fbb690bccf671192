"""Training of promptable networks: Segment Anything from objects with masks, LSeg from label maps."""
