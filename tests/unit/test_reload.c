/*
 * test_reload.c: rules loaded anew under a client: whole or not at all, lookups under way by the old ones, and what stands
 * in when none load. The source is a list of local indicators, so that a lookup needs no network.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "config/config.h"
#include "ptverdict.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RULE(tags) "rule 'tags' { title = 'Tags', severity = 'high', when = tags:has_any { " tags " } }\n"

/* Every clock of this program, so that nobody waits ten minutes. */
static time_t later_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += later_s;
    return rc;
}

static char said[4096]; /* by the log, a line each */

static void note_log(void *to, ptv_log_level level, const char *area, const char *text)
{
    (void)to, (void)area;
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%d %s\n", (int)level, text);
}

typedef struct room {
    char folder[64];
    int home;
    size_t live;
    ptv_config *config;
    ptv_client *client;
    ptv_error err;
} room;

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    static char settings[] = "[ptverdict]\nrules = rules\nlists = indicators\nstate = state\nallow_reserved = yes\n";
    room *r = calloc(1, sizeof *r);
    assert_non_null(r);
    snprintf(r->folder, sizeof r->folder, "/tmp/ptv-reload-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    r->home = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(chdir(r->folder), 0);
    mkdir("rules", 0700);
    mkdir("indicators", 0700);
    write_file("app.config", settings);
    write_file("rules/10-a.lua", RULE("'apt'"));
    write_file("indicators/a.csv", "indicator,tags\nevil.example,apt\n");
    r->live = ptv_mem_live();
    *state = r;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void close_client(room *r)
{
    ptv_client_free(r->client);
    ptv_config_free(r->config);
    r->client = NULL;
    r->config = NULL;
}

static int teardown(void **state)
{
    room *r = *state;
    close_client(r);
    assert_int_equal(ptv_mem_live(), r->live);
    assert_int_equal(fchdir(r->home), 0);
    close(r->home);
    nftw(r->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(r);
    return 0;
}

static ptv_code try_open(room *r, const char *settings)
{
    const ptv_client_options how = { .last_good = true, .separate_rules = true };
    close_client(r);
    r->err = (ptv_error){ 0 };
    ptv_code rc = ptv_config_new(&r->config, &r->err);
    if (!rc)
        rc = ptv_config_read(r->config, settings, &r->err);
    if (!rc)
        rc = ptv_client_new(&r->client, r->config, &how, NULL, &r->err);
    return rc;
}

static void open_client(room *r)
{
    if (try_open(r, "app.config"))
        fail_msg("%s", r->err.msg);
}

static ptv_verdict verdict(room *r)
{
    ptv_report *report = NULL;
    if (ptv_lookup(&report, r->client, "evil.example", NULL, &r->err))
        fail_msg("%s", r->err.msg);
    ptv_verdict v = ptv_report_verdict(report);
    ptv_report_free(report);
    return v;
}

static ptv_rules_view view(const room *r)
{
    ptv_rules_view v;
    ptv_client_rules(r->client, &v);
    return v;
}

/* ---------------------------------------------------------------------------------------------- reloading */

static void it_judges_by_the_new_rules(void **state)
{
    room *r = *state;
    char before[80];
    open_client(r);
    snprintf(before, sizeof before, "%s", view(r).digest);
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    write_file("rules/10-a.lua", RULE("'other'"));
    assert_int_equal(ptv_client_reload(r->client, r->config, NULL, &r->err), PTV_OK);
    assert_int_equal(verdict(r), PTV_VERDICT_NO_MATCH);
    assert_string_not_equal(view(r).digest, before);
    assert_null(view(r).refused);
}

static void it_keeps_the_old_ones_whole_when_one_does_not_load(void **state)
{
    room *r = *state;
    open_client(r);
    char before[80];
    snprintf(before, sizeof before, "%s", view(r).digest);
    write_file("rules/10-a.lua", RULE("'other'"));
    write_file("rules/20-b.lua", "rule 'b' {\n");
    ptv_findings *findings = NULL;
    assert_int_equal(ptv_findings_new(&findings, &r->err), PTV_OK);
    assert_int_equal(ptv_client_reload(r->client, r->config, findings, &r->err), PTV_ERULES);
    assert_true(ptv_findings_count(findings, PTV_ERROR) > 0);
    ptv_findings_free(findings);
    assert_string_equal(view(r).digest, before);
    assert_non_null(strstr(view(r).refused, "rules/20-b.lua:"));
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    unlink("rules/20-b.lua");
    assert_int_equal(ptv_client_reload(r->client, r->config, NULL, &r->err), PTV_OK);
    assert_null(view(r).refused);
    assert_int_equal(verdict(r), PTV_VERDICT_NO_MATCH);
}

static void it_ends_lookups_by_the_rules_they_began_with(void **state)
{
    room *r = *state;
    ptv_report *first = NULL, *second = NULL;
    char log[4096];
    open_client(r);
    char before[80];
    snprintf(before, sizeof before, "%s", view(r).digest);
    assert_int_equal(ptv_submit(r->client, "evil.example", NULL, NULL, &r->err), PTV_OK);
    write_file("rules/10-a.lua",
               "rule 'tags' { title = 'Tags', severity = 'high', when = tags:has_any(setting('wanted', 'other')) }\n");
    assert_int_equal(ptv_client_reload(r->client, r->config, NULL, &r->err), PTV_OK);
    assert_int_equal(ptv_wait(r->client, 1000, &r->err), PTV_OK);
    assert_true(ptv_next(r->client, &first, NULL));
    assert_int_equal(ptv_report_verdict(first), PTV_VERDICT_COMPROMISED);
    assert_int_equal(ptv_lookup(&second, r->client, "evil.example", NULL, &r->err), PTV_OK);
    assert_int_equal(ptv_report_verdict(second), PTV_VERDICT_NO_MATCH);
    /* and their lines in the log have the settings of then */
    assert_int_equal(ptv_decision_log(r->client, first, NULL, NULL, &r->err), PTV_OK);
    assert_int_equal(ptv_decision_log(r->client, second, NULL, NULL, &r->err), PTV_OK);
    ptv_report_free(first);
    ptv_report_free(second);
    FILE *f = fopen("state/decisions.ndjson", "r");
    assert_non_null(f);
    assert_non_null(fgets(log, sizeof log, f));
    assert_non_null(strstr(log, before));
    assert_non_null(strstr(log, "\"settings\":{}"));
    assert_non_null(fgets(log, sizeof log, f));
    assert_non_null(strstr(log, "\"settings\":{\"wanted\":\"other\"}"));
    fclose(f);
}

static void it_takes_over_how_judging_is_set(void **state)
{
    room *r = *state;
    open_client(r);
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    assert_int_equal(ptv_config_set(r->config, "alert_from=critical", &r->err), PTV_OK);
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    assert_int_equal(ptv_client_reload(r->client, r->config, NULL, &r->err), PTV_OK);
    assert_int_equal(verdict(r), PTV_VERDICT_NO_MATCH);
}

static void it_survives_running_out_of_memory_anywhere(void **state)
{
    room *r = *state;
    open_client(r);
    write_file("rules/10-a.lua", RULE("'other'"));
    for (unsigned long nth = 1;; nth++) {
        size_t live = ptv_mem_live();
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_client_reload(r->client, r->config, NULL, &r->err);
        ptv_mem_fail_at(0);
        if (!rc)
            break;
        if (rc != PTV_ENOMEM)
            fail_msg("%lu: %s", nth, r->err.msg);
        assert_int_equal(ptv_mem_live(), live);
        assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    }
    assert_int_equal(verdict(r), PTV_VERDICT_NO_MATCH);
}

/* --------------------------------------------------------------------------------------------- last good */

static void it_goes_on_with_the_rules_in_use_before(void **state)
{
    room *r = *state;
    open_client(r);
    char before[80];
    snprintf(before, sizeof before, "%s", view(r).digest);
    assert_false(view(r).last_good);
    close_client(r);
    write_file("rules/10-a.lua", "rule 'tags' {\n");
    open_client(r);
    assert_true(view(r).last_good);
    assert_string_equal(view(r).digest, before);
    assert_non_null(strstr(view(r).refused, "rules/10-a.lua:"));
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    write_file("rules/10-a.lua", RULE("'other'"));
    assert_int_equal(ptv_client_reload(r->client, r->config, NULL, &r->err), PTV_OK);
    assert_false(view(r).last_good);
    assert_int_equal(verdict(r), PTV_VERDICT_NO_MATCH);
}

static void it_does_not_load_where_no_rules_were_in_use(void **state)
{
    room *r = *state;
    write_file("rules/10-a.lua", "rule 'tags' {\n");
    assert_int_equal(try_open(r, "app.config"), PTV_ERULES);
    assert_non_null(strstr(r->err.msg, "rules/10-a.lua:"));
}

static void it_does_not_use_kept_rules_that_were_tampered_with_beyond_loading(void **state)
{
    room *r = *state;
    open_client(r);
    char path[200];
    snprintf(path, sizeof path, "state/rules/%s/0/10-a.lua", view(r).digest);
    close_client(r);
    write_file(path, "rule {");
    write_file("rules/10-a.lua", "rule 'tags' {\n");
    assert_int_equal(try_open(r, "app.config"), PTV_ERULES);
    write_file("state/rules/in-use", "../../../etc\n");
    assert_int_equal(try_open(r, "app.config"), PTV_ERULES);
}

/* ----------------------------------------------------------------------------------------------- looking */

static void it_sees_that_the_files_are_others(void **state)
{
    room *r = *state;
    bool changed = true;
    open_client(r);
    assert_int_equal(ptv_rules_look(&changed, r->client, r->config, &r->err), PTV_OK);
    assert_false(changed);
    assert_string_equal(view(r).on_disk, view(r).digest);
    write_file("rules/20-b.lua", "-- nothing yet\n");
    assert_int_equal(ptv_rules_look(&changed, r->client, r->config, &r->err), PTV_OK);
    assert_false(changed); /* it may still be being written */
    assert_string_not_equal(view(r).on_disk, view(r).digest);
}

static bool look(room *r)
{
    bool changed = true;
    said[0] = '\0';
    assert_int_equal(ptv_rules_look(&changed, r->client, r->config, &r->err), PTV_OK);
    return changed;
}

static void it_says_again_and_again_that_the_files_cannot_be_read(void **state)
{
    room *r = *state;
    open_client(r);
    look(r);
    ptv_log_to(note_log, NULL, PTV_LOG_INFO);
    assert_int_equal(rename("rules", "gone"), 0);
    assert_false(look(r));
    assert_non_null(strstr(said, "rules: "));
    assert_non_null(strstr(said, "those loaded before stay in force"));
    assert_null(view(r).on_disk);
    assert_non_null(strstr(view(r).refused, "rules: "));
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    later_s += 599;
    look(r);
    assert_string_equal(said, "");
    later_s += 2;
    look(r);
    assert_non_null(strstr(said, "still refused: rules: "));
    assert_int_equal(rename("gone", "rules"), 0);
    assert_false(look(r)); /* they are those loaded */
    assert_non_null(strstr(said, "can be read again"));
    assert_null(view(r).refused);
    assert_string_equal(view(r).on_disk, view(r).digest);
    assert_int_equal(unlink("rules/10-a.lua"), 0);
    assert_false(look(r));
    assert_non_null(strstr(said, "no rule files (*.lua) here"));
    assert_null(view(r).on_disk);
    ptv_log_to(NULL, NULL, PTV_LOG_INFO);
}

static void it_is_through_with_a_refusal_when_the_files_are_those_loaded(void **state)
{
    room *r = *state;
    open_client(r);
    write_file("rules/20-b.lua", "rule 'b' {\n");
    look(r);
    assert_int_equal(ptv_client_reload(r->client, r->config, NULL, &r->err), PTV_ERULES);
    look(r);
    assert_non_null(view(r).refused);
    unlink("rules/20-b.lua");
    assert_false(look(r));
    assert_null(view(r).refused);
}

static void it_says_what_another_client_refused(void **state)
{
    room *r = *state;
    open_client(r);
    ptv_client_refuse(r->client, "20-b.lua:3: no");
    assert_string_equal(view(r).refused, "20-b.lua:3: no");
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
}

/* ------------------------------------------------------------------------------------- rule process, values */

static void it_runs_custom_conditions_elsewhere(void **state)
{
    room *r = *state;
    write_file("rules/10-a.lua", "rule 'c' { title = 'C', severity = 'high', when = custom({ 'artifact' }, function(r)\n"
                                 "  return r.artifact:starts 'evil' end) }\n");
    open_client(r);
    assert_true(view(r).process > 0);
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    assert_int_equal(ptv_config_set(r->config, "rule_process=no", &r->err), PTV_OK);
    assert_int_equal(ptv_client_reload(r->client, r->config, NULL, &r->err), PTV_OK);
    assert_int_equal(view(r).process, 0);
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
}

static void it_takes_rules_from_the_settings_file(void **state)
{
    room *r = *state;
    write_file("values.config", "[ptverdict]\nlists = indicators\nstate = state\nallow_reserved = yes\n"
                                "[rules.files]\n10-a.lua =\n"
                                "    rule 'a' {\n"
                                "      title = 'A', severity = 'high',\n"
                                "      when = any { tags:has_any { '$HOME', 'x${PATH}y' }, tags:has_any { 'apt' } },\n"
                                "    }\n");
    if (try_open(r, "values.config"))
        fail_msg("%s", r->err.msg);
    assert_int_equal(verdict(r), PTV_VERDICT_COMPROMISED);
    write_file("values.config", "[ptverdict]\nlists = indicators\n[rules.files]\nsub/x.lua = rule\n");
    assert_int_equal(try_open(r, "values.config"), PTV_ESETTINGS);
    assert_non_null(strstr(r->err.msg, "values.config:4: 'sub/x.lua' in [rules.files] is no rule file"));
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "rule-process") == 0)
        return ptv_rule_process_main();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_judges_by_the_new_rules),
        TEST(it_keeps_the_old_ones_whole_when_one_does_not_load),
        TEST(it_ends_lookups_by_the_rules_they_began_with),
        TEST(it_takes_over_how_judging_is_set),
        TEST(it_survives_running_out_of_memory_anywhere),
        TEST(it_goes_on_with_the_rules_in_use_before),
        TEST(it_does_not_load_where_no_rules_were_in_use),
        TEST(it_does_not_use_kept_rules_that_were_tampered_with_beyond_loading),
        TEST(it_sees_that_the_files_are_others),
        TEST(it_says_again_and_again_that_the_files_cannot_be_read),
        TEST(it_is_through_with_a_refusal_when_the_files_are_those_loaded),
        TEST(it_says_what_another_client_refused),
        TEST(it_runs_custom_conditions_elsewhere),
        TEST(it_takes_rules_from_the_settings_file),
    };
    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
