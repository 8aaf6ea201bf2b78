"""A conversation that is kept with consent, and held again against other settings.

bundle.py     what is kept, as values
zip_file.py   values <-> one zip; whatever is wrong with a zip is told
recorder.py   keeps a conversation while it is held
prices.py     what the engines took then, and engines that take just that
room.py       the recorded microphone in place of a device
stage.py      the conversation again, on a clock that jumps
stories.py    events -> what each turn came to; pure
compare.py    turns then and now; pure
"""
