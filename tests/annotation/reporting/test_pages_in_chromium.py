"""The pages in a real browser: they open without a word on the console, sort, filter, copy, and fit a phone.

A copy of each page gets a script at its end that clicks and types and writes what it saw into the page; Chromium prints the result.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from report_tables import FRAMES, entry, film, meta, row, summary, table, troubled

from kinescribe.annotation.reporting import write_dataset_page, write_video_page

EVIL = '</script><img src=x onerror="document.title=1"><script>alert(1)</script>'
HELPERS = """
const all = selector => [...document.querySelectorAll(selector)];
const column = (id, k) => all(`#${id} tbody tr`).map(tr => tr.cells[k].textContent);
const head = (id, k) => document.querySelector(`#${id} thead`).rows[0].cells[k];
const sort = (id, k) => {
  const button = head(id, k).querySelector("button");
  button.focus(); button.click();
  return [head(id, k).ariaSort, ...column(id, k)];
};
const set = (element, value) => {
  element[typeof value === "boolean" ? "checked" : "value"] = value;
  element.dispatchEvent(new Event("input", { bubbles: true }));
};
const search = text => set(document.querySelector("input[type=search]"), text);
const wide = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser's path; without one these tests are skipped."""
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable") if (found := shutil.which(name))), ""
    )
    if not path:
        pytest.skip("no chromium, chromium-browser or google-chrome is installed")
    return path


def opened(browser: str, page: Path, script: str = "", width: int = 1200) -> tuple[dict[str, Any], list[str]]:
    """Open a copy of the page with a script that fills `out`; what it saw, and all that the console said."""
    copy = page.with_name(f"test of {page.name}")
    told = 'document.getElementById("seen").textContent = JSON.stringify(out);'
    closing = f'<pre id="seen"></pre><script>{{ const out = {{}};{HELPERS}{script};{told} }}</script></body>'
    text = page.read_text(encoding="utf-8")
    assert text.count("</body>") == 1
    copy.write_text(text.replace("</body>", closing), encoding="utf-8")
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={page.parent / 'profile'}",
            f"--window-size={width},2000", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0",
            "--virtual-time-budget=3000", "--dump-dom", copy.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, flags=re.S)
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return (json.loads(unescape(found[1])) if found and found[1] else {}), console


def crowd() -> Any:
    """Three objects of different rows, one of them flagged, one with an evil name."""
    rows = [row(frame, 1, label="ball 10") for frame in range(FRAMES)]
    rows += [row(frame, 2, label=EVIL, identity_score=0.9) for frame in range(2, 7)]
    rows += [row(frame, 10, label="ball 9", review="odd" if frame == 3 else "", identity_score=0.7) for frame in range(12)]
    return table(rows, meta(warnings=[EVIL]))


def test_the_page_of_a_video(chromium: str, tmp_path: Path):
    write_video_page(crowd(), film(), tmp_path / "video.html", command="extract-states 'film.mp4'")
    seen, console = opened(
        chromium,
        tmp_path / "video.html",
        """
        out.rows = sort("objects", 5);
        out.downwards = sort("objects", 5);
        out.focus = document.activeElement === head("objects", 5).querySelector("button");
        out.others = head("objects", 0).ariaSort;
        out.labels = sort("objects", 1);
        out.identity = sort("objects", 10);
        out.identityDown = sort("objects", 10);
        search("BALL 9"); out.filtered = column("objects", 0); out.status = document.getElementById("objects-status").textContent;
        search("no such thing"); out.none = column("objects", 0);
        search(""); set(document.querySelector("input[type=checkbox]"), true); out.look = column("objects", 0);
        const chip = document.querySelector(".chip[data-object='1']"); chip.click();
        out.hidden = all("g[data-object='1']").map(g => g.classList.contains("hide")); out.pressed = chip.ariaPressed;
        out.broken = all("img").filter(img => !img.complete || !img.naturalWidth).length; out.pictures = all("img").length;
        out.evil = all("img[src=x]").length; out.title = document.title; out.wide = wide();
        """,
    )
    assert console == []
    assert seen["rows"] == ["ascending", "5", "12", "20"]
    assert seen["downwards"] == ["descending", "20", "12", "5"]
    assert (seen["focus"], seen["others"]) == (True, "none")
    assert [label[:7] for label in seen["labels"][1:]] == ["</scrip", "ball 9", "ball 10"], "words sort as people count"
    assert seen["identity"] == ["ascending", "0.7", "0.9", "–"]
    assert seen["identityDown"] == ["descending", "0.9", "0.7", "–"], "what is not known comes last, either way"
    assert (seen["filtered"], seen["status"], seen["none"], seen["look"]) == (["10"], "1 of 1 shown, of 3 in all", [], ["10"])
    assert (seen["hidden"], seen["pressed"]) == ([True] * 3, "false")
    assert seen["broken"] == 0
    assert seen["pictures"] >= 6
    assert (seen["evil"], seen["title"], seen["wide"]) == (0, "film.mp4", 0)


