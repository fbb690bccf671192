"""From images to answers: preprocessing, decoding, tiles, exported models, runtimes, and the proof that they agree."""
