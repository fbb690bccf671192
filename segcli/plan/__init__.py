"""Plans a training from what the data, the machine and the time allow: every choice is a key, a value and a reason."""
