"""The outside world: lakehouse, TradingView, embedded market, configuration."""
