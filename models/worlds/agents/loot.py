"""What this world assumes of thieves; "assumed" marks what nobody has published."""

from detector.contract.vocabulary import MONTHLY_CAP_YEN

STAGES = ("link", "test", "drain", "cash_out")
LINK, TEST, DRAIN, CASH_OUT = range(len(STAGES))

#: How often each typology of INCIDENT is what a thief plans (assumed): the plain drain most, as in the press.
TYPOLOGIES = {
    "T1": 0.22,
    "T2": 0.05,
    "T3": 0.09,
    "T4": 0.09,
    "T5": 0.12,
    "T6": 0.06,
    "T7": 0.05,
    "T8": 0.08,
    "T9": 0.06,
    "T10": 0.06,
    "T11": 0.05,
    "T12": 0.04,
    "T13": 0.03,
}
CASES_A_GANG = 24  # about 20 wallets were driven by the group arrested in January 2021
#: Services by how many cases the press of 16 September 2020 counted at Japan Post Bank; small ones are assumed.
SERVICES = {
    "docomo_account": 0.60,
    "paypay": 0.14,
    "merpay": 0.06,
    "linepay": 0.05,
    "kyash": 0.06,
    "paypal": 0.02,
    "aupay": 0.04,
    "d_payment": 0.03,
}
MAIN_SERVICE = 0.75  # of a gang's cases: what works is done again
BANKS_A_GANG = 3  # attacks concentrate on few banks (INCIDENT)
FAVOURITE_BANKS = 8  # of all gangs together: whose numbers are for sale
PHISHED_CODE = 0.08  # of cases at any bank: the victim was made to tell a one-time code (assumed)

CREDENTIALS_YEN = 20_000  # what number, birthday and PIN of one account cost (assumed)
PURSE_YEN = (60_000, 400_000)  # at the beginning
FENCE = 0.7  # of the price of goods that are sold on (assumed)
HANDS = (1, 3)  # cases that a gang can start in a day
RICH = 0.75  # of credentials come with a statement: the account has at least so much
RICH_YEN = 80_000
FALSE_CREDENTIALS = 0.18  # of those bought are wrong: one attempt at somebody else before the right one

SHOP_HOURS = (10, 21)  # of electronics shops and tobacconists; convenience stores never close

#: How a gang splits the cap: the passbook of 1 September 2020, and other ways that limits of a debit allow.
SPLITS = (
    (100_000, 90_000, 90_000, 20_000),
    (100_000, 100_000, 100_000),
    (50_000,) * 6,
    (30_000,) * 10,
    (99_000, 98_000, 97_000, 6_000),
    (49_000, 48_000, 47_000, 49_000, 46_000, 45_000, 16_000),
)
assert all(sum(split) == MONTHLY_CAP_YEN for split in SPLITS)
#: Median seconds between two debits of a gang: ten to twenty in the passbook; others have learnt to look patient.
PACES_S = (14, 18, 60, 300, 1_800)
OPEN_TO_LINK_MIN = (2, 30)  # INCIDENT, T1
LEAST_YEN = 3_000  # below that a debit is not worth a try

#: Addresses: of a third of the cases other people use them too, or the service tells none.
SHARED = 0.36  # of cases but enrolments: a private router, a carrier's phone, a VPN; and some services tell none
BUYER_ON_A_PHONE = 0.5  # of gangs: goods are paid through a carrier's NAT, where the shop is
SHARED_KINDS = (0.4, 0.35, 0.25)  # assumed
CASES_AN_ADDRESS = 4.0  # of the gang's own, on average, before it takes a new one
ANOTHER_FOR_THE_DRAIN = 0.25  # of cases debit from another address than they linked from

SPRAY_SUCCESS = 0.006  # of attempts: within 1e-4 … 1e-2 (INCIDENT, T3)
ATTEMPTS_A_WALLET = 60
ENROLMENT_ADDRESSES = 5  # INCIDENT, T5: at most
ENROLMENT_IDLE = 0.4  # of wallets of a mass enrolment find no account
