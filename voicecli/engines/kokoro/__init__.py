"""Kokoro: text to speech."""
