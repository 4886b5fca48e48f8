"""What every test can rely on: the installed wheel where `make test` says so."""

import os
import sys
from pathlib import Path

import pytest

import detector
import models
import producers


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse to test the checkout where the wheel is to be tested: a file missing from the wheel would go unseen."""
    if "KOZAMORI_TEST_INSTALLED" not in os.environ:
        return
    for package in (detector, producers, models):
        folder = Path(str(package.__file__)).parent
        if not folder.is_relative_to(sys.prefix):
            raise pytest.UsageError(f"{package.__name__} comes from {folder}, expected the wheel below {sys.prefix}")
