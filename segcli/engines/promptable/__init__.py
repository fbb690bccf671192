"""Training of promptable networks: Segment Anything from outlined objects, LSeg from label maps."""
