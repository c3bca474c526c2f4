"""Lanes: ordered, paced, retried, reconciled. The only place where time and effects meet."""
