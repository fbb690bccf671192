"""`fix`: repairs faults of a dataset; repairs are planned, shown, applied together, and reversible byte by byte.

A repair is a function in a file of this folder, named by a row of `table.REPAIRS`.
"""
