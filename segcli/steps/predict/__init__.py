"""From images to label maps: sources, tiles, runtimes, results and writers."""
