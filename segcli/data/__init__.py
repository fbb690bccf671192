"""What a dataset is: samples, classes, findings, and how images and lists are read and files written."""
