"""Adapters to speech-to-text, language models and text-to-speech."""
