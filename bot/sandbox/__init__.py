"""Emulated X, Facebook and Telegram that speak the platforms' own wire on loopback and keep their rules.

Used by the demo, by training, by `smgt sandbox` and by the tests. world.py holds what they share; server.py serves
them; control.py is the JSON door through which a person or a story plays citizens, officers and time.
"""
