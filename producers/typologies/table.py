"""All typologies that can be played; a further one is a row here and a generator beside `drain`."""

from detector.errors import UserError
from producers.cases import typology_id
from producers.typologies import (
    burst,
    buyout,
    drain,
    enrolment,
    fanout,
    hops,
    pinpoint,
    probe,
    sleeper,
    spray,
    straddle,
    sweep,
)
from producers.typologies.plan import Typology

TYPOLOGIES: tuple[Typology, ...] = (
    Typology("T1", "ghost wallet, drain to cap", drain.PARAMETERS, drain.generate),
    Typology("T2", "month straddle", straddle.PARAMETERS, straddle.generate, 2, straddle.days),
    Typology("T3", "PIN spray, low and slow", spray.PARAMETERS, spray.generate),
    Typology("T4", "pin-point", pinpoint.PARAMETERS, pinpoint.generate),
    Typology("T5", "mass enrolment", enrolment.PARAMETERS, enrolment.generate, 20),
    Typology("T6", "sleeper link", sleeper.PARAMETERS, sleeper.generate),
    Typology("T7", "relink hop", hops.PARAMETERS, hops.generate, 2),
    Typology("T8", "mule buy-out", buyout.PARAMETERS, buyout.generate, 15),
    Typology("T9", "fan-out", fanout.PARAMETERS, fanout.generate),
    Typology("T10", "multi-service sweep", sweep.PARAMETERS, sweep.generate),
    Typology("T11", "test, then drain", probe.PARAMETERS, probe.generate),
    Typology(
        "T12",
        "verified wallet",
        (*drain.PARAMETERS, drain.OLD_SHARE, drain.WALLET_AGE),
        drain.generate_verified,
    ),
    Typology("T13", "store burst", burst.PARAMETERS, burst.generate, 10),
)
BY_ID = {typology.id: typology for typology in TYPOLOGIES}
INDEX = {typology.id: index for index, typology in enumerate(TYPOLOGIES)}
assert list(INDEX) == [typology_id(index) for index in range(len(TYPOLOGIES))]


def typologies_of(text: str) -> tuple[str, ...]:
    """The ids in a list such as `T1,T5`, each once, in order of the table; raises UserError for another word."""
    words = {word.strip().upper() for word in text.split(",") if word.strip()}
    unknown = sorted(words - set(BY_ID))
    if unknown or not words:
        raise UserError(f"got typology {', '.join(unknown) or '(none)'}, expected some of {', '.join(BY_ID)}")
    return tuple(name for name in BY_ID if name in words)


def markdown() -> str:
    """The table as Markdown: each typology with its parameters, their ranges and where these come from."""
    lines = ["| id | name | parameter | range | basis |", "|---|---|---|---|---|"]
    for typology in TYPOLOGIES:
        for index, one in enumerate(typology.parameters):
            head = f"{typology.id} | {typology.name}" if index == 0 else " | "
            span = f"{one.low:,g}" if one.low == one.high else f"{one.low:,g} … {one.high:,g}"
            lines.append(f"| {head} | {one.name} | {span} {one.unit} | {one.basis} |")
    return "\n".join(lines)
