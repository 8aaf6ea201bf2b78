"""Devices that come and go while a conversation is held."""
