#!/usr/bin/env python3
"""Several trajectory files are one: the same result as from one file without overlaps,
every file on record, and a file that changes is seen.

    test_several_files.py AUTOSIM TPR    (a TPR of three atoms)
"""
import hashlib
import json
import math
import os
import random
import shutil
import struct
import sys

import common

USAGE, INPUT = 2, 3


def frame(k, rng):
    """An XTC frame of three atoms, which are stored as plain floats."""
    angle = 1.9 + 0.3 * math.sin(k / 7) + rng.gauss(0, 0.05)
    x = [0.1 * math.cos(angle), 0.1 * math.sin(angle), 0, 0, 0, 0, 0.1, 0, 0]
    x = [value + 1.5 + rng.gauss(0, 0.002) for value in x]
    return struct.pack(">iiif9fi9f", 1995, 3, k, 0.5 * k, 3, 0, 0, 0, 3, 0, 0, 0, 3, 3,
                       *x)


def write(path, frames):
    with open(path, "wb") as out:
        out.write(b"".join(frames))


class Program:
    def __init__(self, autosim, folder):
        self.autosim, self.folder = autosim, folder

    def __call__(self, *arguments, code=0):
        done = common.run([self.autosim, *arguments], cwd=self.folder, check=False)
        assert done.returncode == code, (arguments, done.returncode, done.stderr)
        return done

    def pca(self, campaign, *arguments):
        shutil.rmtree(os.path.join(self.folder, campaign), ignore_errors=True)
        done = self("pca", "-C", campaign, "tri.tpr", *arguments, "--sel", "all",
                    "--json")
        result = json.loads(done.stdout)
        return {key: result[key] for key in
                ("n_frames", "eigenvalues_nm2", "mean_nm", "pc1_eigenvector")}, done


def main():
    autosim, tpr = map(os.path.abspath, sys.argv[1:3])
    folder = common.workdir()
    program = Program(autosim, folder)
    rng = random.Random(5)
    first = [frame(k, rng) for k in range(200)]
    # The second file starts again at frame 150, the third is a third part.
    second = [frame(k, rng) for k in range(150, 300)]
    third = [frame(k, rng) for k in range(300, 400)]
    shutil.copy(tpr, os.path.join(folder, "tri.tpr"))
    for name, frames in (("a", first), ("b", second), ("c", third),
                         ("whole", first[:150] + second + third)):
        write(os.path.join(folder, name + ".xtc"), frames)
    parts = ("a.xtc", "b.xtc", "c.xtc")

    for options in ([], ["-b", "60", "-e", "170"], ["--stride", "7"],
                    ["-b", "74.9", "--stride", "3"]):
        whole, _ = program.pca("one", "whole.xtc", *options)
        joined, done = program.pca("many", *parts, *options)
        assert whole == joined, (options, whole, joined)
        assert "'a.xtc', 200 frames from 0 to 99.5 ps: 50 left out" in done.stderr
    record = json.load(open(os.path.join(folder, "many", "provenance.json")))
    for name, item in zip(parts, record["trajectories"], strict=True):
        data = open(os.path.join(folder, name), "rb").read()
        assert item["path"].endswith("/" + name), item
        assert item["sha256"] == hashlib.sha256(data).hexdigest(), item
        assert item["size_bytes"] == len(data), item

    # A record of one file, as earlier campaigns have it, is read; a broken one is not.
    path = os.path.join(folder, "one", "provenance.json")
    single = json.load(open(path))
    single["trajectory"] = single.pop("trajectories")[0]
    with open(path, "w") as out:
        json.dump(single, out)
    program("plan", "-C", "one")
    del single["trajectory"]
    with open(path, "w") as out:
        json.dump(single, out)
    done = program("plan", "-C", "one", code=INPUT)
    assert "begin again in a new folder" in done.stderr, done.stderr

    # What is on record is what is used; anything else is refused.
    program("plan", "-C", "many")
    write(os.path.join(folder, "c.xtc"), third[:-1] + [third[0]])
    done = program("plan", "-C", "many", code=INPUT)
    assert "c.xtc' has changed" in done.stderr, done.stderr
    write(os.path.join(folder, "c.xtc"), third)
    program("plan", "-C", "many")
    if shutil.which("gmx"):
        done = program("run", "-n", "-C", "many", "tri.tpr", *parts)
        assert "mdrun" in done.stdout
        done = program("run", "-n", "-C", "many", "tri.tpr", *parts[:2], code=USAGE)
        assert "3 trajectory files, not 2" in done.stderr, done.stderr
        done = program("run", "-n", "-C", "many", "tri.tpr", "a.xtc", "c.xtc", "b.xtc",
                       code=USAGE)
        assert "'c.xtc' is not the file" in done.stderr, done.stderr

    # A copy that leaves nothing of another file is said; disorder is refused.
    _, done = program.pca("many", "whole.xtc", "whole.xtc")
    assert "none is used" in done.stderr, done.stderr
    done = program("pca", "tri.tpr", "b.xtc", "a.xtc", "c.xtc", "--sel", "all")
    assert "'b.xtc', 150 frames from 75 to 149.5 ps: none is used" in done.stderr
    shutil.rmtree(os.path.join(folder, "autosim"))
    done = program("pca", "tri.tpr", "c.xtc", "a.xtc", code=INPUT)
    assert "order of time" in done.stderr, done.stderr

    # Together, as info sees it.
    done = program("info", *parts)
    assert "as one: 400 frames, 0 to 199.5 ps" in done.stdout, done.stdout
    assert "a.xtc: 50 of 200 frames are left out" in done.stdout, done.stdout
    items = json.loads(program("info", "--json", "tri.tpr", *parts).stdout)
    assert [item.get("kept_frame_count") for item in items] == [None, 150, 150, 100]
    done = program("info", "c.xtc", "a.xtc")
    assert "not one trajectory: " in done.stdout, done.stdout
    items = json.loads(program("info", "--json", "c.xtc", "a.xtc").stdout)
    for item in items:
        assert "order of time" in item["chain_error"], items
        assert "kept_frame_count" not in item, items
    shutil.rmtree(folder)
    print("several files as one: same PCA, every file on record")


if __name__ == "__main__":
    main()
