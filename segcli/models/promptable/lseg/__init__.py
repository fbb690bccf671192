"""Language-driven semantic segmentation (Li et al. 2022, arXiv:2201.03546), as published by ModelScope.

Parameter names are those of ModelScope's file without the prefix ``net.``; CLIP's image tower and the ViT's
classifier, which the file contains but nothing uses, are left out.
"""
