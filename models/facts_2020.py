"""What the press reported of the fraud of 2019 and 2020, and when, as a table."""

import datetime as dt
from dataclasses import dataclass

MAY, SEPTEMBER = "may-2019", "september-2020"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, or was reported, on `day`; `when` is the date as text.

    `public`: whether everyone could know it on that day. `cases` and `yen`: totals reported by then, over
    all services. A month without a day counts as its first day, the least lead for alerts.
    """

    day: dt.date
    when: str
    text: str
    source: str
    episode: str
    public: bool = True
    cases: int | None = None
    yen: int | None = None


_PRESS = "press, September 2020"

#: In order of time. From 15 September on, cases at other services are added to those with Docomo wallets.
FACTS = (
    Fact(
        dt.date(2019, 5, 1),
        "May 2019",
        "First fraud, at two banks of one group; the operator warns only some of its 35 partner banks.",
        _PRESS,
        MAY,
        public=False,
    ),
    Fact(
        dt.date(2020, 9, 1),
        "1 Sep 2020, 14:05",
        "A regional bank's customer loses 300,000 yen in four debits within about a minute.",
        _PRESS,
        SEPTEMBER,
        public=False,
    ),
    Fact(
        dt.date(2020, 9, 1),
        "September 2020",
        "The other banks learn of May 2019, at a press conference.",
        _PRESS,
        MAY,
    ),
    Fact(dt.date(2020, 9, 5), "5 Sep 2020", "The first banks stop new links.", _PRESS, SEPTEMBER),
    Fact(
        dt.date(2020, 9, 10),
        "10 Sep 2020",
        "All 35 banks have stopped new links. 66 cases, 18 million yen, 11 banks; the largest 600,000 yen.",
        "press, 10 September 2020",
        SEPTEMBER,
        cases=66,
        yen=18_000_000,
    ),
    Fact(
        dt.date(2020, 9, 11),
        "11 Sep 2020",
        "Up to about 100 fraudulent wallets were opened a day, several from one address.",
        "NHK, 11 September 2020",
        SEPTEMBER,
    ),
    Fact(
        dt.date(2020, 9, 12),
        "12 Sep 2020",
        "More than 70 cases, about 20 million yen, at least 12 banks.",
        "press, 12 September 2020",
        SEPTEMBER,
        cases=70,
        yen=20_000_000,
    ),
    Fact(
        dt.date(2020, 9, 14),
        "14 Sep 2020",
        "120 cases, 25.42 million yen; one came after the stop, from a wallet linked before.",
        "press, 14 September 2020",
        SEPTEMBER,
        cases=120,
        yen=25_420_000,
    ),
    Fact(
        dt.date(2020, 9, 15),
        "15 Sep 2020",
        "143 cases, 26.76 million yen, and 17 by PayPay, 1.41 million yen; 77 operators are questioned.",
        "press, 15 September 2020",
        SEPTEMBER,
        cases=143 + 17,
        yen=26_760_000 + 1_410_000,
    ),
    Fact(
        dt.date(2020, 9, 16),
        "16 Sep 2020",
        "Japan Post Bank tells its cases by service: 27 by others than Docomo, 2.65 million yen.",
        "press, 16 September 2020",
        SEPTEMBER,
        cases=143 + 17 + 3 + 2 + 3 + 2,
        yen=26_760_000 + 1_415_000 + 498_000 + 498_000 + 230_000 + 10_000,
    ),
    Fact(
        dt.date(2020, 9, 24),
        "24 Sep 2020",
        "About 380 cases and 60 million yen at Japan Post Bank alone; 5.5 million customers are asked to look.",
        "press, 24 September 2020",
        SEPTEMBER,
    ),
    Fact(
        dt.date(2021, 1, 1),
        "January 2021",
        "Arrests: about 20 wallets had bought tobacco and tablets for 5 million yen.",
        "press, January 2021",
        SEPTEMBER,
    ),
)


def reported_by(date: dt.date) -> tuple[int, int]:
    """Cases and yen publicly reported by the end of `date`."""
    known = [fact for fact in FACTS if fact.public and fact.cases is not None and fact.day <= date]
    return (known[-1].cases or 0, known[-1].yen or 0) if known else (0, 0)
