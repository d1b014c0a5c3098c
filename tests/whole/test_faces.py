#!/usr/bin/env python3
"""What the program says of itself and reads of settings; needs no GROMACS.

    test_faces.py AUTOSIM

Help, man pages and completion come from one table: each is tried in the program that it
is for. Settings files, suggestions and the shapes of JSON are tried on three atoms.
"""
import hashlib
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys

import common

AUTOSIM = os.path.abspath(sys.argv[1])
FAILURES = []


def expect(condition, what):
    if not condition:
        FAILURES.append(what)


def autosim(root, *arguments, code=0, words=(), env=None):
    """Runs it in `root`; the exit code and the words of its one message must be so."""
    done = common.run([AUTOSIM, *arguments], cwd=root, check=False, env=env)
    told = [line for line in done.stderr.splitlines() if line.startswith("autosim: ")]
    shown = " ".join(arguments)
    expect(done.returncode == code,
           f"autosim {shown}: exit {done.returncode}, not {code}: {done.stderr}")
    expect(len(told) == (code != 0), f"autosim {shown}: {len(told)} messages")
    for word in words:
        expect(word in done.stderr, f"autosim {shown}: no '{word}' in: {done.stderr}")
    return done


def write(root, name, text):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)
    return path


def make_input(root):
    """The run input of three atoms, and frames in which their angle opens."""
    corpus = os.path.join(common.SOURCE, "fuzz", "corpus", "tpr")
    shutil.copy(os.path.join(corpus, "tri-2022-single.tpr"),
                os.path.join(root, "tri.tpr"))
    common.write_triatomic_frames(os.path.join(root, "tri.gro"))


def command_names(root):
    text = autosim(root, "help").stdout
    listed = text.split("Commands\n")[1].split("\n\n")[0]
    names = [line.split()[0] for line in listed.splitlines()]
    expect({"run", "pca", "plan", "status", "pmf", "report", "info", "init"}
           <= set(names), f"commands: {names}")
    expect(text.index("Examples") < text.index("Commands"), "help opens with examples")
    return names


def help_is_whole(root, names):
    expect(autosim(root, "--help").stdout == autosim(root, "help").stdout,
           "--help is not help")
    expect(re.fullmatch(r"autosim \d+\.\d+\.\d+\n", autosim(root, "--version").stdout),
           "--version")
    bare = common.run([AUTOSIM], check=False)
    expect(bare.returncode == 2 and "Examples" in bare.stderr and not bare.stdout,
           "autosim alone")
    for name in names:
        text = autosim(root, name, "--help").stdout
        expect(text == autosim(root, "help", name).stdout, f"help of {name}")
        examples = text.split("Examples\n")[1].split("\n\n")[0].splitlines()
        expect(len(examples) == 3 and all(f"autosim {name}" in line
                                          for line in examples),
               f"three examples of {name}: {examples}")
        expect(max(map(len, text.splitlines())) <= 100, f"width of the help of {name}")
        expect("--folder" in text and "--help" in text, f"options of {name}")


def manual_pages_are_sound(root, names):
    if not shutil.which("man"):
        print("there is no man: its pages are not tried")
        return
    for name in [None, *names]:
        page = autosim(root, "help", *([name] if name else []), "--man").stdout
        path = write(root, "page.1", page)
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8",
                               path], text=True, capture_output=True, check=False,
                              env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "90"})
        text = re.sub(r".\x08", "", done.stdout)
        expect(done.returncode == 0 and not done.stderr,
               f"man page of {name}: {done.stderr}")
        expect("EXIT STATUS" in text and "EXAMPLES" in text, f"man page of {name}")


def complete_in_bash(script, line):
    words = line.split(" ")
    program = (f'source "{script}"; COMP_WORDS=({" ".join(repr(w) for w in words)}); '
               f"COMP_CWORD={len(words) - 1}; _autosim; "
               'printf "%s\\n" "${COMPREPLY[@]}"')
    return subprocess.run(["bash", "--norc", "-c", program], text=True,
                          capture_output=True, check=True).stdout.split()


