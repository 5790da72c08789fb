"""The page as a browser shows it: at a desk, on a phone, in the dark, at 200 % and on paper."""

import json
import os
import re
import shutil
import subprocess
from datetime import date
from html import unescape
from importlib.resources import files
from pathlib import Path

import pytest

from lib.list_builders import a_hostile_list, a_whole_school
from wraparound.publishing.lists import (
    NightsLine,
    SchoolLine,
    render_index,
    render_nights,
    render_school,
)
from wraparound.publishing.standings import Found

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARTIFACTS = Path(__file__).resolve().parents[1] / "artifacts"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH (Debian: chromium)"),
]

# A window of the browser is never as narrow as a phone, a frame may be.
STYLE = "<style>html,body{margin:0;overflow:hidden}iframe{border:0;display:block}</style>"
FRAME = '<iframe name="{name}" width="{width}" height="{height}" src="{source}"></iframe>'

# These run in a copy of the page and in the page around it: the page itself has no script
# and forbids any.
LISTEN = """<script>
addEventListener("message", (event) => document.body.append(event.data));
</script>"""
MEASURE = """<script>
const isBroken = (each) => [...each.firstChild.data.matchAll(/\\S+/g)].some((word) => {
  const range = new Range();
  range.setStart(each.firstChild, word.index);
  range.setEnd(each.firstChild, word.index + word[0].length);
  return range.getClientRects().length > 1;
});
addEventListener("load", () => {
  const seen = (selector) => [...document.querySelectorAll(selector)]
    .filter((each) => each.checkVisibility());
  const hidden = "caption, .skip, .pick-one";
  const told = {
    name: window.name,
    inner: innerWidth,
    scroll: document.scrollingElement.scrollWidth,
    wide: seen("body *").filter((each) => !each.closest(hidden)
      && each.getBoundingClientRect().right > innerWidth + 1).length,
    today: seen("#today").length,
    queue: seen(".q").length,
    students: seen(".s").length,
    opened: seen(".more").length,
    broken: seen(".ask").filter(isBroken).length,
  };
  parent.postMessage("told:" + JSON.stringify(told) + ":told", "*");
});
</script>"""


