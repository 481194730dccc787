"""The desk: loads a batch of inbox rows, decides each, writes all in one transaction.

snapshot.py   what the batch needs to know, in a few queries
citizens.py   rows from X and Facebook
officers.py   rows from Telegram
writing.py    cases, history, transcript and outbox rows, table by table
batch.py      the loop: one transaction per batch; a row that fails is decided alone, then parked
"""
