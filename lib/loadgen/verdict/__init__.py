"""From samples to figures, and whether they hold: VALID or INVALID, with the check that failed."""
