"""The `quant` command line."""
