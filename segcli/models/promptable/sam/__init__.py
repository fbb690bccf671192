"""Segment Anything (Kirillov et al. 2023, arXiv:2304.02643) and MobileSAM (Zhang et al. 2023, arXiv:2306.14289).

Parameter names are those of Meta's published files.
"""
