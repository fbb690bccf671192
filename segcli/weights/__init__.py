"""Weight files: read without executing anything, written atomically, converted between layouts."""
