"""Research assets: they explain decisions and take none."""
