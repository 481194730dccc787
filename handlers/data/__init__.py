"""Packaged tables: departments, categories, referrals, and the gazetteer of Haryana."""
