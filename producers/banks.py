"""Thirty-five banks of very unequal size, by their real four-digit Zengin codes.

Codes and names are public facts. Everything else is *assumed*: the weights are not market shares, and how a bank
lets its customers link is not a statement about the bank of that name.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from producers.draws import Rng, pick


class Bank(NamedTuple):
    """A bank: code, name in English and as Japanese papers shorten it, share of the linked accounts, and the share of
    its links made with the PIN alone."""

    code: int
    name: str
    name_ja: str
    weight: float
    pin_share: float


BANKS: tuple[Bank, ...] = (
    Bank(9900, "Japan Post Bank", "ゆうちょ銀", 24.0, 1.0),
    Bank(1, "Mizuho", "みずほ銀", 14.0, 0.0),
    Bank(9, "Sumitomo Mitsui", "三井住友銀", 12.0, 0.0),
    Bank(177, "Fukuoka", "福岡銀", 4.8, 0.1),
    Bank(134, "Chiba", "千葉銀", 4.4, 0.2),
    Bank(501, "North Pacific", "北洋銀", 3.8, 1.0),
    Bank(149, "Shizuoka", "静岡銀", 3.4, 0.1),
    Bank(190, "Nishi-Nippon City", "西日本シティ銀", 3.0, 0.6),
    Bank(40, "AEON", "イオン銀", 2.8, 1.0),
    Bank(116, "Hokkaido", "北海道銀", 2.6, 1.0),
    Bank(125, "77", "七十七銀", 2.4, 1.0),
    Bank(169, "Hiroshima", "広島銀", 2.2, 0.3),
    Bank(158, "Kyoto", "京都銀", 2.0, 0.3),
    Bank(168, "Chugoku", "中国銀", 1.9, 1.0),
    Bank(143, "Hachijuni", "八十二銀", 1.7, 0.3),
    Bank(174, "Iyo", "伊予銀", 1.5, 0.3),
    Bank(161, "Senshu Ikeda", "池田泉州銀", 1.4, 0.5),
    Bank(153, "Juroku", "十六銀", 1.3, 0.4),
    Bank(152, "Ogaki Kyoritsu", "大垣共立銀", 1.2, 1.0),
    Bank(162, "Nanto", "南都銀", 1.1, 0.4),
    Bank(157, "Shiga", "滋賀銀", 1.0, 1.0),
    Bank(163, "Kiyo", "紀陽銀", 0.9, 1.0),
    Bank(182, "Higo", "肥後銀", 0.8, 0.5),
    Bank(126, "Toho", "東邦銀", 0.7, 1.0),
    Bank(173, "Hyakujushi", "百十四銀", 0.7, 0.4),
    Bank(183, "Oita", "大分銀", 0.6, 0.4),
    Bank(187, "Ryukyu", "琉球銀", 0.5, 0.6),
    Bank(150, "Suruga", "スルガ銀", 0.5, 0.2),
    Bank(35, "Sony", "ソニー銀", 0.5, 0.0),
    Bank(135, "Chiba Kogyo", "千葉興業銀", 0.4, 0.5),
    Bank(117, "Aomori", "青森銀", 0.4, 1.0),
    Bank(576, "Ehime", "愛媛銀", 0.3, 0.6),
    Bank(512, "Sendai", "仙台銀", 0.2, 1.0),
    Bank(166, "Tottori", "鳥取銀", 0.15, 1.0),
    Bank(164, "Tajima", "但馬銀", 0.1, 0.5),
)

CODES: npt.NDArray[np.int16] = np.array([bank.code for bank in BANKS], np.int16)
SHARES: npt.NDArray[np.float64] = np.array([bank.weight for bank in BANKS]) / sum(bank.weight for bank in BANKS)
PIN_SHARES: npt.NDArray[np.float64] = np.array([bank.pin_share for bank in BANKS])
PIN_BANKS: npt.NDArray[np.int64] = np.flatnonzero(PIN_SHARES == 1.0)


def drawn(rng: Rng, size: int) -> npt.NDArray[np.int64]:
    """Indices in `BANKS` of the banks of `size` accounts, by the banks' shares."""
    indices: npt.NDArray[np.int64] = pick(rng, np.arange(len(BANKS)), SHARES, size)
    return indices


def account_numbers(bank: npt.NDArray[np.int64], serial: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Account ids: the code of the bank at that index in the high bits, a unique number in the low bits."""
    return (CODES[bank].astype(np.uint64) << np.uint64(40)) | serial.astype(np.uint64)
