"""The book from its results: RESULTS.md, figures, the sentences of the README. Pure
functions of results.json, so that a check can tell whether texts and numbers agree."""
from measure import spread
from plot import exponent, number

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def three(values):
    return " / ".join(number(v) for v in spread(values))


def labelled(name, versions):
    """A peer with the version of the program that it is or begins with."""
    for program, version in versions.items():
        said = name.replace(",", " ") + " "
        if said.startswith(program + " ") and version[0].isdigit():
            return f"{name} ({version})"
    return name


def contest_text(contest, versions):
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
        cells = [labelled(entry["name"], versions)]
        if work:
            cells.append(three([work / s for s in seconds]))
        cells += [three([1e3 * s for s in seconds]), number(entry["peak_mb"])]
        cells += [three(contest["ratios"][mine][entry["name"]])
                  if entry["name"] in contest["ratios"][mine] else "" for mine in ours]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


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


def elsewhere(row, results):
    """Where and when a row was measured, if not in the run of the others."""
    of, now = row.get("of"), origin(results)
    if not of or all(of[key] == now[key] for key in now):
        return ""
    machine = f"on {of['processor']}, " if of["processor"] != now["processor"] else ""
    return f"{machine}in the run of {of['when']}"


def promises(results):
    """The targets of all rows; what is not of this run says so."""
    return [{**one, "what": one["what"] + (f" ({note})" if note else "")}
            for row in results["rows"] for note in [elsewhere(row, results)]
            for one in row.get("targets", [])]


def origin(results):
    return {"processor": results["machine"]["processor"], "when": results["when"]}


def row_text(row, results):
    lines = [f"## {row['title']} (`{row['name']}`)", ""]
    if elsewhere(row, results):
        lines += [f"Not of this run: measured {elsewhere(row, results)}.", ""]
    if row.get("failed"):
        return lines + ["Not measured: " + row["failed"], ""]
    for contest in row.get("contests", []):
        lines += contest_text(contest, row.get("of", results)["versions"])
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
             f"{machine['memory_gb']:.0f} GB, {' '.join(machine['flags'])}, "
             f"{machine['system']}; {results['when']}; load "
             f"of other work at the beginning {machine['load']:.1f}. Versions: "
             + ", ".join(f"{k} {v}" for k, v in results["versions"].items()) + ".", "",
             "Programs take turns, pinned to cores; ratios are taken within a round. "
             "Peak memory is the whole process's.", "",
             "## Promises", ""]
    lines += target_text(promises(results))
    for row in results["rows"]:
        lines += row_text(row, results)
    return "\n".join(lines).rstrip("\n") + "\n" + ("\n" + bounds if bounds else "")


def readme_block(results):
    """What the README may claim: medians, with the machine."""
    machine = results["machine"]
    lines = [BEGIN, f"Measured on {machine['cores']} cores of {machine['processor']}, "
             "medians of one run; [bench/RESULTS.md](bench/RESULTS.md) has all of it:", "",
             "| work | measured |", "|---|---|"]
    for one in promises(results):
        unit = " times" if one["unit"] == "x" else " " + one["unit"]
        lines.append(f"| {one['what']} | {number(one['median'])}{unit} |")
    return "\n".join(lines + [END])


def replaced(text, block):
    """The README with the block between its marks; None where it has none."""
    if BEGIN not in text or END not in text:
        return None
    return text[:text.index(BEGIN)] + block + text[text.index(END) + len(END):]
