"""Side-by-side timings; never a timed test."""
