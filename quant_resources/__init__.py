"""The outside world: lakehouse, TradingView, embedded market, configuration."""

from quant_resources.memory import use_system_allocator

use_system_allocator()  # before anything imports Arrow
