"""Checks what write_samples writes with the XML and HTML parsers of Python.

Every figure is well-formed XML with finite numbers; every page has balanced elements,
loads nothing, runs nothing, and holds no markup that came from the data.
"""
import html.parser
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

VOID = {"meta", "br", "img", "link"}
OPTIONAL_END = {"td", "th", "tr", "p", "li", "dt", "dd"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "section", "h1",
    "h2", "p", "ul", "li", "b", "i", "br", "small", "span", "div", "dl", "dt", "dd",
    "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "details",
    "summary", "pre", "sup", "svg", "path", "rect", "text",
}
NUMBER_ATTRIBUTES = ("x", "y", "width", "height", "viewBox", "d")
LARGEST_BYTES = 5_000_000


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.names, self.problems = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "href", "srcset", "action"):
                self.problems.append(f"attribute {name}={value!r}")
        if tag in VOID or self.get_starttag_text().endswith("/>"):
            return
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.add(tag)

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL_END:
            self.open.pop()
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-3:]} at {self.getpos()}")
        else:
            self.open.pop()


def check_svg(text, where):
    root = ElementTree.fromstring(text)
    names = [element.tag.split("}")[-1] for element in root.iter()]
    assert names[0] == "svg" and "title" in names, f"{where}: no title"
    assert root.get("aria-label"), f"{where}: no aria-label"
    points = 0
    for element in root.iter():
        for attribute in NUMBER_ATTRIBUTES:
            value = element.get(attribute, "")
            assert not re.search(r"nan|inf", value, re.I), f"{where}: {attribute}={value}"
            for number in re.findall(r"-?\d+(?:\.\d+)?", value):
                assert abs(float(number)) < 5000, f"{where}: {attribute} {number}"
        points += len(re.findall(r"[MLHVh]", element.get("d", "")))
    assert points < 60000, f"{where}: {points} points"


def check_page(text, where):
    page = Page()
    page.feed(text)
    page.close()
    assert not page.problems, f"{where}: {page.problems[:3]}"
    assert not page.open, f"{where}: never closed: {page.open}"
    assert page.names <= ALLOWED, f"{where}: {page.names - ALLOWED}"
    assert "url(" not in text and "@import" not in text and "//" not in re.sub(
        r"<pre>.*?</pre>", "", text, flags=re.S), f"{where}: refers to elsewhere"
    for i, figure in enumerate(re.findall(r"<svg [^>]*class=\"figure.*?</svg>\n</svg>",
                                          text, flags=re.S)):
        check_svg(figure, f"{where} figure {i}")
    return len(re.findall(r'class="figure ', text))


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True, timeout=100)
        figures = {}
        for path in sorted(pathlib.Path(folder).iterdir()):
            size = path.stat().st_size
            text = path.read_text(encoding="utf-8")
            assert size < LARGEST_BYTES, f"{path.name}: {size} bytes"
            if path.suffix == ".svg":
                check_svg(text, path.name)
            else:
                figures[path.name] = check_page(text, path.name)
            print(f"{path.name}: {size} bytes")
    # wide and narrow: profile, convergence, error, samples, drift, projection; once: scree, scatter, two overlaps
    for name in ("good.html", "gap.html", "hostile.html", "large.html"):
        assert figures[name] == 16, f"{name}: {figures[name]} figures"
    assert figures["empty.html"] == 0
    assert figures["one.html"] == 10, figures["one.html"]


main()
