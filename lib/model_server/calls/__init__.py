"""What a call means, whichever protocol brought it: Predict, Classify, Regress, metadata, status, reload."""
