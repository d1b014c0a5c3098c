"""The free energies, overlap and profile of pymbar 3 on the same samples.

Argument: the program that prints ours.
"""
import subprocess
import sys

try:
    import numpy as np
    from pymbar import MBAR, timeseries
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)

KB = 8.31446261815324e-3


def check(name, difference, limit):
    ok = difference <= limit
    print(f"{'ok' if ok else 'FAILED'} {name}: {difference:.3g} (limit {limit:g})")
    if not ok:
        sys.exit(1)


def compare(seed, temperature, centres, constants, counts, rho):
    rng = np.random.default_rng(seed)
    kt = KB * temperature
    samples = []
    for centre, constant, count in zip(centres, constants, counts):
        # A Gaussian profile of curvature 150 kJ/mol/nm^2, exact.
        mean = constant * centre / (constant + 150)
        noise = rng.standard_normal(count)
        for i in range(1, count):
            noise[i] = rho * noise[i - 1] + (1 - rho * rho) ** 0.5 * noise[i]
        samples.append(mean + (kt / (constant + 150)) ** 0.5 * noise)
    text = [repr(temperature), str(len(centres))]
    for centre, constant, x in zip(centres, constants, samples):
        text += [repr(centre), repr(constant), str(len(x))] + [repr(float(v)) for v in x]
    out = subprocess.run([sys.argv[1]], input="\n".join(text), text=True,
                         capture_output=True, check=True).stdout.split("\n")
    ours = [np.array(line.split(), dtype=float) for line in out[:5]]
    x = np.concatenate(samples)
    u = 0.5 * np.array(constants)[:, None] / kt * (x[None, :] - np.array(centres)[:, None]) ** 2
    mbar = MBAR(u, np.array(counts), relative_tolerance=1e-12, maximum_iterations=1000)
    f = mbar.f_k - mbar.f_k[0]
    check("residual", ours[0][0], 1e-10)
    check("f_k in kT", np.abs(ours[1] / kt - f).max(), 1e-8)
    overlap = mbar.computeOverlap()["matrix"]
    check("overlap", np.abs(ours[2].reshape(overlap.shape) - overlap).max(), 1e-9)
    for ours_g, values in zip(ours[3], samples):
        g = timeseries.statisticalInefficiency(values)
        check("inefficiency", abs(ours_g / g - 1), 1e-9)
    centres_nm, pmf = ours[4][0::2], ours[4][1::2]
    width = centres_nm[1] - centres_nm[0]
    log_d = np.log((np.array(counts)[:, None] * np.exp(f[:, None] - u)).sum(axis=0))
    exact = np.array([-kt * np.log(np.exp(-log_d[(x >= c - width / 2) & (x < c + width / 2)]).sum())
                      for c in centres_nm])
    check("profile in kJ/mol", np.abs(pmf - (exact - exact.min())).max(), 1e-7)


compare(1, 300.0, [-0.2 + 0.05 * k for k in range(9)], [2000.0] * 9, [1500] * 9, 0.8)
compare(2, 350.0, [0.0, 0.03, 0.1, 0.12, 0.2, 0.3], [1000.0, 4000.0, 1500.0, 8000.0, 900.0, 700.0],
        [700, 3000, 900, 1200, 2000, 411], 0.3)
compare(3, 300.0, [0.0, 0.14, 0.28], [2000.0] * 3, [2500] * 3, 0.0)
