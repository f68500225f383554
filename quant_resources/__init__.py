"""The outside world: lakehouse, TradingView, embedded market, configuration."""

from quant_resources.memory import share_one_heap, use_system_allocator

use_system_allocator()  # before anything imports Arrow
share_one_heap()  # before a thread allocates
