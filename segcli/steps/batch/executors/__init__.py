"""What starts the workers of a batch and watches them."""
