"""Record a conversation with the user's consent, and replay it with other settings.

bundle.py             the data of a recording
zip_file.py           write and read recordings as one zip file
recorder.py           record a conversation while it is held
report.py             the contents of a bug report
redacted_settings.py  settings without private values
latencies.py          measured latencies, and engines that reproduce them
recorded_source.py    the recorded microphone in place of a device
virtual_time.py       an event loop that jumps to its next timer
run.py                replay a conversation in virtual time
turn_summary.py       a summary of each turn, from events; pure
compare.py            turns of the recording and of the replay, compared; pure
"""
