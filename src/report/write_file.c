/* Files of the report: whole or not at all, numbers in the C locale. */
#include "report/write_file.h"

#include <locale.h>

#include "base/file.h"

/* The thread's locale is C while numbers are written: a decimal comma would be no
 * number in SVG. */
int asim_report_write_file(const char *path, asim_report_write_fn write,
                           const void *what, struct asim_error *err)
{
    struct asim_output output;
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return asim_fail(err, ASIM_ENOMEM, "no memory to write '%s'", path);
    if (asim_output_open(path, &output, err) < 0) {
        freelocale(c_locale);
        return -1;
    }
    locale_t callers = uselocale(c_locale);
    int rc = write(output.stream, what, err);
    uselocale(callers);
    freelocale(c_locale);
    if (rc == 0)
        rc = asim_output_commit(&output, err);
    asim_output_close(&output);
    return rc;
}
