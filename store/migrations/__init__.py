"""The numbered steps that make the tables. Owns the past; the present shape is store.tables."""
