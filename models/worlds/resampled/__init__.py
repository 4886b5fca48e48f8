"""A world fitted to nothing but a given history: its days drawn again, and attacks as edits of its own sequences."""
