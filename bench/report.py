"""The book from its results: RESULTS.md, figures, the sentences of the README. Pure
functions of results.json, so that a check can tell whether texts and numbers agree."""
import math

from measure import spread

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def number(value):
    """Three significant digits, no exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def three(values):
    return " / ".join(number(v) for v in spread(values))


def contest_text(contest):
    ours = list(contest["ratios"])
    work, unit = contest["work"], contest["unit"]
    head = ["program", unit, f"{contest['metric']} ms", "peak MB"]
    head += [f"{name} is x times as fast" for name in ours]
    if not work:
        del head[1]
    lines = [f"{contest['title']}; least / median / most of {contest['pairs']} rounds"
             + (f". Answers: {contest['agreed']}." if contest["agreed"] else ""), "",
             "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for entry in contest["entries"]:
        seconds = entry[contest["metric"] + "_s"]
        cells = [entry["name"]]
        if work:
            cells.append(three([work / s for s in seconds]))
        cells += [three([1e3 * s for s in seconds]), number(entry["peak_mb"])]
        cells += [three(contest["ratios"][mine][entry["name"]])
                  if entry["name"] in contest["ratios"][mine] else "" for mine in ours]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


def exponent(x, y):
    """Slope of the straight line through the logarithms."""
    pairs = [(math.log(a), math.log(b)) for a, b in zip(x, y) if a > 0 and b > 0]
    if len(pairs) < 2:
        return math.nan
    mean = [sum(values) / len(pairs) for values in zip(*pairs)]
    above = sum((a - mean[0]) * (b - mean[1]) for a, b in pairs)
    return above / sum((a - mean[0]) ** 2 for a, _ in pairs)


def growth_text(name, growth):
    lines = []
    for k, one in enumerate(growth):
        x = one["x"]
        lines += [f"{one['title']}. Time goes with {one['variable']} to the power of "
                  f"{exponent(x, one['seconds']):.2f}, peak memory to that of "
                  f"{exponent(x, one['peak_mb']):.2f}.", "",
                  f"| {one['variable']} | " + " | ".join(f"{v:,}" for v in x) + " |",
                  "|---" * (len(x) + 1) + "|",
                  "| ms | " + " | ".join(number(1e3 * s) for s in one["seconds"]) + " |",
                  "| peak MB | " + " | ".join(number(m) for m in one["peak_mb"]) + " |", "",
                  f"![{one['title']}](figures/{name}-{k + 1}.svg)", ""]
    return lines


def growth_svg(one):
    """Seconds against the variable, both logarithmic, with the fitted line's power."""
    width, height, left, top, right, bottom = 420, 260, 62, 30, 14, 44
    x, y = one["x"], one["seconds"]
    span = [(math.log10(min(v)), math.log10(max(v))) for v in (x, y)]
    span = [(a - 0.05, b + 0.05) if b > a else (a - 0.5, b + 0.5) for a, b in span]

    def place(a, b):
        u = (math.log10(a) - span[0][0]) / (span[0][1] - span[0][0])
        v = (math.log10(b) - span[1][0]) / (span[1][1] - span[1][0])
        return (left + u * (width - left - right),
                height - bottom - v * (height - top - bottom))
    points = [place(a, b) for a, b in zip(x, y)]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    texts = [f'<text x="{left}" y="18">{one["title"]}</text>',
             f'<text x="{width - right}" y="{height - 8}" text-anchor="end">'
             f'{one["variable"]}, fitted power {exponent(x, y):.2f}</text>']
    for (u, v), a, b in zip(points, x, y):
        texts.append(f'<text x="{u:.1f}" y="{height - bottom + 16}" '
                     f'text-anchor="middle">{a:g}</text>')
        texts.append(f'<text x="{left - 6}" y="{v + 4:.1f}" text-anchor="end">'
                     f'{number(1e3 * b)} ms</text>')
    marks = "".join(f'<circle cx="{u:.1f}" cy="{v:.1f}" r="3"/>' for u, v in points)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'font-family="sans-serif" font-size="11">\n'
            f'<rect width="{width}" height="{height}" fill="white"/>\n'
            f'<path d="M{left} {top}V{height - bottom}H{width - right}" fill="none" '
            f'stroke="#666"/>\n<polyline points="{line}" fill="none" stroke="#1f6fb2"/>\n'
            f'<g fill="#1f6fb2">{marks}</g>\n' + "\n".join(texts) + "\n</svg>\n")


