/*
 * test_settings.c: which proxy, trust, certificate and time-out a call gets: the settings of the app this replaces, the
 * environment, and their precedence (docs/settings.md), a row a case.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const variables[] = { "HTTPS_PROXY",        "HTTP_PROXY",     "https_proxy",      "http_proxy",
                                         "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PTVERDICT_CONFIG", "APP_CONFIG_FILE",
                                         "PTVERDICT_VERIFY",   "PTVERDICT_HTTP2" };
enum { VARIABLES = sizeof variables / sizeof variables[0] };

typedef struct test_room {
    char path[64], pem[64];
    ptv_arena mem;
    ptv_config *config;
    ptv_error err;
} test_room;

static test_room the_room;

static int open_room(void **state)
{
    for (size_t i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
    the_room = (test_room){ .mem = PTV_ARENA(1 << 20) };
    snprintf(the_room.path, sizeof the_room.path, "/tmp/ptv-settings-XXXXXX");
    snprintf(the_room.pem, sizeof the_room.pem, "/tmp/ptv-pem-XXXXXX");
    int settings = mkstemp(the_room.path);
    int pem = mkstemp(the_room.pem);
    *state = &the_room;
    return settings < 0 || pem < 0 || close(settings) || close(pem) ? -1 : 0;
}

static int close_room(void **state)
{
    test_room *room = *state;
    for (size_t i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
    ptv_config_free(room->config);
    ptv_arena_release(&room->mem);
    unlink(room->path);
    unlink(room->pem);
    return ptv_mem_live() == 0 ? 0 : -1;
}

/* "NAME=value NAME=value" into the environment, and a fresh config of `text`, in which PEM stands for a file that is there.
 */
static void settle(test_room *room, const char *text, const char *environment)
{
    for (size_t i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
    char words[256];
    snprintf(words, sizeof words, "%s", environment);
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value++ = '\0';
        setenv(word, strcmp(value, "PEM") == 0 ? room->pem : value, 1);
    }
    FILE *f = fopen(room->path, "w");
    assert_non_null(f);
    for (const char *p = text; *p;) {
        if (strncmp(p, "PEM", 3) == 0) {
            fputs(room->pem, f);
            p += 3;
        } else {
            fputc(*p++, f);
        }
    }
    assert_int_equal(fclose(f), 0);
    ptv_config_free(room->config);
    room->config = NULL;
    room->err = (ptv_error){ 0 };
    if (ptv_config_new(&room->config, &room->err) || ptv_config_read(room->config, room->path, &room->err))
        fail_msg("%s", room->err.msg);
}

static void assert_text(const char *row, const char *what, const char *got, const char *want)
{
    if ((got == NULL) != (want == NULL) || (got && strcmp(got, want) != 0))
        fail_msg("%s\n%s: got %s, want %s", row, what, got ? got : "nothing", want ? want : "nothing");
}

#define APP "[fn_passivetotal]\n"
#define INT "[integrations]\n"

