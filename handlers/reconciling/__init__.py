"""Reconciling a day: what was heard against what the decisions left, so that nothing is lost unseen."""
