"""The Dagster room: definitions, partitions, assets, checks and the command line."""
