"""The figures of docs/performance.md: `python -m benchmarks.stt`, `tts`, `growth` and `steps` print them;
`turns` those of docs/turn-taking.md, in the simulated room of `room/`.

They need the default models (`voicecli download-models`) and jiwer, which the `dev` extra brings. Arms that are
compared run in turns, so that what else the machine does falls on all of them; figures are medians.
"""
