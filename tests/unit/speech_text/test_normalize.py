"""What is written and what is said for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecli.speech_text.normalize import ENGLISH, normalize

CASES = {
    "cardinals": [
        ("7 and 42", "seven and forty-two"),
        ("1,250 people", "one thousand two hundred fifty people"),
        ("1000000", "one million"),
        ("12345678901234567890", "one two three four five six seven eight nine zero " * 2),
        ("a 5-star hotel", "a five-star hotel"),
        ("24-hour", "twenty-four-hour"),
        ("GPT-4 and COVID-19", "GPT four and COVID nineteen"),
        ("H2O, MP3, x86, 4K", "H2O, MP3, x86, 4K"),
    ],
    "decimals": [
        ("3.14", "three point one four"),
        ("1,234.50", "one thousand two hundred thirty-four point five zero"),
        (".5", "point five"),
        ("1,2,3", "one, two, three"),
        ("It is 5.", "It is five."),
    ],
    "negative numbers": [
        ("-5 and −3", "minus five and minus three"),
        ("5 - 3", "five minus three"),
    ],
    "ranges": [
        ("3-5 items", "three to five items"),
        ("10–20%", "ten to twenty percent"),
        ("$5-10", "five to ten dollars"),
        ("$5 to $10 million", "five to ten million dollars"),
        ("1939-1945", "nineteen thirty-nine to nineteen forty-five"),
        ("1998–99", "nineteen ninety-eight to ninety-nine"),
        ("Mon-Fri", "Monday to Friday"),
    ],
    "years": [
        ("in 1998", "in nineteen ninety-eight"),
        ("It was 1905.", "It was nineteen oh five."),
        ("the 2008 crisis", "the two thousand eight crisis"),
        ("2012 Olympics", "twenty twelve Olympics"),
        ("Since 2019, and by 2030", "Since twenty nineteen, and by twenty thirty"),
        ("May 2024 (2023)", "May twenty twenty-four (twenty twenty-three)"),
        ("1998 items", "one thousand nine hundred ninety-eight items"),
        ("over 1500 of them", "over one thousand five hundred of them"),
        ("the 1500 people", "the one thousand five hundred people"),
        ("pre-1990", "pre nineteen ninety"),
        ("1200 is", "twelve hundred is"),
    ],
    "decades": [
        ("the 1990s", "the nineteen nineties"),
        ("the 1990-2000s", "the nineteen nineties to two thousands"),
        ("the 2000s", "the two thousands"),
        ("the '90s and the mid-80s", "the nineties and the mid-eighties"),
        ("in his 30s", "in his thirties"),
        ("wait 30s", "wait thirty seconds"),
    ],
    "ordinals": [("1st, 22nd, 103rd, 1,000th", "first, twenty-second, one hundred third, one thousandth")],
    "dates": [
        ("2024-05-03", "May third, twenty twenty-four"),
        ("May 3, 2024", "May third, twenty twenty-four"),
        ("Sept. 3rd", "September third"),
        ("3/4/2024", "March fourth, twenty twenty-four"),
        ("on the 3rd of May", "on May third"),
        ("25 Dec 1999", "December twenty-fifth, nineteen ninety-nine"),
    ],
    "times": [
        ("12:30", "twelve thirty"),
        ("9:05 am", "nine oh five AM"),
        ("14:00", "fourteen hundred"),
        ("9:00 and 9:00 o'clock", "nine o'clock and nine o'clock"),
        ("Tue, Nov. 3 and Fri at 5", "Tuesday, November third and Friday at five"),
        ("9:00 p.m.", "nine PM."),
        ("at 5 p.m. today", "at five PM today"),
        ("at 5pm", "at five PM"),
        ("01:02:03", "one oh two and three seconds"),
        ("3:1 and 16:9", "three to one and sixteen to nine"),
    ],
    "money": [
        ("$3.50", "three dollars and fifty cents"),
        ("$1 or $0.01", "one dollar or one cent"),
        ("$3.00", "three dollars"),
        ("$0", "zero dollars"),
        ("£2.99", "two pounds and ninety-nine pence"),
        ("€20 and 20€", "twenty euros and twenty euros"),
        ("$1.2 million", "one point two million dollars"),
        ("$5K or £1bn", "five thousand dollars or one billion pounds"),
        ("$3.5", "three point five dollars"),
        ("-$5", "minus five dollars"),
        ("a $5 bill", "a five dollar bill"),
        ("a $2 billion plan", "a two billion dollar plan"),
        ("$10/month", "ten dollars per month"),
        ("5 USD", "five US dollars"),
    ],
    "fractions": [
        ("½ cup", "one half cup"),
        ("1½ cups", "one and a half cups"),
        ("3/4 of it", "three quarters of it"),
        ("2 2/3", "two and two thirds"),
        ("7/10 and 10/10", "seven out of ten and ten out of ten"),
        ("1/10", "one tenth"),
        ("100/3", "one hundred over three"),
        ("2 3/2", "two and three halves"),
        ("24/7, 50/50, 9/11", "twenty-four seven, fifty-fifty, nine eleven"),
    ],
    "units": [
        ("1 km, 5 km", "one kilometer, five kilometers"),
        ("3-5 km", "three to five kilometers"),
        ("a 5 km run", "a five kilometer run"),
        ("10-km walks", "ten kilometer walks"),
        ("1.5 kg", "one point five kilograms"),
        ("It is 96 °C. I know.", "It is ninety-six degrees Celsius. I know."),
        ("20°C, 350°F, 90°", "twenty degrees Celsius, three hundred fifty degrees Fahrenheit, ninety degrees"),
        ("100 km/h and 60 mph", "one hundred kilometers per hour and sixty miles per hour"),
        ("16GB at 3.5 GHz", "sixteen gigabytes at three point five gigahertz"),
        ("25 m² and 2 m^3", "twenty-five square meters and two cubic meters"),
        ("½ tsp, 1 1/2 tbsp", "one half teaspoon, one and a half tablespoons"),
        ("5 in. by 1 in", "five inches. by one inch"),
        ("there are 5 in the box", "there are five in the box"),
        ("5in", "five inches"),
        ('a 27" screen', "a twenty-seven inch screen"),
        ("5'11\", 5'4", "five foot eleven, five foot four"),
        ("10x faster", "ten times faster"),
        ("10M users", "ten million users"),
        ("5%", "five percent"),
        ("1920x1080, 640x480", "nineteen twenty by ten eighty, six hundred forty by four hundred eighty"),
        ("8.5 x 11", "eight point five by eleven"),
    ],
    "telephone": [
        ("555-1234", "five five five, one two three four"),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("+49 30 123456", "plus four nine, three zero, one two three four five six"),
        ("007", "zero zero seven"),
    ],
    "versions": [
        ("3.11.7", "three point eleven point seven"),
        ("Python 3.11", "Python three point eleven"),
        ("v2.1 and version v3", "version two point one and version three"),
        ("192.168.1.1", "one hundred ninety-two dot one hundred sixty-eight dot one dot one"),
        ("localhost:8080", "localhost port eight thousand eighty"),
        ("Python 3.11+", "Python three point eleven plus"),
    ],
    "signs": [
        ("2+2=4", "two plus two equals four"),
        ("3 * 4 × 5 ÷ 6", "three times four times five divided by six"),
        ("a < b, x >= 5", "a is less than b, x is at least five"),
        ("<5 or ~5 or ±3", "less than five or about five or plus or minus three"),
        ("x² + y^3", "x squared plus y cubed"),
        ("3.0 × 10^8 m/s", "three point zero times ten to the power of eight meters per second"),
        ("#1 and #fun", "number one and hashtag fun"),
        ("C#, F# and C++", "C sharp, F sharp and C plus plus"),
        ("2^2, 2^3, x^2, e^x", "two squared, two cubed, x squared, e to the power of x"),
        ("Ctrl+C", "Ctrl plus C"),
        ("E=mc²", "E equals mc squared"),
        ("18+", "eighteen plus"),
        ("salt & pepper", "salt and pepper"),
        ("R&D", "R&D"),
        ("A → B", "A to B"),
        ("well - maybe", "well — maybe"),
        ("a | b |", "a, b"),
        ("me @ home™", "me at home"),
    ],
    "abbreviations": [
        ("e.g. this, i.e. that", "for example this, that is that"),
        ("apples, etc. and so on, etc.", "apples, et cetera and so on, et cetera."),
        ("cats vs. dogs", "cats versus dogs"),
        ("w/ milk, w/o sugar", "with milk, without sugar"),
        ("Dr. Lee, Mr. X, Mrs. Y, Ms. Z", "Doctor Lee, Mister X, Mrs Y, Miz Z"),
        ("St. John lives on Main St. now", "Saint John lives on Main Street now"),
        ("No. 5. No. I do", "number five. No. I do"),
        ("the U.S. Army, N.J. They", "the US Army, NJ. They"),
        ("in the U.S.", "in the US."),
        ("J. R. R. Tolkien", "J R R Tolkien"),
        ("vitamin C. Then", "vitamin C. Then"),
        ("World War II, Henry VIII", "World War two, Henry the eighth"),
        ("CO2 and H₂O", "C-O two and H two O"),
        ("the CLI, an IDE, AWS, an ORM, UX, the ETA", "the C-L-I, an I-D-E, A-W-S, an O-R-M, U-X, the E-T-A"),
        ("SaaS, nginx, kubectl", "sass, engine X, kube control"),
        ("stdin, stdout, stderr", "standard in, standard out, standard error"),
        ("WWI, WWII, WW2", "World War one, World War two, World War two"),
        ("Charles V", "Charles the fifth"),
        ("Prof. Lee, PhD, Ph.D. in law", "Professor Lee, PhD, PhD in law"),
        ("Sam Jr. and Sam Sr. on Mt. Fuji", "Sam Junior and Sam Senior on Mount Fuji"),
        ("on Elm Dr. now", "on Elm Drive now"),
        ("Acme Inc. or Ltd. of it", "Acme Incorporated or Limited of it"),
        ("approx. ten, cf. this, a.k.a. that", "approximately ten, compare this, also known as that"),
        ("Nos. 1, p. 2, pp. 3, fig. 4", "numbers one, page two, pages three, figure four"),
        ("vol. 5, ch. 6, sec. 7", "volume five, chapter six, section seven"),
        ("an API over HTTP in JSON", "an API over HTTP in JSON"),
    ],
    "names": [
        ("main.py", "main dot py"),
        ("docs.python.org", "docs dot python dot org"),
        ("README.MD and .env", "README dot MD and dot env"),
        ("https://a.org", "a dot org"),
        ("os.path.join()", "os dot path dot join"),
        ("/etc/hosts", "slash etc slash hosts"),
        ("~/x, ./run.sh, ../b", "home slash x, dot slash run dot sh, dot dot slash b"),
        ("src/main.py", "src slash main dot py"),
        ("get_user_name, getUserName, __init__", "get user name, get user name, init"),
        ("iPhone, macOS, GitHub", "iPhone, macOS, GitHub"),
        ("git log -n --all", "git log dash n dash dash all"),
        ("and/or, he/she, TCP/IP", "and or, he or she, TCP IP"),
        ("jane.doe_x-y+z@a.org", "jane dot doe underscore x dash y plus z at a dot org"),
    ],
}


@pytest.mark.parametrize(
    ("written", "said"),
    [pytest.param(*case, id=f"{topic}: {case[0]}") for topic, cases in CASES.items() for case in cases],
)
def test_english(written: str, said: str) -> None:
    assert normalize(written) == said.strip()


def test_every_rule_has_a_case() -> None:
    fired = set()
    for text, _ in (case for cases in CASES.values() for case in cases):
        for rule in ENGLISH:
            pattern, replacement = rule
            text, before = pattern.sub(replacement, text), text
            if text != before:
                fired.add(pattern.pattern)
    assert {pattern.pattern for pattern, _ in ENGLISH} == fired


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        pytest.param("en-us", "5 km", "five kilometers", id="english with a region"),
        pytest.param("de", "Es sind 21 Äpfel.", "Es sind einundzwanzig Äpfel.", id="german"),
        pytest.param("fr-fr", "80 € ou 3,5 %", "quatre-vingts € ou 3,5 %", id="french, decimals untouched"),
        pytest.param("es", "a las 12:30 del 3/4", "a las 12:30 del 3/4", id="spanish, times untouched"),
        pytest.param("pt-br", "16 dias", "dezesseis dias", id="portuguese of Brazil"),
        pytest.param("hi", "5 किमी & 20% → 3", "5 किमी & 20% → 3", id="hindi, left to the voice"),
        pytest.param("cmn", "我有 3 只猫，占 50%。", "我有 3 只猫，占 50%。", id="chinese, left to its reader"),
        pytest.param("ja", "猫が 3 匹", "猫が 3 匹", id="japanese, left to its reader"),
        pytest.param("it", "e.g. vs. $5 → 10 km/h", "e.g. vs. $5 → dieci km/h", id="no sign becomes an English word"),
        pytest.param("tlh", "wa' 1", "wa' 1", id="a language without number words"),
    ],
)
def test_other_languages_read_plain_numbers(language: str, written: str, said: str) -> None:
    assert normalize(written, language) == said


_ABBREVIATIONS = {
    "etc", "vs", "aka", "cf", "p", "pp", "ch", "sec", "fig", "vol", "approx", "dr", "mr", "mrs", "ms", "prof", "st",
    "mt", "jr", "sr", "inc", "ltd", "nginx", "kubectl", "stdin", "stdout", "stderr",
}  # fmt: skip
_WORD = st.text("abcdefghijklmnopqrstuvwxyzäéß", min_size=1).filter(lambda word: word not in _ABBREVIATIONS)
_PLAIN = st.lists(st.tuples(_WORD, st.sampled_from(["", "", ",", ".", "!", "?", ";", ":", " —", "…"])), min_size=1).map(
    lambda words: " ".join(word + mark for word, mark in words)
)


@given(_PLAIN)
def test_text_without_anything_to_verbalise_is_returned_unchanged(text: str) -> None:
    assert normalize(text) == text
    assert normalize(text.capitalize()) == text.capitalize()


_ANYTHING = st.lists(
    st.sampled_from(
        [*"0123459.,:/-+=%$€#@&~^*<>()'\" ", "km", "in", "May", "am", "Dr.", "v", "x", "½", "st", "s", "word", "II"]
    )
).map("".join)


@given(_ANYTHING)
def test_what_can_be_said_stays_sayable(text: str) -> None:
    said = normalize(text)
    assert any(map(str.isalnum, said)) or not any(map(str.isalnum, text))


@given(st.integers(0, 10**15 - 1))
def test_no_digit_is_left(number: int) -> None:
    assert not any(map(str.isdigit, normalize(f"exactly {number} things")))
    assert normalize(f"exactly {number:,} things") == normalize(f"exactly {number} things")
