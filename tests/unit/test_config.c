/*
 * test_config.c: settings: where a value comes from, what it may be, and what a message says when it may not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[80], start[4096];
static ptv_config *c;
static ptv_error err;

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ptverdict-test-XXXXXX");
    if (!mkdtemp(folder) || !getcwd(start, sizeof start))
        return -1;
    snprintf(path, sizeof path, "%s/app.config", folder);
    setenv("PTVERDICT_SECRETS", folder, 1);
    unsetenv("PTVERDICT_CONFIG");
    unsetenv("APP_CONFIG_FILE");
    unsetenv("PTVERDICT_PLAN");
    return ptv_config_new(&c, &err) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_config_free(c);
    c = NULL;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir(start) || system(command) ? -1 : 0;
}

static void write_file(const char *name, const char *text)
{
    char where[160];
    snprintf(where, sizeof where, "%s/%s", folder, name);
    FILE *f = fopen(where, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void read_settings(const char *text)
{
    write_file("app.config", text);
    ptv_code rc = ptv_config_read(c, path, &err);
    if (rc)
        fail_msg("%s", err.msg);
}

/* The message without the folder's name in front. */
static const char *refusal(const char *text)
{
    write_file("app.config", text);
    assert_int_equal(ptv_config_read(c, path, &err), PTV_ESETTINGS);
    return ptv_text_starts(err.msg, folder) ? err.msg + strlen(folder) + 1 : err.msg;
}

static void has_a_default_for_everything_but_user_key_and_tags(void **state)
{
    (void)state;
    assert_string_equal(ptv_config_text(c, PTV_OPT_PLAN), "frugal");
    assert_string_equal(ptv_config_text(c, PTV_OPT_PATH_TAGS), "/v2/actions/tags");
    assert_string_equal(ptv_config_where(c, PTV_OPT_PLAN), "default");
    assert_int_equal(ptv_config_int(c, PTV_OPT_DEADLINE), 120000);
    assert_int_equal(ptv_config_int(c, PTV_OPT_MAX_BODY), 16 << 20);
    assert_int_equal(ptv_config_int(c, PTV_OPT_UNKNOWN_NOTE_EVERY), 3600000);
    assert_false(ptv_config_bool(c, PTV_OPT_ALLOW_HTTP));
    assert_null(ptv_config_text(c, PTV_OPT_TAGS_WANTED));
    assert_null(ptv_config_text(c, PTV_OPT_USERNAME));
    assert_int_equal(ptv_config_rules_count(c), 0);
}

static void takes_flag_before_environment_before_file_before_default(void **state)
{
    (void)state;
    char where[160];
    read_settings("[ptverdict]\nPLAN = fast\n");
    assert_string_equal(ptv_config_text(c, PTV_OPT_PLAN), "fast");
    snprintf(where, sizeof where, "%s:2", path);
    assert_string_equal(ptv_config_where(c, PTV_OPT_PLAN), where);
    setenv("PTVERDICT_PLAN", "frugal", 1);
    read_settings("[ptverdict]\nplan = fast\n");
    assert_string_equal(ptv_config_text(c, PTV_OPT_PLAN), "frugal");
    assert_string_equal(ptv_config_where(c, PTV_OPT_PLAN), "environment PTVERDICT_PLAN");
    assert_int_equal(ptv_config_set(c, "plan = fast", &err), PTV_OK);
    assert_string_equal(ptv_config_text(c, PTV_OPT_PLAN), "fast");
    assert_string_equal(ptv_config_where(c, PTV_OPT_PLAN), "--set");
    assert_int_equal(ptv_config_set(c, "ptverdict.plan=frugal", &err), PTV_OK);
    assert_string_equal(ptv_config_text(c, PTV_OPT_PLAN), "frugal");
    unsetenv("PTVERDICT_PLAN");
}

static void takes_the_app_s_settings_from_the_environment_too(void **state)
{
    (void)state;
    setenv("PTVERDICT_PASSIVETOTAL_USERNAME", "someone", 1);
    read_settings("[fn_passivetotal]\npassivetotal_username =\n");
    unsetenv("PTVERDICT_PASSIVETOTAL_USERNAME");
    assert_string_equal(ptv_config_text(c, PTV_OPT_USERNAME), "someone");
}

static void takes_an_empty_value_for_none(void **state)
{
    (void)state;
    read_settings("[fn_passivetotal]\n    passivetotal_base_url=\n    passivetotal_tags=\n    passivetotal_api_key=\n");
    assert_string_equal(ptv_config_text(c, PTV_OPT_BASE_URL), "https://api.passivetotal.org");
    assert_null(ptv_config_text(c, PTV_OPT_TAGS_WANTED));
    assert_int_equal(ptv_config_require(c, PTV_OPT_API_KEY, &err), PTV_ESETTINGS);
    char expected[300];
    snprintf(expected, sizeof expected, "[fn_passivetotal] passivetotal_api_key is not set in %s", path);
    assert_string_equal(err.msg, expected);
}

