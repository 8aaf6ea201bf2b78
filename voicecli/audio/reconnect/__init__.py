"""Devices that are connected and disconnected during a conversation."""
