"""How time and memory grow: with atoms, selected atoms, windows, samples, threads; with
frames and with windows that run, see the rows pca-stream and overhead."""
import measure
from measure import doubled, grow
from . import campaign, pca, pmf, reading


def atoms(book):
    path = book.inputs.water()
    best = reading.paths_here(book, path)[0]
    return grow(book, "XTC decode of the first atoms of 150 frames", "atoms",
                [3000, 6000, 12000, 24000, 47681][:3 if book.quick else 5],
                lambda count: reading.ours(book, path, best, count))


def selected(book):
    def make(count):
        path = book.inputs.frames_in_memory(1000, count)
        return pca.bench_pca(book, path, 1000, count, rounds=3)
    return grow(book, "PCA of 1000 frames in memory", "selected atoms",
                doubled(50, 5, book.quick), make)


def estimate(book, windows, samples):
    folder = book.inputs.umbrella(windows, samples)
    return pmf.estimate(book, folder, ["meta", "meta", "--temperature", pmf.KELVIN])


def samples(book):
    return grow(book, "PMF of 40 windows, 200 bootstraps, text input", "samples a window",
                doubled(2500, 5, book.quick), lambda n: estimate(book, 40, n))


def pmf_windows(book):
    return grow(book, "PMF of 5000 samples a window, 200 bootstraps, text input",
                "windows", doubled(20, 4, book.quick), lambda n: estimate(book, n, 5000))


def campaign_windows(book):
    def make(count):
        return lambda: campaign.open_campaign(book, book.folder, count)
    return grow(book, "opening a campaign of three attempts a window", "windows",
                doubled(1250, 4, book.quick), make, 2)


def threads(book):
    """Wall seconds; the exponent -1 would be ideal."""
    path = book.inputs.water()
    best = reading.paths_here(book, path)[0]
    cores = len(measure.allowed_cores())
    points = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= cores]

    def make(count):
        read = reading.ours(book, path, best, 0, count)

        def call():
            sample = read()
            return measure.Sample(sample.wall, sample.wall, sample.peak_mb)
        return call
    return grow(book, "XTC decode of 150 frames of 47,681 atoms, wall time", "threads",
                points, make)


def row(book):
    return {"growth": [one(book) for one in (atoms, selected, samples, pmf_windows,
                                             campaign_windows, threads)]}


ROWS = [("growth", "Growth of time and memory", row)]
