"""The font of a picture: matplotlib's own has no Japanese."""

from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib import rc_context

from detector.languages import Language

JAPANESE = "IPAexGothic"
#: The Japanese font has one weight.
BOLD = {"en": "bold", "ja": "normal"}


@contextmanager
def font_of(language: Language) -> Iterator[None]:
    """Texts made inside are drawn in a font that has the language; afterwards all is as it was."""
    with rc_context():
        if language == "ja":
            import matplotlib_fontja  # noqa: F401  # makes its font known, and the one to use

            with rc_context({"font.family": JAPANESE}):
                yield
        else:
            yield
