"""Numbers of other programs for 200 random sets each, computed once; `make.py` says by which and how."""