static void says_which_value_of_which_line_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "[ptverdict]\nplan = fats\n",
          "app.config:2: plan in [ptverdict]: 'fats' is not one of frugal, fast (did you mean 'fast'?)" },
        { "[ptverdict]\nmax_in_flight = 0\n", "app.config:2: max_in_flight in [ptverdict]: must be from 1 to 1000" },
        { "[ptverdict]\nmax_in_flight = many\n",
          "app.config:2: max_in_flight in [ptverdict]: 'many' is not a whole number" },
        { "[ptverdict]\nmax_body = 16X\n",
          "app.config:2: max_body in [ptverdict]: '16X' is not a size; write 16M, 512K or bytes" },
        { "[ptverdict]\nmax_body = 9G\n", "app.config:2: max_body in [ptverdict]: must be from 1024 to 1073741824 bytes" },
        { "[ptverdict]\ndeadline = soon\n",
          "app.config:2: deadline in [ptverdict]: 'soon' is not a time; write 30, 30s, 5m or 2h" },
        { "[ptverdict]\nallow_http = maybe\n", "app.config:2: allow_http in [ptverdict]: 'maybe' is neither yes nor no" },
        { "[fn_passivetotal]\npassivetotal_base_url = api.example\n",
          "app.config:2: passivetotal_base_url in [fn_passivetotal]: must begin with https:// or http://" },
        { "[ptverdict]\n\nplna = fast\n", "app.config:3: unknown setting 'plna' in [ptverdict] (did you mean 'plan'?)" },
        { "[ptverdict]\npassivetotal_tags = x\n",
          "app.config:2: unknown setting 'passivetotal_tags' in [ptverdict] (it belongs into [fn_passivetotal])" },
        { "[fn_passivetotal]\npassivetotal_api_kye = x\n",
          "app.config:2: unknown setting 'passivetotal_api_kye' in [fn_passivetotal] (did you mean "
          "'passivetotal_api_key'?)" },
        { "[ptverdict\nplan = fast\n", "app.config:1: text before the first [section]" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(refusal(cases[i].text), cases[i].message);
}

static void leaves_other_sections_alone(void **state)
{
    (void)state;
    setenv("PTV_TEST_HOST", "soar.example", 1);
    read_settings("[fn_other]\nplna = $NOT_OURS\n[resilient]\nhost = $PTV_TEST_HOST\nport=443\n"
                  "[fn_passivetotal]\nselftest_timeout = 3\n");
    assert_string_equal(ptv_config_raw(c, "fn_other", "plna"), "$NOT_OURS");
    assert_string_equal(ptv_config_raw(c, "resilient", "host"), "soar.example");
    assert_null(ptv_config_raw(c, "resilient", "org"));
    assert_true(ptv_config_has_section(c, "resilient"));
    assert_false(ptv_config_has_section(c, "integrations"));
    unsetenv("PTV_TEST_HOST");
}

static void keeps_what_it_had_when_a_read_fails(void **state)
{
    (void)state;
    read_settings("[ptverdict]\nplan = fast\n");
    refusal("[ptverdict]\nplan = frugal\nnonsense = 1\n");
    assert_string_equal(ptv_config_text(c, PTV_OPT_PLAN), "fast");
    assert_int_equal(ptv_config_set(c, "plan=slow", &err), PTV_ESETTINGS);
    assert_string_equal(err.msg, "--set: plan in [ptverdict]: 'slow' is not one of frugal, fast");
    assert_int_equal(ptv_config_set(c, "max_in_flight=4", &err), PTV_OK);
    assert_string_equal(ptv_config_text(c, PTV_OPT_PLAN), "fast");
}

static void replaces_names_by_secrets_then_environment_else_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *written, *read;
    } cases[] = {
        { "$PTV_TEST_A", "from environment" },
        { "${PTV_TEST_A}", "from environment" },
        { "x ${PTV_TEST_A} y ${PTV_TEST_A}${PTV_NONE}", "x from environment y from environment${PTV_NONE}" },
        { "$PTV_TEST_MOUNTED", "from file" },
        { "$PTV_NONE", "$PTV_NONE" },
        { "a $PTV_TEST_A", "a $PTV_TEST_A" },
        { "$", "$" },
        { "${}", "${}" },
        { "$../app.config", "$../app.config" },
        { "^PTV_TEST_A", "^PTV_TEST_A" },
        { "50% ${PTV_TEST_A", "50% from environment" },
        { "$PTV_TEST_A}tail", "from environmenttail" },
    };
    setenv("PTV_TEST_A", "from environment", 1);
    setenv("PTV_TEST_MOUNTED", "hidden by the file", 1);
    write_file("PTV_TEST_MOUNTED", "from file\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, "[fn_passivetotal]\npassivetotal_username = %s\n", cases[i].written);
        read_settings(text);
        assert_string_equal(ptv_config_text(c, PTV_OPT_USERNAME), cases[i].read);
    }
    assert_int_equal(ptv_config_set(c, "passivetotal_tags=$PTV_TEST_A", &err), PTV_OK);
    assert_string_equal(ptv_config_text(c, PTV_OPT_TAGS_WANTED), "from environment");
    unsetenv("PTV_TEST_A");
    unsetenv("PTV_TEST_MOUNTED");
}

