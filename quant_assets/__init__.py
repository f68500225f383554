"""The Dagster room: definitions, partitions, assets, checks and the command line."""

from quant_resources.kernel_cache import keep_apart

keep_apart()  # before anything imports numba
