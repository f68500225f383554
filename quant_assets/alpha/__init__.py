"""Each sleeve's own chain, from candidates to report. Nothing here declares the TradingView resource but discovery."""