static void it_chooses_the_proxy(void **state)
{
    test_room *room = *state;
    static const struct {
        const char *text, *environment, *http, *https;
        bool from_env;
    } rows[] = {
        { "", "", NULL, NULL, true },
        { INT "http_proxy=http://i:1\nhttps_proxy=http://i:2\n", "", "http://i:1", "http://i:2", false },
        { APP "http_proxy=http://a:1\nhttps_proxy=http://a:2\n" INT "http_proxy=http://i:1\nhttps_proxy=http://i:2\n", "",
          "http://a:1", "http://a:2", false },
        /* one of the app's section: both are taken from there */
        { APP "https_proxy=http://a:2\n" INT "http_proxy=http://i:1\nhttps_proxy=http://i:2\n", "", NULL, "http://a:2",
          false },
        { APP "http_proxy=http://a:1\n" INT "http_proxy=http://i:1\nhttps_proxy=http://i:2\n", "", "http://a:1", NULL,
          false },
        /* capitals in the environment come before every setting */
        { APP "https_proxy=http://a:2\n", "HTTPS_PROXY=http://e:2", NULL, NULL, true },
        { INT "https_proxy=http://i:2\n", "HTTP_PROXY=http://e:1", NULL, NULL, true },
        /* small letters only where no setting names a proxy */
        { APP "https_proxy=http://a:2\n", "https_proxy=http://e:2", NULL, "http://a:2", false },
        { APP "timeout=5\n", "https_proxy=http://e:2", NULL, NULL, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        settle(room, rows[i].text, rows[i].environment);
        ptv_http_options h;
        assert_int_equal(ptv_settings_http(&h, &room->mem, room->config, &room->err), PTV_OK);
        assert_text(rows[i].text, "http", h.proxy_http, rows[i].http);
        assert_text(rows[i].text, "https", h.proxy_https, rows[i].https);
        assert_int_equal(h.proxy_from_env, rows[i].from_env);
    }
}

static void it_chooses_what_to_trust(void **state)
{
    test_room *room = *state;
    static const struct {
        const char *text, *environment;
        bool verify, has_file;
    } rows[] = {
        { "", "", true, false },
        { APP "verify=true\n", "", true, false },
        { APP "verify=TRUE\n", "", true, false },
        { APP "verify=False\n", "", false, false },
        { APP "verify=PEM\n", "", true, true },
        { INT "verify=false\n", "", false, false },
        { INT "verify=PEM\n", "", true, true },
        /* better than the app this replaces: [integrations] is heard where the app's section has no verify */
        { APP "timeout=5\n" INT "verify=false\n", "", false, false },
        { APP "timeout=5\n" INT "verify=PEM\n", "", true, true },
        { APP "verify=false\n" INT "verify=PEM\n", "", false, false },
        /* the variables count where the answer is true */
        { "", "REQUESTS_CA_BUNDLE=PEM", true, true },
        { APP "timeout=5\n", "CURL_CA_BUNDLE=PEM", true, true },
        { APP "verify=true\n", "REQUESTS_CA_BUNDLE=PEM CURL_CA_BUNDLE=/nowhere", true, true },
        { APP "verify=false\n", "REQUESTS_CA_BUNDLE=PEM", false, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        settle(room, rows[i].text, rows[i].environment);
        ptv_http_options h;
        if (ptv_settings_http(&h, &room->mem, room->config, &room->err))
            fail_msg("%s: %s", rows[i].text, room->err.msg);
        if (h.verify != rows[i].verify)
            fail_msg("%s\n%s\nverify: got %d", rows[i].text, rows[i].environment, h.verify);
        assert_text(rows[i].text, "CA file", h.ca_file, rows[i].has_file ? room->pem : NULL);
    }
    settle(room, APP "verify=/nowhere/ca.pem\n", "");
    ptv_http_options h;
    assert_int_equal(ptv_settings_http(&h, &room->mem, room->config, &room->err), PTV_ESETTINGS);
    assert_string_equal(room->err.msg, "verify: no such file '/nowhere/ca.pem'; give true, false or the path of a PEM file");
    settle(room, APP "verify=true\n", "CURL_CA_BUNDLE=/nowhere/env.pem");
    assert_int_equal(ptv_settings_http(&h, &room->mem, room->config, &room->err), PTV_ESETTINGS);
    assert_string_equal(room->err.msg,
                        "CURL_CA_BUNDLE: no such file '/nowhere/env.pem'; give the path of a PEM file, or unset it");
}

static void it_wants_a_client_certificate_with_its_key(void **state)
{
    test_room *room = *state;
    ptv_http_options h;
    settle(room, APP "client_auth_cert=PEM\nclient_auth_key=PEM\n", "");
    assert_int_equal(ptv_settings_http(&h, &room->mem, room->config, &room->err), PTV_OK);
    assert_string_equal(h.client_cert, room->pem);
    assert_string_equal(h.client_key, room->pem);
    settle(room, APP "client_auth_cert=PEM\n", "");
    assert_int_equal(ptv_settings_http(&h, &room->mem, room->config, &room->err), PTV_ESETTINGS);
    assert_string_equal(room->err.msg, "client_auth_cert and client_auth_key belong together: client_auth_key is missing");
    settle(room, APP "client_auth_key=PEM\n", "");
    assert_int_equal(ptv_settings_http(&h, &room->mem, room->config, &room->err), PTV_ESETTINGS);
    assert_string_equal(room->err.msg, "client_auth_cert and client_auth_key belong together: client_auth_cert is missing");
}

static void it_takes_the_nearest_timeout(void **state)
{
    test_room *room = *state;
    static const struct {
        const char *text;
        long timeout_ms;
    } rows[] = {
        { "", 30000 },
        { INT "timeout=7\n", 7000 },
        { APP "timeout=5\n" INT "timeout=7\n", 5000 },
        { APP "verify=true\n" INT "timeout=7\n", 7000 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        settle(room, rows[i].text, "");
        ptv_source_settings s;
        assert_int_equal(ptv_settings_sources(&s, &room->mem, room->config, false, &room->err), PTV_OK);
        assert_int_equal(s.timeout_ms, rows[i].timeout_ms);
    }
}

static void it_hands_on_what_is_ours(void **state)
{
    test_room *room = *state;
    ptv_http_options h;
    ptv_source_settings s;
    settle(room, "", "");
    assert_int_equal(ptv_settings_http(&h, &room->mem, room->config, &room->err), PTV_OK);
    assert_int_equal(ptv_settings_sources(&s, &room->mem, room->config, false, &room->err), PTV_OK);
    assert_false(h.http2 || h.allow_http || s.query_in_body || s.not_found_is_empty);
    assert_int_equal(s.timezone_offset_s, 0);
    settle(room, "[ptverdict]\nhttp2=yes\nallow_http=yes\nquery_in=body\nnot_found=empty\ntimezone=-07:30\n", "");
    assert_int_equal(ptv_settings_http(&h, &room->mem, room->config, &room->err), PTV_OK);
    assert_int_equal(ptv_settings_sources(&s, &room->mem, room->config, false, &room->err), PTV_OK);
    assert_true(h.http2 && h.allow_http && s.query_in_body && s.not_found_is_empty);
    assert_int_equal(s.timezone_offset_s, -27000);
    settle(room, "[ptverdict]\ntimezone=Mars\n", "");
    assert_int_equal(ptv_settings_sources(&s, &room->mem, room->config, false, &room->err), PTV_ESETTINGS);
    assert_non_null(strstr(room->err.msg, "'Mars' is not UTC or +HH:MM"));
}

int main(void)
{
#define IN_ROOM(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)
    const struct CMUnitTest tests[] = {
        IN_ROOM(it_chooses_the_proxy),
        IN_ROOM(it_chooses_what_to_trust),
        IN_ROOM(it_wants_a_client_certificate_with_its_key),
        IN_ROOM(it_takes_the_nearest_timeout),
        IN_ROOM(it_hands_on_what_is_ours),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
