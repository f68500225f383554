"""Pure computation: no I/O, no clock, no environment, no Dagster."""
