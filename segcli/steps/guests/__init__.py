"""Models from other tools: importing and listing them."""
