"""The storm: real processes of SMGT, emulated platforms that fail, kills at any moment; then somebody else counts.

people.py writes and presses as citizens and officers do, fleet.py starts and kills processes, worker.py is one of them,
planted.py holds the bugs that the checker must catch, verdict.py counts without a line of SMGT's code, storm.py plays
it all. Nothing here may be imported by anything that runs the real thing.
"""