static void copy_fixture(const char *name, const char *as)
{
    char command[256];
    snprintf(command, sizeof command, "cp tests/fixtures/jwe/%s '%s/%s'", name, folder, as);
    assert_int_equal(system(command), 0);
}

static void opens_protected_secrets_of_the_app_host(void **state)
{
    (void)state;
    static const char settings[] = "[fn_passivetotal]\npassivetotal_api_key = $PTV_JWE\npassivetotal_username = ^PTV_JWE\n";
    char where[160];
    snprintf(where, sizeof where, "%s/.jwk", folder);
    assert_int_equal(mkdir(where, 0700), 0);
    setenv("PTV_JWE", "hidden by the file", 1);
    copy_fixture("newline.jwe", "PTV_JWE");
    assert_non_null(strstr(refusal(settings),
                           "app.config:2: passivetotal_api_key: secret PTV_JWE: is a protected secret (JWE); "
                           "these are opened where APP_HOST_CONTAINER = 1"));
    setenv("APP_HOST_CONTAINER", "yes", 1);
    assert_non_null(strstr(refusal(settings), "/.jwk/key.jwk: No such file or directory"));
    copy_fixture("other.jwk", ".jwk/key.jwk");
    assert_non_null(
        strstr(refusal(settings), "secret PTV_JWE: it does not open with this key: another key, or it was changed"));
    copy_fixture("key.jwk", ".jwk/key.jwk");
    read_settings(settings);
    assert_string_equal(ptv_config_text(c, PTV_OPT_API_KEY), "first line only");
    assert_string_equal(ptv_config_shown(c, PTV_OPT_API_KEY), "********");
    assert_string_equal(ptv_config_text(c, PTV_OPT_USERNAME), "^PTV_JWE"); /* no PAM plug-in */
    unsetenv("APP_HOST_CONTAINER");
    unsetenv("PTV_JWE");
}

static void shows_no_secret(void **state)
{
    (void)state;
    write_file("PTV_TEST_MOUNTED", "s3cret");
    read_settings("[fn_passivetotal]\npassivetotal_api_key = k3y\npassivetotal_base_url = https://u:p@api.example/x\n"
                  "passivetotal_community_url = https://www.example/@u\npassivetotal_tags = a,${PTV_TEST_MOUNTED}\n");
    assert_string_equal(ptv_config_shown(c, PTV_OPT_API_KEY), "********");
    assert_string_equal(ptv_config_shown(c, PTV_OPT_BASE_URL), "********");
    assert_string_equal(ptv_config_shown(c, PTV_OPT_TAGS_WANTED), "********");
    assert_string_equal(ptv_config_shown(c, PTV_OPT_COMMUNITY_URL), "https://www.example/@u");
    assert_null(ptv_config_shown(c, PTV_OPT_USERNAME));
    assert_string_equal(ptv_config_text(c, PTV_OPT_TAGS_WANTED), "a,s3cret");
    assert_string_equal(ptv_config_shown(c, PTV_OPT_PLAN), "frugal");
}

static void collects_the_settings_of_rules(void **state)
{
    (void)state;
    read_settings("[rules]\nfresh = 30d\nBusy: 10\n[fn_passivetotal]\npassivetotal_tags = a,b\n");
    assert_int_equal(ptv_config_set(c, "rules.fresh=7d", &err), PTV_OK);
    assert_int_equal(ptv_config_rules_count(c), 3);
    ptv_config_pair p = ptv_config_rules_at(c, 0);
    assert_string_equal(p.key, "passivetotal_tags");
    assert_string_equal(p.value, "a,b");
    p = ptv_config_rules_at(c, 1);
    assert_string_equal(p.key, "busy");
    assert_string_equal(p.value, "10");
    p = ptv_config_rules_at(c, 2);
    assert_string_equal(p.key, "fresh");
    assert_string_equal(p.value, "7d");
    assert_string_equal(p.where, "--set");
}

