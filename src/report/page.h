/* Style rules of the report's page; colours come from asim_svg_style(). */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

const char *asim_page_style(void);

#endif
