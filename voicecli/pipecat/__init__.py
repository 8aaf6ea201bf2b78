"""Pipecat services for the servers of voicecli: `pip install voicecli[pipecat]`, docs/pipecat.md."""

from __future__ import annotations

from voicecli.pipecat.stt import VoicecliSTTService, VoicecliSTTSettings
from voicecli.pipecat.tts import VoicecliTTSService, VoicecliTTSSettings

__all__ = ["VoicecliSTTService", "VoicecliSTTSettings", "VoicecliTTSService", "VoicecliTTSSettings"]
