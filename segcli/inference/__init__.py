"""From images to predictions: preprocessing, decoding, tiles, exported models, runtimes, and proofs that they agree."""
