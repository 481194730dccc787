"""What the Chief Minister's Office reads: figures, their words, and when an edition goes."""
