"""What a call means, whichever protocol brought it: Predict, Classify, Regress, MultiInference, metadata, status,
reload.
"""
