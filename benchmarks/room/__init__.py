"""Whole conversations in a simulated room, on a clock that jumps.

`acoustics` is the air, `card` the loudspeaker and the microphone in it, `stage` the conversation with the real engines,
`scenes` what happens there, `scores` what came of it. `python -m benchmarks.room` prints one barge-in as it went.
"""
