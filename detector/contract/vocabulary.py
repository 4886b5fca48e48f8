"""Enumerated values on the bus; the code of a value is its index in its tuple.

Codes are stored in state rows and models, so a tuple may only be appended to.
"""

#: Codes of the source topics, in an origin too.
ACCOUNT_EVENTS, WALLET_EVENTS = 0, 1

ACCOUNT_KINDS = ("link", "unlink", "debit")
WALLET_KINDS = ("open", "payment", "transfer", "payout")
KINDS = ACCOUNT_KINDS + WALLET_KINDS
LINK, UNLINK, DEBIT, OPEN, PAYMENT, TRANSFER, PAYOUT = range(len(KINDS))

#: All possible banks: one look-up also checks the digits.
BANKS = {f"{number:04}": number for number in range(10_000)}

#: Known services; `services` has the codes of any other name.
SERVICES = ("docomo_account", "d_payment", "paypay", "kyash", "merpay", "linepay", "paypal", "other")
OTHER = SERVICES.index("other")

MAX_SERVICE = 32
#: A service's name. No "/", which separates service and wallet in a key.
SERVICE = rf"^[a-z0-9_.-]{{1,{MAX_SERVICE}}}$"

AUTHS = ("pin4", "otp", "ekyc")
PIN4, OTP, EKYC = range(len(AUTHS))

RESULTS = ("ok", "wrong_credentials", "locked", "insufficient", "over_cap", "refused")
LINK_RESULTS = RESULTS[:3]
DEBIT_RESULTS = ("ok", "insufficient", "over_cap", "refused")
OK, WRONG_CREDENTIALS, LOCKED, INSUFFICIENT, OVER_CAP, REFUSED = range(len(RESULTS))

PURPOSES = ("charge", "payment")
CHARGE, PURCHASE = range(len(PURPOSES))

ABSENT = -1  # code of a field that the event's kind does not have

MAX_AMOUNT_YEN = 10**9
MONTHLY_CAP_YEN = 300_000  # bank to wallet, a calendar month (press, Sept 2020)
