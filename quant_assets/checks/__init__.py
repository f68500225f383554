"""Contracts as blocking, partitioned asset checks."""
