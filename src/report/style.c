/*
 * Colours and type of the figures, for inline and stand-alone SVG alike. Each colour is
 * said twice: programs that draw SVG without CSS variables keep the first.
 * Contrast (WCAG 2), light and dark: text on paper and on cells and lines of data at
 * least 4.5; axes and the line of all windows together at least 3; grid lines recede.
 */
#include "report/svg.h"

#define SANS                                                                           \
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"

static const char style[] =
    ":root{--paper:#fff;--text:#1d232b;--muted:#59636e;--grid:#e5e8ec;--axis:#8b95a1;"
    "--s1:#1f5fa8;--s2:#b4541a;--s3:#2b7f78;--bad:#b3261e;--good:#1b7a46;"
    "--l1:#c9ced5;--l2:#cfe0f3;--l3:#96bde4;--l4:#3d78b8;--l5:#1f5fa8;"
    "--on-pale:#1d232b;--on-deep:#fff}\n"
    "@media screen and (prefers-color-scheme:dark){"
    ":root{--paper:#15181d;--text:#e3e7ec;--muted:#9ba6b3;--grid:#2a3038;"
    "--axis:#66717e;--s1:#78b4ef;--s2:#eda163;--s3:#6cc5bb;--bad:#f2877c;"
    "--good:#63c891;--l1:#454c56;--l2:#1d3850;--l3:#2b5a86;--l4:#4686c2;--l5:#8cc2f5;"
    "--on-pale:#e3e7ec;--on-deep:#10141a}}\n"
    ".figure text{font:12px " SANS ";fill:#1d232b;fill:var(--text)}\n"
    ".figure .tick{fill:#59636e;fill:var(--muted);font-variant-numeric:tabular-nums}\n"
    ".figure .inside{font-size:10px;font-variant-numeric:tabular-nums}\n"
    ".figure .pale{fill:#1d232b;fill:var(--on-pale)}\n"
    ".figure .deep{fill:#fff;fill:var(--on-deep)}\n"
    ".paper{fill:#fff;fill:var(--paper)}\n"
    ".grid{fill:none;stroke:#e5e8ec;stroke:var(--grid)}\n"
    ".axis{fill:none;stroke:#8b95a1;stroke:var(--axis)}\n"
    ".line{fill:none;stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}\n"
    ".thin{stroke-width:1}\n"
    ".s1{stroke:#1f5fa8;stroke:var(--s1)}\n"
    ".s2{stroke:#b4541a;stroke:var(--s2)}\n"
    ".s3{stroke:#2b7f78;stroke:var(--s3)}\n"
    ".total{stroke:#8b95a1;stroke:var(--axis)}\n"
    ".band{fill:#1f5fa8;fill:var(--s1)}\n"
    ".outer{fill-opacity:.15}.inner{fill-opacity:.32}\n"
    ".bar{shape-rendering:crispEdges;fill:#1f5fa8;fill:var(--s1)}\n"
    ".low{fill:#b3261e;fill:var(--bad)}\n"
    ".hist{stroke-width:1;stroke-linejoin:round;fill-opacity:.2}\n"
    ".hist.s1{fill:#1f5fa8;fill:var(--s1)}.hist.s3{fill:#2b7f78;fill:var(--s3)}\n"
    ".dots{fill:none;stroke-width:3;stroke-linecap:round;stroke-opacity:.5}.solid{"
    "stroke-width:6;stroke-opacity:1}\n"
    ".limit{fill:none;stroke-width:1.25;stroke-dasharray:5 4;stroke:#b3261e;"
    "stroke:var(--bad)}\n"
    ".outline{fill:none;stroke-width:1.5;stroke:#b3261e;stroke:var(--bad)}\n"
    ".contour{fill:none;stroke-width:.75;stroke:#1d232b;stroke:var(--text)}\n"
    ".foot{fill:none;stroke-width:1.5;stroke:#b4541a;stroke:var(--s2)}\n"
    ".cell{shape-rendering:crispEdges}\n"
    ".l1{fill:#c9ced5;fill:var(--l1)}.l2{fill:#cfe0f3;fill:var(--l2)}"
    ".l3{fill:#96bde4;fill:var(--l3)}.l4{fill:#3d78b8;fill:var(--l4)}"
    ".l5{fill:#1f5fa8;fill:var(--l5)}\n";

const char *asim_svg_style(void)
{
    return style;
}
