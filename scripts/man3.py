#!/usr/bin/env python3
"""Manual pages of section 3 from the public headers, which are the manual.

    man3.py VERSION FOLDER HEADER...

Each header becomes FOLDER/autosim_NAME.3 (autosim.h itself: libautosim.3): its head comment is the description, and what
follows is shown as it stands, comments as text and declarations as code. Every function
gets a page that points there, so that `man asim_pca_compute` finds it.
"""
import os
import re
import sys

LONGEST_SUMMARY = 90  # of the line that `man -k` shows


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def comment_text(comment):
    """A comment without its frame."""
    lines = [re.sub(r"^\s*\*( |$)", "", line) if i else line.lstrip()
             for i, line in enumerate(comment.strip()[2:-2].split("\n"))]
    return "\n".join(line.rstrip() for line in lines).strip("\n ")


def as_text(text):
    """Paragraphs; what is indented stands as it is."""
    out = []
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("    "):
            out += [".PP", ".in +4n", ".EX", escape(re.sub(r"(?m)^    ", "", block)),
                    ".EE", ".in"]
        else:
            out += [".PP", escape(" ".join(block.split()))]
    return out


def as_code(code):
    """Without the mark of what is exported, with the lines behind it moved as far."""
    mark, lines, moved = "ASIM_API ", [], False
    for line in code.strip("\n").split("\n"):
        if line.startswith(mark):
            line, moved = line[len(mark):], True
        elif moved and line.startswith(" " * (len(mark) + 4)):
            line = line[len(mark):]
        moved = moved and not line.rstrip().endswith(";")
        lines.append(re.sub(r" {2,}\\$", r" \\", line))
    code = "\n".join(lines)
    return [".PP", ".in +4n", ".EX", escape(code.strip("\n")), ".EE", ".in"]


def split_header(text):
    """The head comment, and the pieces behind the includes: comments that stand on
    lines of their own, and the code between them."""
    head = re.match(r"\s*(/\*.*?\*/)", text, flags=re.S)[1]
    body = text[text.index(head) + len(head):]
    body = re.sub(r"(?m)^#(ifndef|endif|include|define AUTOSIM_\w+_H$).*\n", "", body)
    pieces, code, depth, comment = [], [], 0, None
    for line in body.split("\n"):
        if comment is None and depth == 0 and line.startswith("/*"):
            if "".join(code).strip():
                pieces.append(("code", "\n".join(code)))
            code, comment = [], []
        if comment is not None:
            comment.append(line)
            if "*/" in line:
                pieces.append(("comment", "\n".join(comment)))
                comment = None
            continue
        depth += line.count("{") - line.count("}")
        if not line.strip() and depth == 0 and "".join(code).strip():
            pieces.append(("code", "\n".join(code)))
            code = []
        code.append(line)
    if "".join(code).strip():
        pieces.append(("code", "\n".join(code)))
    return comment_text(head), pieces


def functions(text):
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.findall(r"ASIM_API\b[^;]*?\b(asim_\w+)\s*\(", text)


def begin_small(text):
    return text if text[1:2].isupper() else text[0].lower() + text[1:]


def page_name(header_name):
    return "libautosim" if header_name == "autosim" else f"autosim_{header_name}"


def page(name, version, text, others):
    head, pieces = split_header(text)
    title, _, rest = head.partition("\n\n")
    summary = re.split(r"\.(\s|$)", " ".join(title.split()))[0]
    if len(summary) > LONGEST_SUMMARY:
        summary = summary.split(":")[0]
    names = [page_name(name), *functions(text)]
    lines = [f'.TH {page_name(name)} 3 "" "autosim {version}" "libautosim"', ".SH NAME",
             f"{', '.join(names)} \\- {escape(begin_small(summary))}",
             ".SH SYNOPSIS", ".nf", f".B #include <autosim/{name}.h>", ".fi", ".PP",
             "Link with \\fI$(pkg\\-config \\-\\-cflags \\-\\-libs autosim)\\fP.",
             ".SH DESCRIPTION", *as_text(title)[1:], *(as_text(rest) if rest else [])]
    if pieces:
        lines.append(".SH INTERFACE")
    for kind, piece in pieces:
        lines += as_code(piece) if kind == "code" else as_text(comment_text(piece))
    lines += [".SH SEE ALSO"]
    lines += [f".BR {page_name(other)} (3)," for other in others if other != name]
    lines += [".BR autosim (1)"]
    return "\n".join(lines) + "\n"


def destination(folder):
    """Where `meson install` wants it; otherwise as it stands."""
    prefix = os.environ.get("MESON_INSTALL_DESTDIR_PREFIX")
    if not prefix:
        return folder
    if os.path.isabs(folder):
        return os.environ.get("DESTDIR", "") + folder
    return os.path.join(prefix, folder)


def main():
    version, folder, headers = sys.argv[1], destination(sys.argv[2]), sys.argv[3:]
    os.makedirs(folder, exist_ok=True)
    names = [os.path.splitext(os.path.basename(header))[0] for header in headers]
    for header, name in zip(headers, names):
        text = open(header).read()
        pages = {page_name(name): page(name, version, text, names)}
        for function in functions(text):
            pages[function] = f".so man3/{page_name(name)}.3\n"
        for title, content in pages.items():
            with open(os.path.join(folder, title + ".3"), "w") as out:
                out.write(content)


if __name__ == "__main__":
    main()
