"""Image files: what their headers say, which decoder reads them, and which values become black and white."""
