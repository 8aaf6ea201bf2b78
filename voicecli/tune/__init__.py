"""Settings that suit this machine, found by measuring."""
