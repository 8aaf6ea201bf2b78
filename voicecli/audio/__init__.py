"""Microphone, speaker and everything that touches samples."""
