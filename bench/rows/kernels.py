"""The inner loops on their own: nanoseconds and instructions for one item."""
import measure
from report import number, three
from . import reading

# What valgrind counts of, as its processor has no more.
NARROW = {"scalar", "avx2", "portable", "as chosen"}


def xtc(book, path, atoms, simd):
    """Ten frames read again and again: file and coordinates come from the caches."""
    def command(rounds):
        return [book.program("bench/bench_xtc"), path, 0, rounds, 1, simd]

    def nanoseconds(out):
        return 1e9 * float(out.splitlines()[1].split()[1]) / atoms
    return command, nanoseconds, atoms


def pca(book, frames, atoms):
    path = book.inputs.frames_in_memory(frames, atoms)

    def command(rounds):
        return [book.program("bench/bench_pca"), frames, atoms, path, rounds, 1, 0]

    def nanoseconds(out):
        return 1e6 * min(float(line) for line in out.splitlines()
                         if line[0].isdigit()) / (frames * atoms)
    return command, nanoseconds, frames * atoms


def mbar(book, kernel):
    def command(rounds):
        return [book.program("bench/bench_mbar"), kernel, rounds]

    def nanoseconds(out):
        return min(float(line) for line in out.splitlines() if line[0].isdigit())
    items = float(measure.run(command(1)).out.split()[-1])
    return command, nanoseconds, items


def variants(program):
    """Those of the sums over samples that this processor has."""
    found = []
    for k, name in enumerate(("portable", "avx2", "avx512")):
        if measure.run([program, f"cells-{k}", 1], codes=(0, 1)).out:
            found.append((f"cells-{k}", name))
    return found


SAID = {"perf": "Instructions of user code by the processor's counters",
        "valgrind": "The processor's counters are not to be had here; instructions are those "
                    "of cachegrind, whose processor has AVX2 and no AVX-512",
        None: "Instructions are not counted: no processor's counters here, and no valgrind "
              "or a quick run"}


def counted(how, command, items):
    """Instructions an item: of two rounds less those of one, so that no start counts."""
    return number((measure.instructions(how, command(2))
                   - measure.instructions(how, command(1))) / items)


def row(book):
    path = book.inputs.adk("adk_oplsaa.xtc")
    kernels = [("XTC decode, an atom", simd, xtc(book, path, 476810, simd))
               for simd in reading.paths_here(book, path)[::-1]]
    kernels.append(("PCA of 1000 x 200 atoms, an atom of a frame", "as chosen",
                    pca(book, 1000, 200)))
    kernels += [("PMF, sums over the samples of a cell, a sample and window", name,
                 mbar(book, kernel))
                for kernel, name in variants(book.program("bench/bench_mbar"))]
    kernels.append(("PMF, MBAR gradient and Hessian, a node and window", "as chosen",
                    mbar(book, "evaluate")))
    times = [[] for _ in kernels]
    for _ in range(book.pairs):
        for (_, _, (command, nanoseconds, _)), values in zip(kernels, times):
            values.append(nanoseconds(measure.run(command(5)).out))
    how = measure.counter()
    if book.quick and how == "valgrind":
        how = None  # it takes half a minute
    lines = [[name, variant, three(values),
              counted(how, command, items) if how == "perf" or how and variant in NARROW
              else ""]
             for (name, variant, (command, _, items)), values in zip(kernels, times)]
    return {"contests": [], "absent": [], "targets": [], "notes": [SAID[how] + "."],
            "tables": [{"title": "The best of 5 rounds in a process; least / median / most "
                                 f"of {book.pairs} processes",
                        "head": ["loop", "path", "ns", "instructions"], "rows": lines}]}


ROWS = [("kernels", "Inner loops on their own", row)]
