"""Figures of growth: time and peak memory against one variable, both logarithmic, with
the fitted power. Pure functions, SVG as text."""
import math

WIDTH, HEIGHT = 700, 280
PANEL, TOP, BOTTOM = 262, 52, 228  # width of a panel; its upper and lower end
LEFT = (70, 420)
BLUE, GREY = "#1f6fb2", "#666"


def number(value):
    """Three significant digits, no exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def fit(x, y):
    """Slope and intercept of the straight line through the logarithms."""
    pairs = [(math.log(a), math.log(b)) for a, b in zip(x, y) if a > 0 and b > 0]
    if len(pairs) < 2:
        return math.nan, math.nan
    mean = [sum(values) / len(pairs) for values in zip(*pairs)]
    slope = (sum((a - mean[0]) * (b - mean[1]) for a, b in pairs)
             / sum((a - mean[0]) ** 2 for a, _ in pairs))
    return slope, mean[1] - slope * mean[0]


def exponent(x, y):
    return fit(x, y)[0]


def span(values):
    """Logarithms of the ends of an axis: an octave at least, a little room around."""
    low, high = math.log10(min(values)), math.log10(max(values))
    room = max(0.06, (0.3 - (high - low)) / 2)
    return low - room, high + room


def ticks(begin, end):
    """1, 2 and 5 of each decade; fewer on a long axis, halves of an octave on a short."""
    steps = (1, 2, 5)
    if end - begin > 3:
        steps = (1,)
    elif end - begin < 0.7:
        steps = (1, 1.5, 2, 3, 4, 5, 6, 8)
    all_of_them = [step * 10.0 ** decade for step in steps
                   for decade in range(math.floor(begin), math.ceil(end) + 1)]
    return sorted(t for t in all_of_them if begin <= math.log10(t) <= end)


def short(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def text(x, y, said, anchor="middle", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{said}</text>'


def panel(left, x, y, title, variable):
    ends, heights = span(x), span(y)

    def at(a):
        return left + (math.log10(a) - ends[0]) / (ends[1] - ends[0]) * PANEL

    def up(b):
        return BOTTOM - (math.log10(b) - heights[0]) / (heights[1] - heights[0]) * (
            BOTTOM - TOP)
    slope, intercept = fit(x, y)
    parts = [text(left, TOP - 10, f"{title}, power {slope:.2f}", "start")]
    for tick in ticks(*heights):
        parts.append(f'<path d="M{left} {up(tick):.1f}h{PANEL}" stroke="#e3e3e3"/>')
        parts.append(text(left - 6, up(tick) + 4, short(tick), "end"))
    for value in x:  # what was measured; points are few
        parts.append(f'<path d="M{at(value):.1f} {BOTTOM}v4" stroke="{GREY}"/>')
        parts.append(text(at(value), BOTTOM + 17, short(value)))
    parts.append(text(left + PANEL / 2, BOTTOM + 36, variable))
    parts.append(f'<path d="M{left} {TOP}V{BOTTOM}h{PANEL}" fill="none" '
                 f'stroke="{GREY}"/>')
    line = [(at(v), up(math.exp(intercept + slope * math.log(v)))) for v in (x[0], x[-1])]
    parts.append('<path d="M{0[0]:.1f} {0[1]:.1f}L{1[0]:.1f} {1[1]:.1f}" stroke="{2}" '
                 'stroke-dasharray="5 4"/>'.format(*line, BLUE))
    parts += [f'<circle cx="{at(a):.1f}" cy="{up(b):.1f}" r="3.5" fill="{BLUE}"/>'
              for a, b in zip(x, y)]
    return parts


def growth_svg(one):
    parts = [text(LEFT[0], 20, one["title"], "start", ' font-weight="bold"')]
    parts += panel(LEFT[0], one["x"], [1e3 * s for s in one["seconds"]], "time, ms",
                   one["variable"])
    parts += panel(LEFT[1], one["x"], one["peak_mb"], "peak memory, MB", one["variable"])
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="11">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
