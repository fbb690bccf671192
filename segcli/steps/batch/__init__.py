"""Images by the million: `segcli batch`."""
