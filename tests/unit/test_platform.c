/*
 * test_platform.c: when the login at the platform's REST API is tried again. The clock is handed in; the platform is a port
 * where nobody listens.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "scratch_dir.h"
#include "serve/parts.h"
#include <poll.h>

static scratch_dir dir;
static ptv_serve *serve;

static int setup(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    char sets[2][128];
    if (!scratch_dir_make(&dir))
        return -1;
    snprintf(sets[0], sizeof sets[0], "state=%s", dir.path);
    snprintf(sets[1], sizeof sets[1], "rules=%s", dir.path);
    const char *const all[] = { sets[0], sets[1] };
    scratch_write(
        &dir, "app.config",
        "[resilient]\nhost=127.0.0.1\nport=9\norg=Test Org\napi_key_id=id\napi_key_secret=x\ncafile=false\n"
        "[fn_passivetotal]\npassivetotal_username=analyst\npassivetotal_api_key=x\n[ptverdict]\nhttp_listen=off\n");
    ptv_serve_options o = { .config = dir.file, .sets = all, .set_count = 2 };
    if (ptv_serve_new(&serve, &o, &err))
        fail_msg("%s", err.msg);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_serve_free(serve);
    serve = NULL;
    scratch_dir_remove(&dir);
    return 0;
}

/* One try, which fails: how long until the next. */
static int64_t pause_after(int64_t now_ms)
{
    ptv_error err = { 0 };
    int64_t patience = ptv_clock_ms() + 5000;
    do {
        if (ptv_platform_step(serve, now_ms, &err))
            fail_msg("%s", err.msg);
        poll(NULL, 0, 1);
    } while (serve->platform.state != PTV_PLATFORM_WAITING && ptv_clock_ms() < patience);
    assert_int_equal(serve->platform.state, PTV_PLATFORM_WAITING);
    return ptv_platform_next_ms(serve) - now_ms;
}

/* Down for ten minutes, or an hour: the next try is never more than a minute away, nor are all workers' at once. */
static void the_first_retry_is_soon_and_all_are_within_a_minute(void **state)
{
    (void)state;
    int64_t begun = 1000000, now = begun, most = 0, last = 0;
    int same = 0, tries = 0;
    ptv_platform_begin(serve, now);
    for (; now - begun < INT64_C(3600) * 1000; tries++) {
        int64_t pause = pause_after(now), down_ms = now - begun;
        assert_in_range(pause, 1, tries == 0 ? 1000 : 60000);
        assert_true(pause <= (down_ms / 4 > 1000 ? down_ms / 4 : 1000));
        same += pause == last;
        most = pause > most ? pause : most;
        last = pause;
        now += pause;
        assert_true(tries < 500);
    }
    assert_in_range(most, 45000, 60000);
    assert_true(same < tries / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_retry_is_soon_and_all_are_within_a_minute, setup, teardown),
    };
    return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
