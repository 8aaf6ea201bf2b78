"""The commands of `voicecli bench`."""
