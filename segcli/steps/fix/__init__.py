"""`fix`: faults of a dataset that a program can repair, planned, shown, applied together, and undone to the byte.

One repair is one file of this folder and one row of `table.REPAIRS`.
"""
