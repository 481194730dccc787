"""The three platforms behind one protocol: see port.py for what an adapter promises."""
