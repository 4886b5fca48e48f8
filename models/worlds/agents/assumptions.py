"""What this world assumes, each with its reason; "assumed" marks what nobody has published."""

import datetime as dt
from typing import NamedTuple

from detector.contract.vocabulary import EKYC, OTP, PIN4

#: The weeks after the regulator's questions of 15 September 2020: thieves were still at work, banks changed one by one.
#: A month's turn, a pay-day and a holiday lie within the judged days, and one month's turn in 45 days before.
JUDGED_FROM = dt.date(2020, 9, 21)


class Service(NamedTuple):
    """A payment service; `share` of first wallets; `stored`: has a balance to charge, else each purchase is a debit."""

    name: str
    share: float
    stored: bool
    tells_source: bool
    auto_charge: bool
    verified: float


#: Shares follow the order of active users that surveys of 2020 gave; the rest is assumed. Two of eight send no source:
#: an operator may hold addresses to be personal data.
SERVICES = (
    Service("docomo_account", 0.16, stored=True, tells_source=True, auto_charge=False, verified=0.45),
    Service("d_payment", 0.13, stored=False, tells_source=True, auto_charge=False, verified=0.45),
    Service("paypay", 0.32, stored=True, tells_source=True, auto_charge=True, verified=0.30),
    Service("merpay", 0.12, stored=True, tells_source=False, auto_charge=True, verified=0.60),
    Service("linepay", 0.11, stored=True, tells_source=True, auto_charge=True, verified=0.40),
    Service("kyash", 0.05, stored=True, tells_source=True, auto_charge=True, verified=0.10),
    Service("paypal", 0.04, stored=False, tells_source=True, auto_charge=False, verified=0.10),
    Service("aupay", 0.07, stored=True, tells_source=False, auto_charge=True, verified=0.50),
)


class Bank(NamedTuple):
    """A bank, its share of accounts and how it checks who links one; `wavers`: may turn to one-time codes."""

    code: str
    share: float
    auth: int
    wavers: bool = False


REGIONAL_BANKS = (
    "0116", "0117", "0119", "0125", "0128", "0129", "0133", "0135", "0137", "0142", "0146",
    "0150", "0152", "0155", "0157", "0158", "0166", "0169", "0177", "0181", "0190", "0398",
)  # fmt: skip
#: Five large ones with more than half of the accounts, and regional banks with about 2 % each; of the latter most
#: asked for a four-digit PIN only (press, September 2020).
BANKS = (
    Bank("9900", 0.22, PIN4),
    Bank("0005", 0.11, OTP),
    Bank("0009", 0.11, OTP),
    Bank("0001", 0.10, OTP),
    Bank("0036", 0.06, EKYC),
    *(Bank(code, 0.4 / len(REGIONAL_BANKS), PIN4, wavers=True) for code in REGIONAL_BANKS),
)
#: Share of wavering banks that bring in one-time codes within the days played: a counter-measure "taken, late".
TURNING_BANKS = 0.3
#: A bank is down for a maintenance from Monday 0:00 to 6:00 (bank's public timetables have such windows): refused.
MAINTENANCE_HOURS = 6
#: Outages of a batch interface, a day: one bank's events of two hours arrive when it is over (assumed).
OUTAGES_A_DAY = 0.1
OUTAGE_MS = 2 * 3_600_000

# People. Accounts known at the beginning are "users"; the others have a bank account and no wallet yet.
PEOPLE_A_USER = 1.9  # about half of all adults had no code payment at all in 2020
HOUSEHOLD_SIZES = (0.38, 0.28, 0.17, 0.17)  # of 1, 2, 3, 4: census of 2020, larger ones within the last
REGIONS = 8
STUDENTS, PENSIONERS = 0.12, 0.15
INCOME_YEN = (90_000, 165_000, 260_000)  # monthly medians of students, pensioners, employees
INCOME_SIGMA = 0.35
#: Savings on the account: half of all have less than this, one in twenty ten times as much (assumed).
BALANCE_MEDIAN_YEN, BALANCE_SIGMA = 380_000, 1.35
#: Days of the month on which employees are paid, and how many of them: the 25th is the custom.
PAYDAYS = {25: 0.62, 20: 0.1, 15: 0.1, 10: 0.06, 31: 0.12}
RENT_DAY, RENT_OF_INCOME = 27, 0.3  # rent is debited on the 27th by custom
#: Share of the income that leaves the account by card and cash; what remains is saved or spent by wallet.
OTHER_SPENDING = 0.52
PRUDENT = 0.85  # look at the balance before they charge; the others are refused now and then
PURCHASES_A_DAY, PURCHASES_SHAPE = 0.72, 1.3  # by wallet, of users: gamma; heavy users buy several times a day
MOST_PURCHASES = 6
WEEKEND_PURCHASES = 1.25
SECOND_WALLET = 0.35  # users with a second service at the beginning
CHARGE_UNITS = {1_000: 0.1, 2_000: 0.08, 3_000: 0.18, 5_000: 0.29, 10_000: 0.25, 20_000: 0.06, 30_000: 0.04}
AUTO_CHARGE = 0.12  # of wallets whose service has it; by a fixed amount
BUDGETERS = 0.16  # charge what they allow themselves for a month when paid
BUDGETS = (10_000, 20_000, 30_000, 50_000, 100_000)
PHONE_YEARS = 2.8  # a new phone every so many years, then the account is linked again
LEAVING_A_DAY = 1 / 700  # of linked wallets (assumed)
VERIFYING_A_DAY = 1 / 150  # wallets that prove who owns them, later on (assumed)
#: Big purchases by wallet a person and day: a washing machine, a journey, rent of a new flat; some for all that the
#: cap leaves, as a bonus counts by the yen charged.
BIG_A_DAY, BIG_MEDIAN_YEN, BIG_SIGMA, BIG_TO_THE_CAP = 0.0016, 90_000, 0.55, 0.1
BIG_ON_THE_FIRST = 3.0  # so many times as many on the first two days of a month: caps and limits of bonuses begin anew
DEBIT_LIMITS = (30_000, 50_000, 100_000)  # what one debit may be, by service and bank (their help pages)
BARCODE_YEN = 49_999  # most of a payment by barcode (INCIDENT: limits)
TRANSFERS_A_DAY = 0.05
TRANSFER_YEN = (500, 1_000, 1_200, 1_500, 2_000, 3_000, 3_500, 5_000, 10_000)
PAYOUTS_A_DAY, PAYOUT_YEN = 0.0006, 20_000  # most of one payout (INCIDENT: limits)

