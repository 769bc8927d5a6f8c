"""The currency signs and codes that may stand beside an amount. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

CURRENCY_CODES: Final = frozenset(
    """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP
SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND
VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
""".split()  # noqa: SIM905 - a list of 160 quoted words would hide them
)
"""ISO 4217, active in 2026. Any three letters would take `12 PCS` and `5 MIO` for money."""

ONE_CURRENCY: Final = {"\u20ac": "EUR"}
"""Signs that mean one currency only; `$` and others mean several and stay themselves."""

_DOLLARS = "AUD BBD BMD BND BSD BZD CAD CLP COP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD"
_POUNDS = "EGP FKP GBP GIP LBP SDG SHP SSP SYP"

SIGNS: Final = {
    "$": frozenset(f"{_DOLLARS} TTD TWD USD XCD".split()),
    "\u00a3": frozenset(_POUNDS.split()),
    "\u00a5": frozenset({"CNY", "JPY"}),
    "\u20a9": frozenset({"KPW", "KRW"}),
    "\u20aa": frozenset({"ILS"}),
    "\u20ab": frozenset({"VND"}),
    "\u20ae": frozenset({"MNT"}),
    "\u20b1": frozenset({"PHP"}),
    "\u20b4": frozenset({"UAH"}),
    "\u20b8": frozenset({"KZT"}),
    "\u20b9": frozenset({"INR"}),
    "\u20ba": frozenset({"TRY"}),
    "\u20bd": frozenset({"RUB"}),
    "\u20be": frozenset({"GEL"}),
    "kr": frozenset({"DKK", "ISK", "NOK", "SEK"}),
    "kr.": frozenset({"DKK", "ISK"}),
    "Fr.": frozenset({"CHF", "XAF", "XOF"}),
}
"""Sign → the currencies that it can mean, where the configuration names one."""

_WORDS: Final = {
    "US$": "USD",
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "NT$": "TWD",
    "S$": "SGD",
    "MX$": "MXN",
    "R$": "BRL",
    "K\u010d": "CZK",
    "z\u0142": "PLN",
    "Ft": "HUF",
    "lei": "RON",
    "\u043b\u0432.": "BGN",
    "R": "ZAR",
    "RM": "MYR",
    "Rp": "IDR",
    "S/": "PEN",
}
"""What spreadsheet programs call a currency in the number formats of its country."""

_UNSURE: Final = "R"
"""Beside an amount it may as well mark a return."""

LOCAL_NAMES: Final[dict[str, str]] = {
    **{word: code for word, code in _WORDS.items() if word != _UNSURE},
    **{sign: sign for sign in SIGNS if sign.isascii()},
}
"""What may stand beside an amount just as it is spelt here → its currency."""


def name_currency(word: str) -> str | None:
    """Return the currency that a word of a number format names, None where it names none.

    An ISO 4217 code, or the sign itself where it can mean several.
    """
    if word.upper() in CURRENCY_CODES:
        return word.upper()
    known = ONE_CURRENCY.get(word) or _WORDS.get(word)
    if known is None and (word in SIGNS or (len(word) == 1 and unicodedata.category(word) == "Sc")):
        return word
    return known
