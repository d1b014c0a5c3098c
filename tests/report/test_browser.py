#!/usr/bin/env python3
"""The report in a real browser: no message on the console, nothing wider than a phone, and
every figure that is shown is drawn.

    test_browser.py WRITE_SAMPLES

A copy of each page is given a script that measures its figures; the page itself has none.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Per figure: what is drawn in it has a size, and stays inside of it.
MEASURE = """<script>
const figures = [...document.querySelectorAll('svg.figure')].map(svg => {
  const box = svg.getBoundingClientRect();
  const marks = [...svg.querySelectorAll('path,rect,text')].map(
      mark => mark.getBoundingClientRect()).filter(at => at.width + at.height > 0);
  return {shown: box.width > 0, marks: marks.length,
          outside: marks.filter(at => at.right > box.right + 4 ||
                                      at.left < box.left - 4).map(
              at => [at.left - box.left, at.right - box.right, at.top - box.top]),
          label: svg.getAttribute('aria-label') || ''};
});
document.title = 'MEASURED' + JSON.stringify({figures,
  width: document.documentElement.clientWidth,
  needed: document.documentElement.scrollWidth}) + 'END';
</script>"""
# What each page of write_samples shows at least.
PAGES = {"good.html": 6, "hostile.html": 1, "empty.html": 0}


def browser():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    print("skipped: there is no chromium")
    sys.exit(77)


def measure(program, page, folder, width):
    text = page.read_text(errors="surrogateescape")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    copy = folder / "copy.html"
    copy.write_text(text.replace("</body>", MEASURE + "</body>"),
                    errors="surrogateescape")
    shown = []
    for path, options in ((page, ["--screenshot=" + str(folder / "shot.png")]),
                          (copy, ["--dump-dom"])):
        shown.append(subprocess.run(
            [program, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--enable-logging=stderr",
             f"--user-data-dir={folder / 'profile'}", f"--window-size={width},1000",
             *options, path.as_uri()], text=True, capture_output=True, timeout=100,
            check=True))
    console = [line for line in shown[0].stderr.splitlines() if "CONSOLE" in line]
    found = re.search(r"MEASURED(.*?)END", shown[1].stdout, flags=re.S)
    assert found, f"{page.name}: nothing measured: {shown[1].stderr[-500:]}"
    measured = json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<")
                          .replace("&gt;", ">"))
    return console, measured


def main():
    program = browser()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.argv[1], name], check=True)
        for page, least in PAGES.items():
            for width in (1280, 500):
                console, measured = measure(program, folder / page, folder, width)
                where = f"{page} at {width} px"
                assert not console, f"{where}: {console}"
                assert measured["needed"] <= measured["width"] + 1, \
                    f"{where} needs {measured['needed']} px"
                figures = [one for one in measured["figures"] if one["shown"]]
                assert len(figures) >= least, f"{where}: {len(figures)} figures"
                for figure in figures:
                    assert figure["marks"] >= 3 and figure["label"], f"{where}: {figure}"
                    assert not figure["outside"], f"{where}: {figure}"
                print(f"{where}: {len(figures)} figures drawn")


if __name__ == "__main__":
    main()
