"""check_dataset: every fault of every file in one pass, each with a stable rule id and a remedy."""
