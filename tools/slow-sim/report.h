/* report.h - figures as one page that needs nothing else. */
#ifndef SLOW_SIM_REPORT_H
#define SLOW_SIM_REPORT_H
#include <slow/base.h>
#include <stdio.h>

/* `data`: the JSON that report.js reads. False: it could not be written. */
bool report_write(FILE *, const char *data);
#endif
