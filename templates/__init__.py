"""Every word that leaves the system, by language and reader: `<language>/<citizen|officer|digest>/<name>.j2`.

`<language>/words.j2` holds the small phrases the filters share (times, offices, choices, states). Nothing but
handlers/render.py may open these files; they hold words and conditions, never rules.
"""
