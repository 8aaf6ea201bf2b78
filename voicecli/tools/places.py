"""The time zone of a place, as people name it. Pure.

IANA names one city for each zone; `PLACES` adds large cities, countries and states that people ask about.
"""

from __future__ import annotations

import difflib
import unicodedata
import zoneinfo
from functools import cache

PLACES = {
    "Africa/Cairo": "egypt, alexandria",
    "Africa/Casablanca": "morocco",
    "Africa/Johannesburg": "south africa, cape town, durban, pretoria",
    "Africa/Lagos": "nigeria, abuja",
    "Africa/Nairobi": "kenya",
    "America/Argentina/Buenos_Aires": "argentina",
    "America/Chicago": "texas, houston, dallas, austin, san antonio, new orleans, minneapolis, central time, illinois",
    "America/Denver": "colorado, salt lake city, utah, mountain time",
    "America/Los_Angeles": "la, california, san francisco, san diego, san jose, seattle, portland, las vegas, "
    "silicon valley, nevada, pacific time",
    "America/Mexico_City": "mexico",
    "America/New_York": "new york city, nyc, boston, washington, washington dc, miami, florida, philadelphia, "
    "atlanta, eastern time",
    "America/Phoenix": "arizona",
    "America/Bogota": "colombia",
    "America/Lima": "peru",
    "America/Santiago": "chile",
    "America/Sao_Paulo": "brazil, rio de janeiro, rio, brasilia",
    "America/Toronto": "ottawa, montreal, quebec",
    "America/Vancouver": "british columbia",
    "Asia/Bangkok": "thailand",
    "Asia/Dubai": "abu dhabi, united arab emirates, uae",
    "Asia/Hong_Kong": "hong kong",
    "Asia/Ho_Chi_Minh": "vietnam, hanoi, saigon",
    "Asia/Jakarta": "bali, java",
    "Asia/Kolkata": "india, mumbai, delhi, new delhi, bangalore, bengaluru, chennai, hyderabad, calcutta, bombay",
    "Asia/Kathmandu": "nepal",
    "Asia/Jerusalem": "israel, tel aviv",
    "Asia/Karachi": "pakistan, lahore, islamabad",
    "Asia/Manila": "philippines",
    "Asia/Riyadh": "saudi arabia, mecca",
    "Asia/Seoul": "korea, south korea, busan",
    "Asia/Shanghai": "china, beijing, peking, shenzhen, guangzhou",
    "Asia/Taipei": "taiwan",
    "Asia/Tehran": "iran",
    "Asia/Tokyo": "japan, osaka, kyoto",
    "Australia/Sydney": "canberra, new south wales",
    "Europe/Amsterdam": "netherlands, holland, rotterdam, the hague",
    "Europe/Athens": "greece",
    "Europe/Berlin": "germany, munich, hamburg, cologne, frankfurt, stuttgart",
    "Europe/Brussels": "belgium",
    "Europe/Copenhagen": "denmark",
    "Europe/Dublin": "ireland",
    "Europe/Helsinki": "finland",
    "Europe/Istanbul": "turkey, ankara",
    "Europe/Kyiv": "ukraine, kiev",
    "Europe/Lisbon": "portugal, porto",
    "Europe/London": "england, uk, united kingdom, great britain, scotland, wales, manchester, edinburgh, glasgow",
    "Europe/Madrid": "spain, barcelona, valencia, seville",
    "Europe/Moscow": "saint petersburg",
    "Europe/Oslo": "norway",
    "Europe/Paris": "france, lyon, marseille, nice",
    "Europe/Prague": "czechia, czech republic",
    "Europe/Budapest": "hungary",
    "Europe/Rome": "italy, milan, naples, venice, florence, turin",
    "Europe/Stockholm": "sweden, gothenburg",
    "Europe/Vienna": "austria, salzburg, graz",
    "Europe/Warsaw": "poland, krakow",
    "Europe/Zurich": "switzerland, geneva, basel, bern",
    "Pacific/Auckland": "new zealand, wellington",
    "Pacific/Honolulu": "hawaii",
    "Atlantic/Reykjavik": "iceland",
    "Etc/UTC": "utc, gmt, greenwich",
}
"""By zone. A country with several zones stands with the one of its capital or of most of its people."""


def zone_of(place: str) -> str | None:
    """Return the IANA zone of a city, a country or a zone's own name; None if it is not known."""
    names = _zones()
    plain = _plain(place)
    parts = [plain, *(part.strip() for part in plain.split(",")), *(part.strip() for part in plain.rsplit("/", 1)[1:])]
    return next((names[part] for part in parts if part in names), None)


def similar_places(place: str) -> list[str]:
    """Return up to three zones whose city has a similar name."""
    names = _zones()
    near = difflib.get_close_matches(_plain(place), list(names), 5, 0.7)
    return list(dict.fromkeys(names[name] for name in near))[:3]


@cache
def _zones() -> dict[str, str]:
    """Return each name in lower case with its zone: cities of the zones, then `PLACES`, then the zones' own names."""
    zones = sorted(zoneinfo.available_timezones())
    cities = {_plain(zone.rsplit("/", 1)[1]): zone for zone in zones if "/" in zone and not zone.startswith("Etc/")}
    added = {name: zone for zone, names in PLACES.items() for name in names.split(", ")}
    return cities | added | {_plain(zone): zone for zone in zones if "/" in zone}


def _plain(place: str) -> str:
    """Return a name in lower case without accents and underscores."""
    apart = unicodedata.normalize("NFKD", place.replace("_", " ").casefold())
    return " ".join("".join(one for one in apart if not unicodedata.combining(one)).split())