def completion_works(root, names):
    scripts = {}
    for shell in ("bash", "zsh", "fish"):
        scripts[shell] = write(root, f"completion.{shell}",
                               autosim(root, "completion", shell).stdout)
        if shutil.which(shell):
            done = common.run([shell, "-n", scripts[shell]], check=False)
            expect(done.returncode == 0, f"{shell}: {done.stderr}")
        else:
            print(f"there is no {shell}: its completion is not tried")
    complete = {
        "autosim st": ["status"],
        "autosim run --win": ["--windows"],
        "autosim pca --pbc ": ["auto", "whole", "nojump", "cluster", "none"],
        "autosim completion z": ["zsh"],
        "autosim help repo": ["report"],
        "autosim report --windows": [],
    }
    for line, words in complete.items():
        got = complete_in_bash(scripts["bash"], line)
        expect(got == words, f"bash, {line}: {got}, not {words}")
    expect(set(names) <= set(complete_in_bash(scripts["bash"], "autosim ")),
           "bash: all commands")
    if shutil.which("fish"):
        for line, words in complete.items():
            done = common.run(["fish", "--no-config", "-c",
                               f"source {scripts['fish']}; complete -C '{line}'"],
                              cwd=root, env={"HOME": root})
            got = [row.split("\t")[0] for row in done.stdout.splitlines()]
            missing = [word for word in words if word not in got]
            expect(not missing, f"fish, {line}: {got}, not {words}")
    if shutil.which("zsh"):
        done = common.run(["zsh", "-f", "-c",
                           "autoload -U compinit; compinit -D -u; "
                           f"source {scripts['zsh']}; print $_comps[autosim]"],
                          cwd=root, check=False, env={"HOME": root})
        expect(done.stdout.strip() == "_autosim", f"zsh: {done.stdout}{done.stderr}")


def documents():
    """Name and text of all that tells people what to type."""
    for folder in ("", "docs", "examples/alanine", "examples/chignolin"):
        place = os.path.join(common.SOURCE, folder)
        for name in sorted(os.listdir(place)):
            if name.endswith(".md") and name != "CHANGELOG.md":
                yield name, open(os.path.join(place, name)).read()


def commands_of(text):
    """Each `autosim ...` in code, as words: of indented or fenced lines and in backquotes;
    what a comment or another program says is left out."""
    code = re.findall(r"^(?: {4,}|\t)(.*)$", text, flags=re.M)
    code += [line for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.M | re.S)
             for line in block.splitlines()]
    code += [" ".join(quote.split()) for quote in re.findall(r"`([^`]+)`", text)]
    for line in code:
        line = re.sub(r"(^|\s)#.*", "", line.removeprefix("$ "))
        for part in re.split(r"[;|>]|&&", line):
            words = re.sub(r"\"[^\"]*\"|'[^']*'", "TEXT", part).split()
            if words[:1] == ["autosim"] and words[1:]:
                yield words[1:]


def documents_name_what_there_is(root, names):
    """Commands and options that the documents tell people to type exist."""
    options = {name: set(re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*",
                                    autosim(root, name, "--help").stdout.split(
                                        "Options\n")[1]))
               for name in names}
    every = set().union(*options.values(), {"--version"})
    found = 0
    for name, text in documents():
        for words in commands_of(text):
            command = words[0]
            if command.startswith("-") or not re.fullmatch("[a-z]+", command):
                continue
            expect(command in names, f"{name}: there is no command '{command}'")
            for word in words[1:]:
                if re.match("--?[A-Za-z]", word):
                    found += 1
                    expect(word.split("=")[0] in options.get(command, every),
                           f"{name}: autosim {command} has no {word}")
        # An option alone, as `--until 0.5`, is one of some command.
        for word in re.findall(r"`(--[a-z][a-z-]*)", text):
            found += 1
            expect(word in every, f"{name}: no command has {word}")
    expect(found > 100, f"options in the documents: {found}")


def suggestions_are_made(root):
    autosim(root, "sttaus", code=2, words=["did you mean 'autosim status'"])
    autosim(root, "zzzzzz", code=2, words=["'autosim help' lists them"])
    autosim(root, "help", "pmff", code=2, words=["did you mean 'autosim pmf'"])
    autosim(root, "run", "--widnows", "3", code=2, words=["did you mean --windows"])
    autosim(root, "pca", "--pbc", "nnoe", "a", "b", code=2, words=["did you mean none"])
    autosim(root, "completion", "bahs", code=2, words=["did you mean bash"])
    autosim(root, "pca", code=2, words=["0 arguments; usage: autosim pca TPR"])
    autosim(root, "status", "x", code=2, words=["1 argument; usage: autosim status"])
    autosim(root, "info", "tri.tpr", "--sel", "nmae A1", code=3,
            words=["did you mean 'name'"])


