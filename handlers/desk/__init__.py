"""The desk: loads a batch of inbox rows, decides each, writes all in one transaction.

snapshot.py   what the batch needs to know, in a few queries
citizens.py   rows from X and Facebook
words.py      what their words mean, and for which ticket
officers.py   rows from Telegram
telling.py    small answers to officers, and their chairs
cards.py      one ticket shown to an officer
lists.py      lists that officers ask for
morning.py    the list that each desk reads in the morning
stopped.py    silence for those who asked for it
writing.py    cases, history and transcript, table by table
buttons.py    buttons and their tokens
papers.py     the SQL that speech needs
speech.py     outbox rows: replies, notices, toasts and buttons
deciding.py   which part decides which row; what time makes of a ticket
batch.py      the loop: one transaction per batch; a row that fails is decided alone, then parked
"""
