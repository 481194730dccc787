"""Measurements that anybody can repeat: each plays a hard day on emulated platforms and counts what came of it.

Each module is one measurement and owns what it measures; the options stand in bot/cli/bench_<name>.py. They must not
be imported by anything that runs the real thing.
"""