static void takes_paths_of_a_file_from_beside_it(void **state)
{
    (void)state;
    char expected[120];
    setenv("HOME", "/home/someone", 1);
    read_settings("[ptverdict]\narchive = saved\nlists = /abs/lists\nrules = ~/rules\n");
    snprintf(expected, sizeof expected, "%s/saved", folder);
    assert_string_equal(ptv_config_text(c, PTV_OPT_ARCHIVE), expected);
    assert_string_equal(ptv_config_text(c, PTV_OPT_LISTS), "/abs/lists");
    assert_string_equal(ptv_config_text(c, PTV_OPT_RULES), "/home/someone/rules");
    assert_int_equal(ptv_config_set(c, "archive=saved", &err), PTV_OK);
    assert_string_equal(ptv_config_text(c, PTV_OPT_ARCHIVE), "saved");
}

static void finds_the_settings_file_in_the_usual_places(void **state)
{
    (void)state;
    setenv("HOME", folder, 1);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(ptv_config_read(c, NULL, &err), PTV_OK);
    assert_true(ptv_text_starts(ptv_config_file(c), "no settings file was found; looked at ./app.config, "));
    mkdir(".resilient", 0700);
    write_file(".resilient/app.config", "[ptverdict]\nmax_in_flight = 2\n");
    assert_int_equal(ptv_config_read(c, NULL, &err), PTV_OK);
    assert_int_equal(ptv_config_int(c, PTV_OPT_MAX_IN_FLIGHT), 2);
    write_file("app.config", "[ptverdict]\nmax_in_flight = 3\n");
    assert_int_equal(ptv_config_read(c, NULL, &err), PTV_OK);
    assert_int_equal(ptv_config_int(c, PTV_OPT_MAX_IN_FLIGHT), 3);
    assert_string_equal(ptv_config_file(c), "./app.config");
    setenv("APP_CONFIG_FILE", ".resilient/app.config", 1);
    assert_int_equal(ptv_config_read(c, NULL, &err), PTV_OK);
    assert_int_equal(ptv_config_int(c, PTV_OPT_MAX_IN_FLIGHT), 2);
    setenv("PTVERDICT_CONFIG", "nowhere", 1);
    assert_int_equal(ptv_config_read(c, NULL, &err), PTV_ESETTINGS);
    assert_string_equal(err.msg, "nowhere: no such file (named by $PTVERDICT_CONFIG)");
    unsetenv("PTVERDICT_CONFIG");
    unsetenv("APP_CONFIG_FILE");
}

static void says_what_is_wrong_with_a_flag(void **state)
{
    (void)state;
    static const struct {
        const char *flag, *message;
    } cases[] = {
        { "plan", "--set takes key=value or section.key=value" },
        { "=x", "--set takes key=value or section.key=value" },
        { "plna=fast", "--set: unknown setting 'plna' (did you mean 'plan'?)" },
        { "nowhere.plan=fast", "--set: [nowhere] is no section of ours" },
        { "rules.=x", "--set: unknown setting ''" },
        { "fn_passivetotal.plan=fast", "--set: unknown setting 'plan' (it belongs into [ptverdict])" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ptv_config_set(c, cases[i].flag, &err), PTV_ESETTINGS);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static void gives_no_memory_back_as_an_error_without_leak(void **state)
{
    (void)state;
    write_file("app.config", "[ptverdict]\nplan = fast\narchive = x\n[rules]\na = ${PTV_NONE}\n");
    size_t before = ptv_mem_live();
    for (unsigned long nth = 1;; nth++) {
        ptv_config *own = NULL;
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_config_new(&own, &err);
        if (!rc)
            rc = ptv_config_read(own, path, &err);
        if (!rc)
            rc = ptv_config_set(own, "plan=frugal", &err);
        ptv_mem_fail_at(0);
        ptv_config_free(own);
        assert_int_equal(ptv_mem_live(), before);
        if (!rc)
            break;
        assert_int_equal(rc, PTV_ENOMEM);
        assert_true(nth < 2000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(has_a_default_for_everything_but_user_key_and_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_flag_before_environment_before_file_before_default, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_the_app_s_settings_from_the_environment_too, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_an_empty_value_for_none, setup, teardown),
        cmocka_unit_test_setup_teardown(says_which_value_of_which_line_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_other_sections_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_it_had_when_a_read_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(replaces_names_by_secrets_then_environment_else_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(opens_protected_secrets_of_the_app_host, setup, teardown),
        cmocka_unit_test_setup_teardown(shows_no_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(collects_the_settings_of_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_paths_of_a_file_from_beside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_the_settings_file_in_the_usual_places, setup, teardown),
        cmocka_unit_test_setup_teardown(says_what_is_wrong_with_a_flag, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_no_memory_back_as_an_error_without_leak, setup, teardown),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