def test_the_page_of_a_data_set(chromium: str, tmp_path: Path):
    jpeg = bytes(cv2.imencode(".jpg", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    calm, odd = summary(), summary(troubled())
    entries = [entry(f"clip {i}.mp4", summary=odd if i % 100 == 7 else calm, thumbnail=jpeg, seconds=float(i)) for i in range(1000)]
    entries += [entry(EVIL, state="failed", reason=EVIL, command=f"kinescribe annotate '{EVIL}'", page=EVIL)]
    write_dataset_page(entries, tmp_path / "set.html", title="a set", command="kinescribe annotate films")
    seen, console = opened(
        chromium,
        tmp_path / "set.html",
        """
        const first = column("videos", 0); out.first = [first.length, first[0].slice(0, 9), first[1]];
        out.slowest = (sort("videos", 11), sort("videos", 11)).slice(0, 3);
        document.getElementById("videos-more").click(); out.more = column("videos", 0).length;
        set(document.querySelector("select[data-by=state]"), "failed"); out.failed = column("videos", 2);
        out.command = document.querySelector("#videos button.copy").dataset.command;
        set(document.querySelector("select[data-by=state]"), "");
        const labels = document.querySelector("select[data-by=label]");
        set(labels, [...labels.options].find(one => one.textContent === "cart").value); out.carts = column("videos", 0).length;
        set(labels, "");
        set(document.querySelector("input[type=checkbox]"), true); out.look = document.getElementById("videos-status").textContent;
        out.pictures = all("#videos img").length; set(document.querySelector("input[type=checkbox]"), false);
        search("9 CLIP 99"); out.found = column("videos", 0).length; out.moreHidden = document.getElementById("videos-more").hidden;
        out.evil = all("img[src=x]").length; out.wide = wide();
        """,
        width=500,
    )
    assert console == []
    assert seen["first"] == [200, "</script>", "clip 7.mp4"]
    assert seen["slowest"] == ["descending", "999.0", "998.0"]
    assert seen["more"] == 700
    assert seen["failed"] == ["failed"]
    assert seen["command"] == f"kinescribe annotate '{EVIL}'"
    assert (seen["carts"], seen["look"], seen["pictures"]) == (10, "11 of 11 shown, of 1,001 in all", 10)
    assert (seen["found"], seen["moreHidden"]) == (19, True), "all words must be there, in any order"
    assert (seen["evil"], seen["wide"]) == (0, 0), "nothing sticks out of a phone's page"


@pytest.mark.parametrize("width", [1000, 1200])
def test_the_table_of_a_data_set_fits_a_small_screen(chromium: str, tmp_path: Path, width: int):
    jpeg = bytes(cv2.imencode(".jpg", np.zeros((60, 96, 3), np.uint8))[1].tobytes())
    names = ["badminton/rally_of_thirty-one.shots.mp4", "pendulum.mp4", "cam2/an_afternoon/2026-11-21_10.30.mp4"]
    entries = [entry(name, summary=summary(troubled()), thumbnail=jpeg, seconds=1234.5) for name in names]
    entries += [entry("broken/clip.mp4", state="failed", reason="unreadable: 'broken/clip.mp4': moov atom not found; it is cut short")]
    write_dataset_page(entries, tmp_path / "set.html", title="a set", command="kinescribe annotate films")
    seen, console = opened(
        chromium,
        tmp_path / "set.html",
        """
        const box = document.getElementById("videos").parentElement;
        out.over = box.scrollWidth - box.clientWidth; out.wide = wide(); out.broken = [];
        const parts = all("#videos tbody tr").flatMap(tr => [...tr.cells[0].querySelector("a, span").childNodes]).filter(one => one.data);
        for (const part of parts) {
          const range = document.createRange(); range.selectNodeContents(part);
          if (range.getClientRects().length > 1) out.broken.push(part.data);
        }
        out.names = column("videos", 0);
        """,
        width=width,
    )
    assert console == []
    assert (seen["over"], seen["wide"]) == (0, 0), "nothing is cut off"
    assert seen["broken"] == [], "names are broken behind / _ - . and nowhere else"
    assert sorted(seen["names"]) == sorted([*names, "broken/clip.mp4"])


def test_what_goes_wrong_in_a_page_is_seen_here(chromium: str, tmp_path: Path):
    write_video_page(crowd(), None, tmp_path / "video.html")
    _, console = opened(
        chromium, tmp_path / "video.html", "console.error('odd'); new Image().src = 'http://example.invalid/x.png'; out.x = 1"
    )
    assert any("odd" in line for line in console)
    assert any("Content Security Policy" in line for line in console), "a request to anywhere is refused, and told"
