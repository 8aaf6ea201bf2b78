"""Figures of docs/performance.md, each printed by one command: `python -m benchmarks.stt`, `tts`, `growth` and `steps`.

They need the default models (`voicecli download-models`) and jiwer, which the `dev` extra brings. Arms that are compared
run in turns within one process, so that what else the machine does falls on all of them; figures are medians.
"""
