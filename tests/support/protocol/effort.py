"""How long the model check may take: `MODEL_CHECK=3 pytest tests/model`."""

import os

#: 1: about a minute. From 2 on: also the large worlds, and so many times 100 random runs, longer ones.
EFFORT = max(1, int(os.environ.get("MODEL_CHECK", "1")))
