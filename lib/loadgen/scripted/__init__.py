"""A server with known delays, stalls and faults: the truth that the generator is measured against."""
