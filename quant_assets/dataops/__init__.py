"""Shared facts: instruments, bars, their health, and features. Only this room may use the network."""
