"""Every rule of segcli: what it finds, how bad that is, why, and what to do.

The table is the Markdown files of this folder, one per group of rules. A rule is added in one place: as a section
of such a file. Its minimal datasets, one that triggers it and one that does not, are in `tests/rules`.

A rule id never changes its meaning and is never reused. L is for LabelMe data, S for semantic data, C1 for COCO
data; the digits after the letter group the rules as the files do.
"""

from segcli.rules.rule import Repair, Rule
from segcli.rules.table import RULES, finding, near_rules

__all__ = ["RULES", "Repair", "Rule", "finding", "near_rules"]
