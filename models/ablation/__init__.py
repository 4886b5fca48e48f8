"""What the detectors are worth, piece by piece, and what makes them fail; as a page and its figures."""
