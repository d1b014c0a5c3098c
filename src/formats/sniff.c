/*
 * What a file's first bytes look like.
 * Facts: magic numbers of XDR files of GROMACS (1993 TRR, 1995 and 2023 XTC,
 * big-endian), "CORD" behind a 4- or 8-byte record length of 84 (DCD), PDB record
 * names, gzip 1f 8b. A guess for people only: nothing is accepted or refused by it
 * except GRO.
 */
#include "formats/sniff.h"

#include <ctype.h>
#include <string.h>

static int starts_with(const unsigned char *head, size_t size, const char *text)
{
    size_t length = strlen(text);
    return size >= length && memcmp(head, text, length) == 0;
}

static int is_pdb(const unsigned char *head, size_t size)
{
    static const char *const records[] = {"HEADER", "TITLE ", "REMARK", "CRYST1",
                                          "MODEL ", "ATOM  ", "HETATM", "COMPND"};
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (starts_with(head, size, records[i]))
            return 1;
    return 0;
}

static int is_text(const unsigned char *head, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (head[i] == 0 || (head[i] < 32 && !isspace(head[i])))
            return 0;
    return size > 0;
}

static int is_zero(const unsigned char *head, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (head[i])
            return 0;
    return 1;
}

int asim_sniff_gro(const unsigned char *head, size_t size)
{
    const unsigned char *end = head + size;
    const unsigned char *newline = memchr(head, '\n', size);
    if (!newline)
        return 0;
    const unsigned char *p = newline + 1;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    const unsigned char *digits = p;
    while (p < end && isdigit(*p))
        p++;
    if (p == digits || p == end)
        return 0;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    if (p == end || *p != '\n')
        return 0;
    p++;
    /* An atom line has its first decimal point behind the 20 columns of names. */
    const unsigned char *line_end = memchr(p, '\n', (size_t)(end - p));
    if (!line_end)
        line_end = end;
    const unsigned char *point = memchr(p, '.', (size_t)(line_end - p));
    return line_end == end || point != NULL;
}

const char *asim_sniff(const unsigned char *head, size_t size)
{
    if (size == 0)
        return "an empty file";
    if (is_zero(head, size))
        return "nothing but zero bytes";
    if (size >= 4 && head[0] == 0 && head[1] == 0) {
        unsigned magic = (unsigned)head[2] << 8 | head[3];
        if (magic == 1995 || magic == 2023)
            return "an XTC trajectory";
        if (magic == 1993)
            return "a TRR trajectory";
    }
    if (size >= 15 && memcmp(head + 8, "VERSION", 7) == 0)
        return "a TPR file (run input of GROMACS)";
    if ((size >= 8 && memcmp(head + 4, "CORD", 4) == 0) ||
        (size >= 12 && memcmp(head + 8, "CORD", 4) == 0))
        return "a DCD trajectory";
    if (head[0] == 0x1f && size >= 2 && head[1] == 0x8b)
        return "a gzip archive (unpack it first)";
    if (starts_with(head, size, "BZh"))
        return "a bzip2 archive (unpack it first)";
    if (starts_with(head, size,
                    "\xfd"
                    "7zXZ"))
        return "an xz archive (unpack it first)";
    if (starts_with(head, size, "\x89HDF") || starts_with(head, size, "CDF"))
        return "an HDF5 or NetCDF file";
    if (is_pdb(head, size))
        return "a PDB file";
    if (starts_with(head, size, "PSF"))
        return "a PSF topology";
    if (asim_sniff_gro(head, size))
        return "a GRO file";
    if (starts_with(head, size, "# ") || starts_with(head, size, "@ "))
        return "an XVG file";
    if (is_text(head, size))
        return "a text file";
    return NULL;
}