def settings_are_read(root):
    path = os.path.join(root, "autosim.ini")
    autosim(root, "init", "tri.tpr", "tri.gro", "--windows", "5", "--sel", "name A*")
    text = open(path).read()
    expect("\nwindows = 5\n" in text and "\n# ns = 1\n" in text, f"init wrote: {text}")
    for section in ("system", "pca", "windows", "run", "pmf"):
        expect(f"\n[{section}]\n" in text, f"init wrote no [{section}]")
    autosim(root, "init", code=2, words=["is there already"])
    expect(open(path).read() == text, "init changed a file that was there")
    # Every default, uncommented, is accepted as it stands, unless it is a kind of value.
    plain = re.sub(r"^# (\S+ = (?!.*[A-Z]).+)$", r"\1", text, flags=re.M)
    expect(plain.count(" = ") == text.count(" = ") and plain != text, "defaults")
    write(root, "autosim.ini", plain)
    autosim(root, "pca", "-C", "defaults")

    write(root, "autosim.ini", "[System]\r\ntopology = tri.tpr ; a comment\r\n"
          'trajectory = "tri.gro" # another\r\n[windows]\nwindows = 4\n'
          "force_constant = 2000\n[pca]\nSEL = name A*" + " A*" * 60000 + "\n")
    pca = autosim(root, "pca", "--json", "-C", "c")
    expect(json.loads(pca.stdout)["n_atoms"] == 3, "selection of the settings file")
    plan = autosim(root, "plan", "-C", "c").stdout
    expect(len(plan.splitlines()) == 5 and "2000.0" in plan, f"plan: {plan}")
    plan = autosim(root, "plan", "-C", "c", "--windows", "3").stdout
    expect(len(plan.splitlines()) == 4, f"the command line wins: {plan}")
    plan = autosim(root, "plan", "-C", "c", "--windows", "3",
                   "--settings", "autosim.ini").stdout
    expect(len(plan.splitlines()) == 4, f"--settings: {plan}")
    write(root, "other/my.ini", "[system]\ntopology=../tri.tpr\ntrajectory=../tri.gro\n")
    autosim(root, "pca", "-C", "other/c", "--settings", "other/my.ini")
    autosim(root, "pca", "--settings", "none.ini", code=3, words=["none.ini"])


def settings_errors_are_told(root):
    for text, words in (
            ("[windows]\n\nwidnows = 3\n",
             ["autosim.ini:3", "'widnows'", "did you mean 'windows'"]),
            ("[windws]\n", ["autosim.ini:1", "did you mean [windows]"]),
            ("[pca]\nns = 3\n", ["autosim.ini:2", "belongs in section [windows]"]),
            ("ns = 3\n", ["autosim.ini:1", "section"]),
            ("[pca]\nsel\n", ["autosim.ini:2", "key = value"]),
            ("[pca]\nsel = # none\n", ["autosim.ini:2", "no value"]),
            ("[windows]\nns = ten\n", ["autosim.ini:2", "ns 'ten'", "number"]),
            ("[windows]\nns = 1\nns = 2\n", ["autosim.ini:3", "line 2"]),
            ("[pca]\npbc = nonne\n", ["autosim.ini:2", "did you mean none"]),
            ("[system]\ntopology = a\n", ["no trajectory"]),
            ("[pca\nsel = x\n", ["autosim.ini:1", "[NAME]"]),
            ("[pca]\nsel = a\0b\n", ["autosim.ini:2", "byte 0"])):
        write(root, "autosim.ini", text)
        autosim(root, "pca", "tri.tpr", "tri.gro", "-C", "wrong", code=2, words=words)
    expect(not os.path.exists(os.path.join(root, "wrong")), "a folder is left behind")
    os.remove(os.path.join(root, "autosim.ini"))


def keys(shape, where, got):
    """The JSON has these keys, of these types; None: null is allowed too."""
    for key, kind in shape.items():
        expect(key in got, f"{where}: no {key}")
        if key in got:
            expect(isinstance(got[key], kind), f"{where}: {key} is {got[key]!r}")


NUMBER = (int, float)
NUMBER_OR_NULL = (int, float, type(None))


