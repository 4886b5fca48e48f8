"""The fraud patterns of INCIDENT.md: a table of typologies, each with the generator that plays it."""
