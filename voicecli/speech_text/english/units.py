"""Quantities: money, percentages, and numbers with a unit."""

from __future__ import annotations

import re
from collections.abc import Iterable

from voicecli.speech_text.english.numbers import NUMBER, Rule, cardinal, fraction

_CURRENCIES = {
    "US$": ("dollar", "dollars", "cent", "cents"),
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
_SCALES = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "B": "billion", "bn": "billion"}
_SCALE = r"thousand|million|billion|trillion|bn|[kKmMB]"

_REGULAR = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "µm": "micrometer", "μm": "micrometer",
    "nm": "nanometer", "mi": "mile", "yd": "yard", "kg": "kilogram", "g": "gram", "mg": "milligram", "lb": "pound",
    "lbs": "pound", "oz": "ounce", "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter",
    "cl": "centiliter", "dl": "deciliter",
    "gal": "gallon", "tbsp": "tablespoon", "Tbsp": "tablespoon", "tsp": "teaspoon", "°": "degree",
    "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "PB": "petabyte", "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte", "Mbit": "megabit", "Gbit": "gigabit",
    "ns": "nanosecond", "µs": "microsecond", "μs": "microsecond", "ms": "millisecond", "s": "second", "sec": "second",
    "secs": "second", "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "yr": "year",
    "yrs": "year", "W": "watt", "kW": "kilowatt", "MW": "megawatt", "V": "volt", "mA": "milliamp",
    "kcal": "kilocalorie", "cal": "calorie", "kJ": "kilojoule", "dB": "decibel", "px": "pixel", "MP": "megapixel",
    "kWh": "kilowatt hour", "Wh": "watt hour", "mAh": "milliamp hour",
}  # fmt: skip
_IRREGULAR = {
    "ft": ("foot", "feet"), "mph": ("mile per hour", "miles per hour"), "mpg": ("mile per gallon", "miles per gallon"),
    "kph": ("kilometer per hour", "kilometers per hour"), "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "Mbps": ("megabit per second",
    "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"), "hp": ("horsepower", "horsepower"),
    "fps": ("frame per second", "frames per second"), "rpm": ("revolution per minute", "revolutions per minute"),
    "dpi": ("dot per inch", "dots per inch"), "psi": ("P-S-I", "P-S-I"), "sq ft": ("square foot", "square feet"),
    "%": ("percent", "percent"), "USD": ("US dollar", "US dollars"), "EUR": ("euro", "euros"),
    "GBP": ("British pound", "British pounds"), "€": ("euro", "euros"), "£": ("pound", "pounds"),
}  # fmt: skip
_UNITS = {unit: (name, f"{name}s") for unit, name in _REGULAR.items()} | _IRREGULAR
_PER = {
    "s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "hour": "hour", "day": "day",
    "night": "night", "week": "week", "mo": "month", "month": "month", "yr": "year", "year": "year", "kg": "kilogram",
    "L": "liter", "l": "liter", "lb": "pound", "person": "person", "user": "user", "m²": "square meter",
}  # fmt: skip
_POWERS = {"²": "square ", "^2": "square ", "³": "cubic ", "^3": "cubic "}