def json_has_its_shape(root):
    info = json.loads(autosim(root, "info", "tri.tpr", "--json", "--atoms", "--sel",
                              "name A1 A3").stdout)
    keys({"format": str, "atom_count": int, "residue_count": int, "gmx_version": str,
          "file_version": int, "nsteps": int, "dt_ps": NUMBER, "ref_t_kelvin": NUMBER,
          "box_nm": list, "atoms": list, "selected": list}, "info of a TPR", info)
    expect(info["selected"] == [0, 2], f"selected: {info['selected']}")
    keys({"name": str, "resname": str, "resid": int, "mass_amu": NUMBER,
          "charge_e": NUMBER}, "an atom", info["atoms"][0])
    info = json.loads(autosim(root, "info", "tri.gro", "--json").stdout)
    keys({"format": str, "atom_count": int, "frame_count": int, "first_time_ps": NUMBER,
          "last_time_ps": NUMBER, "precision": NUMBER, "box_nm": list, "damage": list},
         "info of a trajectory", info)
    expect((info["frame_count"], info["last_time_ps"]) == (200, 199), f"{info}")
    pca = json.loads(autosim(root, "pca", "tri.tpr", "tri.gro", "--json", "-C",
                             "j").stdout)
    keys({"n_frames": int, "n_atoms": int, "eigenvalue_nm2": NUMBER,
          "eigenvalues_nm2": list, "variance_explained": NUMBER,
          "total_variance_nm2": NUMBER, "pc1_eigenvector": list, "mean_nm": list,
          "atom_indices": list, "computation_time_ms": NUMBER, "peak_memory_mb": NUMBER,
          "mode": str, "pbc": str, "cosine_content": (list, *NUMBER),
          "rmsip": NUMBER_OR_NULL}, "pca", pca)
    expect(len(pca["pc1_eigenvector"]) == 9, "pc1_eigenvector is flat")
    autosim(root, "plan", "--windows", "3", "-C", "j")
    status = json.loads(autosim(root, "status", "--json", "-C", "j").stdout)
    keys({"windows": list, "total_ns_per_day": NUMBER_OR_NULL,
          "eta_seconds": NUMBER_OR_NULL}, "status", status)
    keys({"window_id": int, "status": str, "exit_code": int,
          "ns_per_day": NUMBER_OR_NULL, "final_potential_energy_kj_mol": NUMBER_OR_NULL,
          "runtime_seconds": NUMBER, "attempts": int, "cause": str, "progress": NUMBER},
         "a window", status["windows"][0])
    table = autosim(root, "status", "-C", "j").stdout
    expect([word.strip() for word in table.splitlines()[0].strip("| ").split("|")] ==
           ["Window ID", "Status", "ns/day", "Exit Code", "Energy (kJ/mol)", "Time (s)"],
           f"the window table: {table}")
    provenance = json.load(open(os.path.join(root, "j", "provenance.json")))
    keys({"autosim_version": str, "created": str, "command_line": list, "host": dict,
          "topology": dict, "trajectories": list, "options": dict, "plan": dict},
         "provenance", provenance)
    keys({"name": str, "system": str, "release": str, "processor": str, "cores": int,
          "memory_available_bytes": int}, "the host", provenance["host"])
    keys({"autosim_version": str, "created": str, "command_line": list, "host": dict,
          "gromacs": (dict, type(None)), "seed": int}, "the plan's record",
         provenance["plan"])
    expect(provenance["command_line"][1:] ==
           ["pca", "tri.tpr", "tri.gro", "--json", "-C", "j"],
           f"command line: {provenance['command_line']}")
    expect(provenance["plan"]["command_line"][1:] == ["plan", "--windows", "3", "-C", "j"],
           f"command line of the plan: {provenance['plan']}")
    plan = json.load(open(os.path.join(root, "j", "plan.json")))
    expect(provenance["plan"]["seed"] == plan["seed"], "the seed on record")
    for recorded, name in ((provenance["topology"], "tri.tpr"),
                           (provenance["trajectories"][0], "tri.gro")):
        data = open(os.path.join(root, name), "rb").read()
        expect(recorded["sha256"] == hashlib.sha256(data).hexdigest(), f"sha256 of {name}")


