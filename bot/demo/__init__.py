"""The demo: the whole life of complaints on loopback, with real SDKs, emulated platforms and people who act.

stage.py     sandbox, office, directory and clock, ready to play on
people.py    what citizens and officers do by hand on the emulated platforms
story.py     readable story files: who says what, and what must come of it
day.py       a day's posts, officers at work, the clock running
show.py      the timeline and the closing table
"""