def _any_of(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_SIGN = rf"(?P<sign>{_any_of(_CURRENCIES)})"
_PER_WHAT = rf"(?:/(?P<per>{_any_of(_PER)})(?![\w²³]))?"
_ARTICLE = r"(?P<article>\b[Aa]n? )?"
_COUNT = rf"(?:(?P<whole>\d+) )?(?P<top>[1-9]\d?)/(?P<bottom>[1-9]\d?)|(?P<number>{NUMBER})"


def _rate(match: re.Match[str]) -> str:
    return f" per {_PER[match['per']]}" if match["per"] else ""


def _money(match: re.Match[str]) -> str:
    """Spell money: "$3.50" -> "three dollars and fifty cents", "a $5 bill" -> "a five dollar bill"."""
    amount, end, article = match["amount"], match["end"], match["article"] or ""
    one, many, _, _ = _CURRENCIES[match["sign"]]
    if end or match["scale"] or not re.fullmatch(r"[\d,]+(?:\.\d\d)?", amount):
        span = f"{cardinal(amount)} to {cardinal(end)}" if end else cardinal(amount)
        scale = f" {_SCALES.get(match['scale'], match['scale'])}" if match["scale"] else ""
        said = f"{span}{scale} {one if article else many}"
    elif article and "." not in amount:
        said = f"{cardinal(amount)} {one}"
    else:
        said = _coins(amount, match["sign"])
    return f"{article}{said}{_rate(match)}"


def _coins(amount: str, sign: str) -> str:
    one, many, one_cent, many_cents = _CURRENCIES[sign]
    whole, _, cents = amount.replace(",", "").partition(".")
    small = f"{cardinal(cents)} {one_cent if cents == '01' else many_cents}" if int(cents or 0) else ""
    large = f"{cardinal(whole)} {one if whole == '1' else many}" if int(whole) or not small else ""
    return " and ".join(filter(None, (large, small)))


def _quantity(match: re.Match[str]) -> str:
    """Spell a quantity: "1 km" -> "one kilometer", "2 m²" -> "two square meters"."""
    one, many = _UNITS[match["unit"]]
    power = _POWERS.get(match["power"] or "", "")
    if match["number"]:
        count, is_single = cardinal(match["number"]), match["number"] == "1"
    else:
        count = fraction(match["whole"] or "", match["top"], match["bottom"])
        is_single = not match["whole"]
    unit = one if is_single or match["article"] or match["gap"] == "-" else many
    return f"{match['article'] or ''}{count} {power}{unit}{_rate(match)}"


def _inches(match: re.Match[str]) -> str:
    return f"{cardinal(match['number'])} {'inch' if match['number'] == '1' else 'inches'}"


def _height(match: re.Match[str]) -> str:
    return f"{cardinal(match['feet'])} foot {cardinal(match['inches'])}"


def _times(match: re.Match[str]) -> str:
    return f"{cardinal(match['number'])} times"


UNITS: tuple[Rule, ...] = tuple(
    (re.compile(pattern), say)
    for pattern, say in (
        (
            rf"{_ARTICLE}(?<!\w){_SIGN}\s?(?P<amount>{NUMBER})(?: to [$€£¥₹]?(?P<end>{NUMBER}))?"
            rf"(?:\s?(?P<scale>{_SCALE})\b)?{_PER_WHAT}",
            _money,
        ),
        (
            rf"{_ARTICLE}(?<![\w.,/])(?:{_COUNT})(?P<gap>[ \u00a0-]?)(?P<unit>{_any_of(_UNITS)})"
            rf"(?P<power>[²³]|\^[23])?(?![\w'’]){_PER_WHAT}",
            _quantity,
        ),
        (r"(?<![\w.'’])(?P<feet>\d)['’′]\s?(?P<inches>\d{1,2})(?!\w)[\"″]?", _height),
        (rf"(?<![\w.,])(?P<number>{NUMBER})in\b", _inches),
        (
            rf"(?<![\w.,])(?P<number>{NUMBER})[\"″](?= (?:screen|display|monitor|TV|laptop|panel)\b)",
            lambda match: f"{cardinal(match['number'])} inch",
        ),
        (
            rf"(?<![\w.,])(?P<number>{NUMBER}) in\b(?=$|[.,;)]| (?:x|by|wide|tall|long|deep|thick|high)\b)",
            _inches,
        ),
        (rf"(?<![\w.,])(?P<number>{NUMBER})x(?=\s|$|[,.;:!?)])", _times),
        (rf"(?<![\w.,])(?P<number>{NUMBER})M\b", lambda match: f"{cardinal(match['number'])} million"),
    )
)