def bytes_that_are_no_utf8(root):
    """JSON has no such text: what is read is shown, what is recorded is refused."""
    odd = os.fsdecode(b"caf\xe9")
    with open(os.path.join(root, "tri.gro"), "rb") as file:
        frames = file.read()
    with open(os.path.join(root, f"{odd}.gro"), "wb") as out:
        out.write(frames.replace(b"TRI", b"T\xe9I"))
    text = autosim(root, "info", f"{odd}.gro", "--json", "--atoms").stdout
    info = json.loads(text if text.strip() else "{}")
    expect(info.get("file") == "caf\ufffd.gro", f"info of an odd name: {text[:200]}")
    expect([atom["resname"] for atom in info.get("atoms", [])] == ["T\ufffdI"] * 3,
           f"odd residue names: {info.get('atoms')}")
    write(root, f"{odd}.ndx", "[ a ]\n1 2 3\n")
    autosim(root, "pca", "tri.tpr", "tri.gro", "--ndx", f"{odd}.ndx:a", "-C", "odd",
            code=2, words=["is not UTF-8"])


def files_of_options_must_be_there(root):
    autosim(root, "pca", "tri.tpr", "tri.gro", "--ndx", "none.ndx:a", "-C", "none",
            code=3, words=["cannot read 'none.ndx'"])
    autosim(root, "info", "tri.tpr", "--ndx", "none.ndx:a", code=3,
            words=["cannot read 'none.ndx'"])
    autosim(root, "info", "tri.tpr", "--sel", "protein", "--residues", "none.txt",
            code=3, words=["'none.txt': expected KIND:NAME", "or the name of a file"])


def pmf_has_its_shape(root):
    """A profile of samples that were made elsewhere: a harmonic basin, known exactly."""
    noise = random.Random(2)
    k, basin, kt = 1000.0, 500.0, 0.0083144626 * 300
    lines = []
    for window in range(5):
        centre = -0.1 + 0.05 * window
        mean, spread = centre * k / (k + basin), math.sqrt(kt / (k + basin))
        write(root, f"samples-{window}.dat", "".join(
            f"{time} {mean + noise.gauss(0, spread):.6f}\n" for time in range(1000)))
        lines.append(f"samples-{window}.dat {centre} {k}\n")
    write(root, "list.meta", "".join(lines))
    done = autosim(root, "pmf", "--from", "meta", "list.meta", "--temperature", "300",
                   "--json", "-C", "foreign")
    pmf = json.loads(done.stdout)
    keys({"x_nm": list, "pmf_kj_mol": list, "error_kj_mol": list, "f_k_kj_mol": list,
          "residual": NUMBER, "overlap": list, "gates": list, "verdict": str}, "pmf", pmf)
    keys({"name": str, "pass": bool, "value": NUMBER_OR_NULL, "limit": NUMBER_OR_NULL},
         "a gate", pmf["gates"][0])
    expect(len(pmf["x_nm"]) == len(pmf["pmf_kj_mol"]) == len(pmf["error_kj_mol"]),
           "one value and one error a bin")
    expect(len(pmf["f_k_kj_mol"]) == 5 and [len(row) for row in pmf["overlap"]] == [5] * 5,
           "a number a window")
    late = [json.loads(autosim(root, "pmf", "--from", "meta", "list.meta", "-C", "foreign",
                               "--temperature", "300", "--json", *begin).stdout)["x_nm"]
            for begin in (("-b", "500"), ("--discard", "500"))]
    expect(late[0] == late[1] != pmf["x_nm"], "pmf -b PS")
    autosim(root, "pmf", "--watch", code=2, words=["--watch"])
    autosim(root, "status", "--from", "meta", code=2, words=["--from"])


def readers_may_leave(root):
    """`autosim ... | head` is quiet."""
    done = common.run(["sh", "-c", f'"{AUTOSIM}" info tri.tpr tri.gro tri.tpr --atoms '
                       "| head -1; true"], cwd=root)
    expect(not done.stderr and done.stdout.count("\n") == 1, f"| head: {done.stderr}")
    done = common.run(["sh", "-c", f'"{AUTOSIM}" help > /dev/full'], check=False)
    if os.path.exists("/dev/full"):
        expect(done.returncode == 4 and "standard output" in done.stderr,
               f"a full disk behind stdout: {done.returncode} {done.stderr}")


def main():
    root = common.workdir()
    make_input(root)
    names = command_names(root)
    help_is_whole(root, names)
    documents_name_what_there_is(root, names)
    manual_pages_are_sound(root, names)
    completion_works(root, names)
    suggestions_are_made(root)
    settings_are_read(root)
    settings_errors_are_told(root)
    json_has_its_shape(root)
    pmf_has_its_shape(root)
    bytes_that_are_no_utf8(root)
    files_of_options_must_be_there(root)
    readers_may_leave(root)
    if FAILURES:
        sys.exit("\n".join(FAILURES))
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
