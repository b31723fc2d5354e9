/*
 * testing_run.h: a run of the cases while it goes on: the files under test, the rule sets that the cases want, each case
 * made ready. Shared by testing.c and its parts; testing.h is what comes out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TESTING_RUN_H
#define PTV_TESTING_RUN_H
#include "testing.h"

#include <sys/types.h>

enum { PTV_TEST_RECORD_BYTES = 64 << 20 };

/* A rule set as some cases see it: these files, with these settings. */
typedef struct ptv_test_set {
    const char *path;   /* rule file, or folder */
    const ptv_case *of; /* its settings: file's and case's */
    const ptv_cases *file;
    ptv_ruleset *rules;    /* NULL: does not load */
    ptv_covered **covered; /* by node index; NULL for combinators */
    struct ptv_test_set *next;
} ptv_test_set;

/* A file by whatever name: "r/10-a.lua", "./r/../r/10-a.lua". */
typedef struct ptv_file_id {
    dev_t device;
    ino_t inode; /* 0: there is none */
} ptv_file_id;

typedef struct ptv_test_file {
    ptv_cases cases;
    ptv_file_id id;
    const char *folder, *rules; /* the rule file beside it */
    struct ptv_test_file *next;
} ptv_test_file;

typedef struct ptv_tested_file { /* under test, with cases or without */
    const char *path;
    ptv_file_id id;
    struct ptv_tested_file *next;
} ptv_tested_file;

typedef struct ptv_test_archive { /* beside test files; opened once for all that read it */
    const char *path;
    ptv_source_settings settings;
    ptv_local_source source;
    struct ptv_test_archive *next;
} ptv_test_archive;

typedef struct ptv_test_run {
    ptv_test_report *report;
    const ptv_config *config;
    ptv_findings *findings;
    ptv_source_settings sources;
    ptv_rules_options base; /* settings of the configuration */
    ptv_test_file *files, **files_end;
    ptv_tested_file *rule_files, **rule_files_end;
    ptv_test_set *sets;
    ptv_test_archive *archives;
    ptv_arena mem;     /* of the run */
    ptv_arena scratch; /* JSON trees */
    ptv_digest *digest;
    ptv_level alert_from;
    bool stale_is_unknown;
    ptv_case_result *last;        /* the newest */
    const ptv_case_pair *checked; /* settings that were looked at last */
} ptv_test_run;

/* One case, made ready: its record can be judged again and again. */
typedef struct ptv_test_case {
    const ptv_case *data;
    ptv_test_set *set;
    ptv_arena mem;
    ptv_record *record;
    ptv_judge how;
} ptv_test_case;

/* Zeroed; NULL: the arena is full, and `err` says so. */
void *ptv_test_keep(ptv_arena *mem, size_t size, ptv_error *err);

/* testing_sets.c: a rule folder, rule file or test file of the command line. Errors: PTV_EIO, PTV_ENOMEM. */
ptv_code ptv_test_add_path(ptv_test_run *r, const char *path, ptv_error *err);
/* The rules as one case sees them, loaded once for all that see the same; *out lives as long as the run. */
ptv_code ptv_test_find_set(ptv_test_set **out, ptv_test_run *r, ptv_test_file *file, const ptv_case *c, ptv_error *err);
/* Rule files that no case made us load: their mistakes are ours to tell, their conditions count as never seen. */
ptv_code ptv_test_load_rest(ptv_test_run *r, ptv_error *err);
/*
 * Settings that no rule of the sets they are given to reads: a slip, and the case tests something else than it says.
 * of: the case; NULL: those of the whole file, which any set of the file may read.
 */
bool ptv_test_check_settings(ptv_test_run *r, const ptv_test_file *file, const ptv_case *of);

/* testing_record.c: what is given to a case becomes a record. *p is released with its arena, also after an error. */
ptv_code ptv_test_prepare(ptv_test_case *p, ptv_test_run *r, ptv_test_file *file, const ptv_case *c, ptv_error *err);

#endif
