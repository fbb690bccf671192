"""placeholder"""


def apply_cures() -> None:
    """placeholder"""
