/*
 * lookup.c: the library in one page: judge an artifact given on the command line, print verdict and note.
 *
 *   cc -Iinclude examples/lookup.c -Lbuild -Wl,-rpath,build -lptverdict -o lookup && ./lookup 'evil[.]example'
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ptverdict.h"

#include <stdio.h>

static int to_stdout(void *to, const char *bytes, size_t len)
{
    (void)to;
    return fwrite(bytes, 1, len, stdout) != len;
}

int main(int argc, char **argv)
{
    ptv_error err = { PTV_OK, 0, "" };
    ptv_config *config = NULL;
    ptv_client *client = NULL;
    ptv_report *report = NULL;
    int rc = 1;
    if (argc != 2) {
        fprintf(stderr, "usage: lookup ARTIFACT\n");
        return 64;
    }
    if (ptv_config_new(&config, &err) || ptv_config_read(config, NULL, &err) ||
        ptv_client_new(&client, config, NULL, NULL, &err) || ptv_lookup(&report, client, argv[1], NULL, &err) ||
        ptv_report_write(report, PTV_FORMAT_TEXT, 0, to_stdout, NULL, &err)) {
        fprintf(stderr, "lookup: %s\n", err.msg);
    } else {
        rc = ptv_report_verdict(report) == PTV_VERDICT_COMPROMISED ? 10 : 0;
    }
    ptv_report_free(report);
    ptv_client_free(client);
    ptv_config_free(config);
    return rc;
}
