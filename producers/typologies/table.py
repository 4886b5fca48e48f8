"""All typologies that can be played; a further one is a row here and a generator beside `drain`."""

from producers.typologies import drain
from producers.typologies.plan import Typology

TYPOLOGIES: tuple[Typology, ...] = (Typology("T1", "ghost wallet, drain to cap", drain.PARAMETERS, drain.generate),)
BY_ID = {typology.id: typology for typology in TYPOLOGIES}
