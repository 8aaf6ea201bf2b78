"""What `voicecli doctor` looks at and what it makes of it.

    probes/<area>.py   ask the machine, and give facts
    <area>.py          facts -> findings; pure
    examination.py     which looks are taken, in which order; each is fenced, so that none needs another to work
    privacy.py         what must not be in a report that is shown to strangers; pure

It opens devices and servers by themselves, without `assemble`: what is broken has to be told apart.
"""
