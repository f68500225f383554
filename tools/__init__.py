"""Project tools."""
