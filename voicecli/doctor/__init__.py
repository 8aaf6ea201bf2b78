"""The checks of `voicecli doctor`.

    probes/<area>.py   collect facts about the machine
    <area>.py          turn facts into findings; pure
    examination.py     runs all checks in order; if one breaks, the others still run
    privacy.py         removes private data from a report; pure

The probes open each device and server directly, without `assemble`, so that one broken part does not hide another.
"""