def browse(*arguments, profile):
    """Run the browser once and return what it printed."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [
        *(CHROMIUM, "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
        *("--disable-dev-shm-usage", f"--user-data-dir={profile}", *as_root, *arguments),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)


def told_by(frames, folder, *words, seconds=20):
    """What the pages in frames say of themselves, one object each."""
    around = folder / "frames.html"
    around.write_text(f"<!doctype html>{STYLE}<body>{LISTEN}{frames}</body>", encoding="utf-8")
    printed = browse(
        *("--window-size=1400,1000", f"--virtual-time-budget={seconds}000", "--dump-dom"),
        *words,
        around.as_uri(),
        profile=folder / "profile",
    ).stdout
    return [json.loads(each) for each in re.findall("told:({.*?}):told", unescape(printed))]


def measured(page, folder, *, cases):
    """Load a copy of `page` once per (width, fragment) and return what each says of itself."""
    copy = folder / "copy.html"
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
    copy.write_text(text.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    frames = "".join(
        FRAME.format(
            name=f"{width}{fragment}", width=width, height=900, source=copy.as_uri() + fragment
        )
        for width, fragment in cases
    )
    return {each["name"]: each for each in told_by(frames, folder)}


# Axe runs in a copy of each page, in a frame as wide as the window it stands for.
AXE = """<script src="axe.min.js"></script><script>
addEventListener("load", async () => {
  const found = await axe.run(document, {iframes: false, resultTypes: ["violations"]});
  const told = found.violations.map((each) => each.id + " " + each.nodes.length + " "
    + each.nodes[0].target.join(" ") + " " + each.nodes[0].failureSummary);
  parent.postMessage("told:" + JSON.stringify({name: window.name, told}) + ":told", "*");
});
</script>"""


def judged(folder, *, dark):
    """What axe finds, by page, width and fragment, among the pages of a folder."""
    cases = [
        (page, width, fragment)
        for page, fragment in (("en", ""), ("en", "#c5"), ("es", ""), ("all", ""), ("nights", ""))
        for width in ((390,) if dark else (390, 1240))
    ]
    frames = "".join(
        FRAME.format(
            name=f"{page}{fragment} {width}",
            width=width,
            height=900,
            source=f"{page}.html{fragment}",
        )
        for page, width, fragment in cases
    )
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    told = told_by(frames, folder, *scheme, seconds=60)
    return len(cases), {each["name"]: each["told"] for each in told}


@pytest.fixture(scope="module")
def pages_with_axe(tmp_path_factory):
    """Copies of every kind of page that bring axe along: the pages themselves forbid scripts."""
    folder = tmp_path_factory.mktemp("axe")
    held = {
        "verdict": "hold",
        "as_of_date": date(2026, 3, 13),
        "since": date(2026, 3, 12),
        "findings": [
            {
                "rule_id": "release.churn_lost",
                "severity": "hold",
                "failing_count": 27,
                "message": "Many children left the roster at once.",
            }
        ],
    }
    data = a_whole_school(12, verdict=held)
    for language in ("en", "es"):
        render_school(data, folder / language, language=language)
        (folder / language / "index.html").rename(folder / f"{language}.html")
    render_index([data.line(folder="T-SCH-7"), *district_lines(data)], folder)
    (folder / "index.html").rename(folder / "all.html")
    found = Found("release.churn_lost", "hold", "Many children left at once.", (81, 82))
    words = {80: "pass", 81: "hold", 82: "lifted", 83: "notice"}
    nights = [(80 + n, date(2026, 3, 9 + n)) for n in range(14)]
    render_nights([NightsLine("Willow Park", words, (found,), date(2026, 3, 10))], nights, folder)
    for page in folder.glob("*.html"):
        text = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</body>", f"{AXE}</body>"), encoding="utf-8")
    axe = files("axe_playwright_python") / "axe.min.js"
    (folder / "axe.min.js").write_bytes(axe.read_bytes())
    return folder


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(pages_with_axe, dark):
    cases, told = judged(pages_with_axe, dark=dark)
    assert len(told) == cases
    assert {name: found for name, found in told.items() if found} == {}


def photographed(page, tmp_path, *, name, width, height=1800, dark=False, fragment=""):
    """Keep a picture of the page as test artifact."""
    ARTIFACTS.mkdir(exist_ok=True)
    frame = tmp_path / f"{name}.html"
    source = page.as_uri() + fragment
    shown = FRAME.format(name=name, width=width, height=height, source=source)
    frame.write_text(f"<!doctype html>{STYLE}{shown}", encoding="utf-8")
    picture = ARTIFACTS / f"{name}.png"
    picture.unlink(missing_ok=True)
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    browse(
        *(f"--window-size={max(width, 500)},{height}", *scheme, f"--screenshot={picture}"),
        frame.as_uri(),
        profile=tmp_path / "profile",
    )
    return picture


@pytest.fixture(scope="module")
def school_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maple")
    render_school(a_whole_school(60), folder)
    return folder / "index.html"


@pytest.mark.parametrize("width", [390, 1240])
def test_filters_work_without_script(school_page, tmp_path, width):
    text = school_page.read_text(encoding="utf-8").replace(" checked ", " ")
    for chosen in ("q-overdue", "g-0"):
        text = text.replace(f'id="{chosen}" ', f'id="{chosen}" checked ')
    chosen_page = tmp_path / "chosen.html"
    chosen_page.write_text(text, encoding="utf-8")
    told = measured(chosen_page, tmp_path, cases=[(width, "")])[f"{width}"]
    data = a_whole_school(60)
    assert told["queue"] == sum(referral.is_overdue for referral in data.queue)
    assert told["students"] == sum(student.grade_level == "KG" for student in data.students)


WIDTHS = (320, 390, 640, 768, 1240)
FRAGMENTS = ("", "#c5", "#profiles")


@pytest.fixture(scope="module")
def school_told(school_page, tmp_path_factory):
    cases = [(width, fragment) for width in WIDTHS for fragment in FRAGMENTS]
    return measured(school_page, tmp_path_factory.mktemp("told"), cases=cases)


@pytest.mark.parametrize("fragment", FRAGMENTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(school_told, width, fragment):
    told = school_told[f"{width}{fragment}"]
    assert told["inner"] == width
    assert told["scroll"] <= width
    assert told["wide"] == 0


def test_the_longest_and_strangest_names_wrap(tmp_path):
    # In Spanish, whose words are the longer ones.
    render_school(a_hostile_list(), tmp_path, language="es")
    cases = [(320, ""), (320, "#c12"), (320, "#profiles"), (1240, "")]
    told = measured(tmp_path / "index.html", tmp_path, cases=cases)
    assert len(told) == len(cases)
    assert all(each["scroll"] <= each["inner"] for each in told.values())


def test_no_word_about_consent_is_broken(tmp_path):
    render_school(a_whole_school(60), tmp_path, language="es")
    told = measured(tmp_path / "index.html", tmp_path, cases=[(width, "") for width in WIDTHS])
    assert [told[f"{width}"]["broken"] for width in WIDTHS] == [0] * len(WIDTHS)
    assert "<b class=ask>consentimiento " in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [390, 1240])
def test_a_list_shows_everybody_and_no_details(school_told, width):
    told = school_told[f"{width}"]
    assert (told["students"], told["opened"], told["today"]) == (60, 0, 1)
    assert told["queue"] > 10


@pytest.mark.parametrize("width", [390, 1240])
def test_a_name_opens_one_students_page_and_nothing_else(school_told, width):
    told = school_told[f"{width}#c5"]
    assert (told["students"], told["opened"], told["today"], told["queue"]) == (1, 1, 0, 0)


@pytest.mark.parametrize("width", [390, 1240])
def test_all_pages_open_at_once_for_printing(school_told, width):
    told = school_told[f"{width}#profiles"]
    assert (told["students"], told["opened"], told["today"]) == (60, 60, 0)


@pytest.mark.parametrize(
    ("name", "width", "dark", "fragment"),
    [
        ("list-desk-light", 1240, False, ""),
        ("list-desk-dark", 1240, True, ""),
        ("list-students-desk", 1240, False, "#students"),
        ("list-phone-light", 390, False, ""),
        ("list-phone-dark", 390, True, "#students"),
        ("list-narrow", 320, False, "#queue"),
        ("list-child-desk", 1240, False, "#c5"),
        ("list-child-phone", 390, True, "#c5"),
    ],
)
def test_pictures_are_kept(school_page, tmp_path, name, width, dark, fragment):
    picture = photographed(
        school_page, tmp_path, name=name, width=width, dark=dark, fragment=fragment
    )
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_district_overview_is_kept_too(tmp_path):
    data = a_whole_school(60)
    render_index([data.line(folder="T-SCH-7"), *district_lines(data)], tmp_path)
    page = tmp_path / "index.html"
    photographed(page, tmp_path, name="district-desk", width=1240, height=700)
    photographed(page, tmp_path, name="district-phone", width=390, height=1200)
    told = measured(page, tmp_path, cases=[(320, "")])
    assert told["320"]["scroll"] <= 320


def district_lines(data):
    for verdict, name in (("notice", "Oak Hill School"), ("hold", "Willow Park School")):
        yield SchoolLine(
            school_name=name,
            folder=name,
            verdict=verdict,
            as_of_date=data.school.as_of_date,
            release_id=82,
            student_count=412,
            referral_count=57,
            overdue_count=4,
            new_count=2,
            reviewed_count=380,
            reasons=(("T.lost", "41 students of the last list were missing from the roster."),),
        )


def test_the_page_prints_one_student_per_sheet(school_page, tmp_path):
    sheets = [printed_pages(school_page, tmp_path, fragment=each) for each in ("#c5", "#profiles")]
    assert 1 <= sheets[0] <= 2
    assert sheets[1] >= 60


def printed_pages(page, tmp_path, *, fragment):
    paper = tmp_path / "paper.pdf"
    browse(f"--print-to-pdf={paper}", page.as_uri() + fragment, profile=tmp_path / "profile")
    return len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))


def test_the_browser_has_nothing_to_complain_of(school_page, tmp_path):
    page = school_page.as_uri()
    done = browse("--enable-logging=stderr", "--dump-dom", page, profile=tmp_path / "profile")
    assert "CONSOLE" not in done.stderr
