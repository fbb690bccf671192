"""A dataset in numbers: what a check writes, a training is planned from, and a prediction is compared with."""
