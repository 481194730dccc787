"""The queries behind every figure: SQL that only reads, on SQLite and PostgreSQL. handlers/digest/figures.py calls them."""
