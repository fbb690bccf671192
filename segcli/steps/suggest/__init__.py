"""Which unlabelled images to label next, with the model's proposals as LabelMe files to correct."""
