"""What a dataset is: samples, classes, findings, and how pictures and lists are read and files written."""
