"""Whole small projects around a server, drawn from a seed: their forms, ways of writing, surroundings and faults."""
