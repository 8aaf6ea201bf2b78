"""Measurements for docs/performance.md and docs/turn-taking.md that `voicecli bench` does not have.

`python -m benchmarks.steps`, `growth`, `timings`, `capture`, `listening` and `turns` (in the simulated room of `room/`)
print tables; `serve_stt` load-tests other programs' servers. They need the default models
(`voicecli download-models`) and jiwer, which the `dev` extra installs. Arms that are compared take turns, so that other
load affects all of them; figures are medians.
"""