#: Wallets begun by a user a day. Most are linked and charged within the hour: 5 to 6 accounts of 1,000 a day, 50 to
#: 60 for each case of fraud at 190 cases in 31 days. Two of three belong to people with another wallet.
BEGUN_A_DAY = 0.0099
KNOWN_TO_NEW = 1.9  # an old user tries one more service this much more readily than others a first
BEGUN_FOR_A_BIG_ONE = 0.04  # open a wallet because a shop pays a part of something dear back, as in December 2018
LINK_AT_ONCE, CHARGE_AT_ONCE, PAY_AT_ONCE = 0.88, 0.82, 0.5
OPEN_TO_LINK_MIN, LINK_TO_CHARGE_MIN = 4.0, 1.8  # medians; log-normal, sigma 1
CHILD_ON_PARENTS_ACCOUNT = 0.5  # a student's first wallet is linked to the account of somebody at home
MISTYPED = (0.07, 0.05, 0.08)  # an attempt of an honest person fails, by auth; three failures lock
#: Campaigns: a service pays for linking and charging; each has one in 40 days on average, 4 to 10 days long, and
#: brings this many times the beginners. Its bonus asks for a certain charge.
CAMPAIGNS_A_DAY, CAMPAIGN_DAYS, CAMPAIGN_PULL = 1 / 40, (4, 10), 3.0
CAMPAIGN_YEN = (5_000, 10_000, 20_000, 20_000, 30_000)  # 20,000: the state's "Mynapoint", September 2020

CAMPAIGN_CHARGES = 0.04  # of a service's users who buy on such a day charge what the bonus asks for (assumed)

# Addresses. Three carriers and what they do with a phone's address; half of all events come from a phone's network.
CARRIER_SHARES = (0.45, 0.30, 0.25)
NAT_ADDRESSES = (2, 1, 0)  # of a carrier in a region, each for thousands of phones; 0: changes with each session
CHANGING_ADDRESSES = 30_000
VPN_USERS, VPN_EXITS = 0.012, 60
OFFICES, AT_AN_OFFICE = 400, 0.3
HOME_RENEWAL_A_DAY = 1 / 40  # a router gets another address, often one that somebody gave up
AT_HOME = (0.75, 0.3, 0.6)  # at night, by day, in the evening: by the home's address

# Delivery.
DELAY_MS = 1_500
LATE, LATE_MEDIAN_MS, LATE_SIGMA = 0.003, 900_000, 1.2
DUPLICATES, DUPLICATE_WITHIN_MS = 0.0015, 300_000


class Category(NamedTuple):
    """A kind of shop: share of purchases, amounts (log-normal), how many shops a region has."""

    name: str
    share: float
    median_yen: int
    sigma: float
    shops: int


#: Convenience stores are where wallets are used most (surveys of 2019 and 2020); amounts assumed.
CATEGORIES = (
    Category("convenience", 0.42, 620, 0.6, 60),
    Category("supermarket", 0.20, 2_300, 0.6, 25),
    Category("drugstore", 0.10, 1_600, 0.6, 20),
    Category("restaurant", 0.13, 1_300, 0.55, 60),
    Category("electronics", 0.03, 7_500, 1.0, 8),
    Category("online", 0.09, 3_000, 0.9, 12),
    Category("tobacco", 0.03, 1_100, 0.6, 10),
)
USUAL_SHOP = 0.6  # purchases at the shop of that kind where one always goes