def targets_of(results):
    return [one for row in results["rows"] for one in row.get("targets", [])]


def target_text(rows):
    lines = ["| promise | wanted | least / median / most | |", "|---|---|---|---|"]
    for one in rows:
        unit = "" if one["unit"] == "x" else " " + one["unit"]
        sense = "at least" if one["sense"] == ">=" else "at most"
        lines.append(f"| {one['what']} | {sense} {number(one['wanted'])}{unit} | "
                     f"{number(one['least'])} / {number(one['median'])} / "
                     f"{number(one['most'])}{unit} | "
                     f"{'reached' if one['reached'] else 'missed'} |")
    return lines + [""]


def row_text(row):
    lines = [f"## {row['title']} (`{row['name']}`)", ""]
    if row.get("failed"):
        return lines + ["Not measured: " + row["failed"], ""]
    for contest in row.get("contests", []):
        lines += contest_text(contest)
    for table in row.get("tables", []):
        lines += [table["title"], "", "| " + " | ".join(table["head"]) + " |",
                  "|---" * len(table["head"]) + "|"]
        lines += ["| " + " | ".join(cells) + " |" for cells in table["rows"]] + [""]
    lines += growth_text(row["name"], row.get("growth", []))
    if row.get("targets"):
        lines += target_text(row["targets"])
    lines += [text + "\n" for text in row.get("notes", [])]
    if row.get("absent"):
        lines += ["Not installed here: " + ", ".join(sorted(set(row["absent"]))) + ".", ""]
    return lines


def markdown(results, bounds=""):
    """`bounds`: what people wrote of rows that miss, kept at the end."""
    machine = results["machine"]
    lines = ["# Results", "",
             f"Written by `bench/run`{' --quick' if results['quick'] else ''}; "
             "README.md of this folder says how. "
             f"Machine: {machine['processor']}, {machine['cores']} cores, "
             f"{machine['memory_gb']:.0f} GB, {machine['system']}; {results['when']}; load "
             f"of other work at the beginning {machine['load']:.1f}. Versions: "
             + ", ".join(f"{k} {v}" for k, v in results["versions"].items()) + ".", "",
             "Programs take turns, pinned to cores; ratios are taken within a round. "
             "Peak memory is the whole process's, never told as less than "
             f"{results['floor_mb']:.0f} MB, which the runner has.", "",
             "## Promises", ""]
    lines += target_text(targets_of(results))
    for row in results["rows"]:
        lines += row_text(row)
    return "\n".join(lines).rstrip("\n") + "\n" + ("\n" + bounds if bounds else "")


def readme_block(results):
    """What the README may claim: medians, with the machine."""
    machine = results["machine"]
    lines = [BEGIN, f"Measured on {machine['cores']} cores of {machine['processor']}, "
             "medians of one run; [bench/RESULTS.md](bench/RESULTS.md) has all of it:", "",
             "| work | measured |", "|---|---|"]
    for one in targets_of(results):
        unit = " times" if one["unit"] == "x" else " " + one["unit"]
        lines.append(f"| {one['what']} | {number(one['median'])}{unit} |")
    return "\n".join(lines + [END])


def replaced(text, block):
    """The README with the block between its marks; None where it has none."""
    if BEGIN not in text or END not in text:
        return None
    return text[:text.index(BEGIN)] + block + text[text.index(END) + len(END):]
