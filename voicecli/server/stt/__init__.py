"""The speech-to-text server: its protocols and the decode queue behind them."""
