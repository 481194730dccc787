"""The demo: a whole day on loopback, with its own directory of desks and officers in data/."""
