"""What leaves the office as data: rows without personal data, and counts that name nobody."""
