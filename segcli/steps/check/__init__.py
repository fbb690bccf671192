"""check_dataset: every fault of every file in one pass, each with a stable code and a remedy."""
