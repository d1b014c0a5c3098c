#!/usr/bin/env python3
"""The report in a real browser, as wide as a screen and as a phone, light and dark: no
message on the console, nothing wider than the window, every figure drawn inside of its
frame, all text with contrast; and on paper.

    test_browser.py WRITE_SAMPLES

The page has no script. Frames of one window show it as it is, and copies of it with a
script that measures.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MEASURE = """<script>
// What is drawn in a figure has a size, and stays inside of it.
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
// Labels of an axis or in cells that lie on each other.
const ticks = [...document.querySelectorAll('svg.figure')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')].map(
      text => ({at: text.getBoundingClientRect(), text: text.textContent})).filter(
      one => one.at.width > 0);
  return boxes.flatMap((one, i) => boxes.slice(i + 1).filter(other =>
      Math.min(one.at.right, other.at.right) - Math.max(one.at.left, other.at.left) > 2 &&
      Math.min(one.at.bottom, other.at.bottom) - Math.max(one.at.top, other.at.top) > 4
  ).map(other => one.text + ' on ' + other.text));
});
// WCAG 2.
const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
const luminance = colour => numbers(colour).slice(0, 3).map(v => v / 255).map(
    v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce(
    (sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const opaque = colour => (numbers(colour)[3] ?? 1) > 0;
const faint = [...document.querySelectorAll('body *')].filter(
    one => !one.matches('.inside,style,script') && one.getBoundingClientRect().width &&
           [...one.childNodes].some(n => n.nodeType == 3 && n.data.trim())).flatMap(one => {
  const style = getComputedStyle(one);
  const colour = one instanceof SVGElement ? style.fill : style.color;
  let behind = one;
  while (behind && !opaque(getComputedStyle(behind).backgroundColor))
    behind = behind.parentElement;
  const [a, b] = [luminance(colour),
                  behind ? luminance(getComputedStyle(behind).backgroundColor) : 1].sort();
  const ratio = (b + 0.05) / (a + 0.05);
  return ratio < 4.5 ? [one.textContent.slice(0, 40) + ' ' + ratio.toFixed(2)] : [];
});
parent.postMessage({figures, ticks, faint,
  dark: matchMedia('(prefers-color-scheme: dark)').matches,
  width: document.documentElement.clientWidth,
  needed: document.documentElement.scrollWidth}, '*');
</script>"""
WINDOW = """<!doctype html><title>frames</title><pre id="told"></pre><script>
addEventListener('message', event => {
  document.getElementById('told').append(JSON.stringify(event.data), '\\n');
});
</script>%s"""
WIDTHS = (1280, 360)
# What each page of write_samples shows at least.
PAGES = {"good.html": 8, "hostile.html": 1, "one.html": 1, "empty.html": 0}


def browser():
    for name in ("chromium-headless-shell", "chromium", "chromium-browser",
                 "google-chrome"):
        if shutil.which(name):
            return name
    print("skipped: there is no chromium; Debian's package chromium-headless-shell has it")
    sys.exit(77)


def run(program, folder, page, *options):
    return subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu",
         "--disable-dev-shm-usage", "--enable-logging=stderr",
         f"--user-data-dir={folder / 'profile'}", "--window-size=1300,1000",
         "--hide-scrollbars", "--virtual-time-budget=1000", *options, page.as_uri()],
        text=True, capture_output=True, timeout=100, check=True)


def measure(program, page, folder, dark):
    text = page.read_text(errors="surrogateescape")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    copy = folder / "copy.html"
    copy.write_text(text.replace("</body>", MEASURE + "</body>"),
                    errors="surrogateescape")
    frames = [f'<iframe width="{width}" height="900" style="border:0" src="{name}">'
              "</iframe>" for name, width in ((page.name, WIDTHS[0]),
                                              *((copy.name, width) for width in WIDTHS))]
    window = folder / "window.html"
    window.write_text(WINDOW % "".join(frames))
    done = run(program, folder, window, "--dump-dom",
               f"--blink-settings=preferredColorScheme={0 if dark else 1}")
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    told = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, flags=re.S)
    assert told, f"{page.name}: nothing measured: {done.stderr[-500:]}"
    text = told[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    measured = {one["width"]: one for one in map(json.loads, text.splitlines())}
    assert set(measured) == set(WIDTHS), f"{page.name}: {sorted(measured)} px wide"
    return console, measured


def check_page(program, page, folder, least, dark):
    console, measured = measure(program, page, folder, dark)
    for width, got in measured.items():
        where = f"{page.name}, {width} px, {'dark' if dark else 'light'}"
        assert not console, f"{where}: {console}"
        assert got["dark"] == dark, f"{where}: it is not"
        assert got["needed"] <= got["width"] + 1, f"{where} needs {got['needed']} px"
        assert not got["faint"], f"{where}: hard to read: {got['faint'][:5]}"
        assert not got["ticks"], f"{where}: texts lie on each other: {got['ticks'][:5]}"
        figures = [one for one in got["figures"] if one["shown"]]
        assert len(figures) >= least, f"{where}: {len(figures)} figures"
        for figure in figures:
            assert figure["marks"] >= 3 and figure["label"], f"{where}: {figure}"
            assert not figure["outside"], f"{where}: {figure}"
        print(f"{where}: {len(figures)} figures drawn")


def check_print(program, page, folder):
    path = folder / "page.pdf"
    run(program, folder, page, f"--print-to-pdf={path}", "--no-pdf-header-footer")
    pages = len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))
    assert 3 <= pages <= 8, f"{pages} pages on paper"
    print(f"{page.name} on paper: {pages} pages")


def main():
    program = browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.argv[1], name], check=True)
        for page, least in PAGES.items():
            for dark in (False, True):
                check_page(program, folder / page, folder, least, dark)
        check_print(program, folder / "good.html", folder)


if __name__ == "__main__":
    main()
