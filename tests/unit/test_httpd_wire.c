/*
 * test_httpd_wire.c: the head and the body of a request as pure functions, and the threat service's memory on a clock of our
 * own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/mem.h"
#include "httpd/queries.h"
#include "httpd/wire.h"

static ptv_error err;
static ptv_digest *digest;

static int open_digest(void **state)
{
    (void)state;
    digest = ptv_digest_new();
    return digest ? 0 : -1;
}

static int close_digest(void **state)
{
    (void)state;
    ptv_digest_free(digest);
    return 0;
}

/* ---------------------------------------------------------------------------------------------- head */

static void it_finds_the_door(void **state)
{
    (void)state;
    const char *id;
    static const struct {
        const char *path, *id;
        ptv_route route;
    } paths[] = {
        { "/cts/pt", NULL, PTV_ROUTE_CTS },
        { "/cts/pt/", NULL, PTV_ROUTE_CTS },
        { "/cts/pt/x", "x", PTV_ROUTE_CTS_POLL },
        { "/cts/pt/x/y", NULL, PTV_ROUTE_NONE },
        { "/cts/ptx", NULL, PTV_ROUTE_NONE },
        { "/cts/p", NULL, PTV_ROUTE_NONE },
        { "/cts/", NULL, PTV_ROUTE_NONE },
        { "/v1/verdict", NULL, PTV_ROUTE_VERDICT },
        { "/v1/verdict/", NULL, PTV_ROUTE_NONE },
        { "/V1/verdict", NULL, PTV_ROUTE_NONE },
        { "/healthz", NULL, PTV_ROUTE_HEALTHZ },
        { "/readyz", NULL, PTV_ROUTE_READYZ },
        { "/metrics", NULL, PTV_ROUTE_METRICS },
        { "", NULL, PTV_ROUTE_NONE },
        { "*", NULL, PTV_ROUTE_NONE },
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(ptv_route_find(&id, paths[i].path, "pt"), paths[i].route);
        if (paths[i].id)
            assert_string_equal(id, paths[i].id);
        else
            assert_null(id);
    }
    assert_true(ptv_route_takes(PTV_ROUTE_CTS, "POST"));
    assert_true(ptv_route_takes(PTV_ROUTE_CTS, "OPTIONS"));
    assert_false(ptv_route_takes(PTV_ROUTE_CTS, "POS"));
    assert_false(ptv_route_takes(PTV_ROUTE_CTS, ""));
    assert_false(ptv_route_takes(PTV_ROUTE_HEALTHZ, "GET, HEAD"));
    assert_false(ptv_route_takes(PTV_ROUTE_NONE, "GET"));
}

static const char *refusal(const char *const *headers)
{
    ptv_framing f = { 0 };
    for (; *headers; headers += 2)
        ptv_framing_see(&f, headers[0], headers[1]);
    return ptv_framing_refusal(&f);
}
#define REFUSAL(...) refusal((const char *const[]){ __VA_ARGS__, NULL })

static void it_wants_one_end_of_a_message(void **state)
{
    (void)state;
    assert_null(REFUSAL("Host", "a", "Content-Length", "12"));
    assert_null(REFUSAL("Host", "a", "transfer-encoding", "Chunked"));
    assert_null(REFUSAL("X-Empty", ""));
    assert_non_null(REFUSAL("Content-Length", "12", "Transfer-Encoding", "chunked"));
    assert_non_null(REFUSAL("Content-Length", "12", "content-length", "12"));
    assert_non_null(REFUSAL("Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"));
    assert_non_null(REFUSAL("Transfer-Encoding", "identity"));
    assert_non_null(REFUSAL("Content-Length", "1 2"));
    assert_non_null(REFUSAL("Content-Length", ""));
    assert_non_null(REFUSAL("Content-Length", "99999999999999999999"));
    assert_non_null(REFUSAL("Content-Length ", "1"));
    assert_non_null(REFUSAL("", "1"));
    assert_non_null(REFUSAL("a\tb", "1"));
    assert_non_null(REFUSAL("Host", "a", "Host", "b"));
}

static void it_knows_this_machine(void **state)
{
    (void)state;
    static const char *const ours[] = { "localhost", "LOCALHOST:9000", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:9000" };
    static const char *const others[] = {
        "",          "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhostx", "localhost:evil",
        "127.0.0.2", "[::1]x"
    };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_true(ptv_host_is_local(ours[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(ptv_host_is_local(others[i]));
}

static void it_opens_a_door_to_its_key_alone(void **state)
{
    (void)state;
    ptv_door_key key;
    static const struct {
        const char *user, *password, *header;
    } pairs[] = { { "a", "b", "Basic YTpi" }, { "aa", "b", "Basic YWE6Yg==" }, { "aa", "bb", "Basic YWE6YmI=" } };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ptv_door_key_basic(&key, digest, pairs[i].user, pairs[i].password, &err), PTV_OK);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(ptv_door_opens(&key, digest, pairs[k].header), i == k);
        assert_false(ptv_door_opens(&key, digest, NULL));
        assert_false(ptv_door_opens(&key, digest, ""));
        assert_false(ptv_door_opens(&key, digest, "Basic"));
    }
    assert_int_equal(ptv_door_key_basic(&key, digest, NULL, NULL, &err), PTV_OK);
    assert_string_equal(key.digest, "");
    assert_false(ptv_door_opens(&key, digest, "Basic Og=="));
    assert_int_equal(ptv_door_key_basic(&key, digest, "a", NULL, &err), PTV_ESETTINGS);
    ptv_door_key_bearer(&key, digest, "t");
    assert_true(ptv_door_opens(&key, digest, "Bearer t"));
    assert_false(ptv_door_opens(&key, digest, "Bearer t "));
    assert_false(ptv_door_opens(&key, digest, "Bearer"));
    ptv_door_key_bearer(&key, digest, NULL);
    assert_false(ptv_door_opens(&key, digest, "Bearer "));
}

/* ---------------------------------------------------------------------------------------------- body */

static const char *part_of(const char *type, const char *body)
{
    static char out[256];
    const char *part;
    size_t len;
    if (!ptv_multipart_first(&part, &len, type, body, strlen(body)))
        return NULL;
    snprintf(out, sizeof out, "%.*s", (int)len, part);
    return out;
}

static void it_reads_the_first_part(void **state)
{
    (void)state;
    assert_string_equal(part_of("multipart/form-data; boundary=b", "--b\r\nA: x\r\n\r\n{}\r\n--b--\r\n"), "{}");
    assert_string_equal(part_of("Multipart/Form-Data; charset=x; Boundary=\"b c\"", "--b c\r\n\r\n{}\r\n--b c\r\n"), "{}");
    assert_string_equal(part_of("multipart/form-data; boundary=b", "preamble\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--"),
                        "one");
    assert_string_equal(part_of("multipart/form-data; boundary=b", "--b\n\n{}\n--b--"), "{}");
    assert_string_equal(part_of("multipart/form-data; boundary=b", "--b\r\n\r\n\r\n--b--"), "");
    assert_string_equal(part_of("multipart/form-data; boundary=b", "--b\r\n\r\nx --b y\r\n--b--"), "x --b y");
}

static void it_refuses_a_form_that_is_none(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        { "multipart/form-data", "--\r\n\r\n{}\r\n--" },
        { "multipart/form-data; boundary=", "--b\r\n\r\n{}\r\n--b" },
        { "multipart/mixed; boundary=b", "--b\r\n\r\n{}\r\n--b" },
        { "multipart/form-data; boundary=b", "" },
        { "multipart/form-data; boundary=b", "--b" },
        { "multipart/form-data; boundary=b", "--b\r\n" },
        { "multipart/form-data; boundary=b", "--b\r\nA: x" },
        { "multipart/form-data; boundary=b", "--b\r\nA: x\r\n" },
        { "multipart/form-data; boundary=b", "--b\r\nA: x\r\n\r\n{}" },
        { "multipart/form-data; boundary=b", "--c\r\n\r\n{}\r\n--c--" },
        { "multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789x", "" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(part_of(bad[i][0], bad[i][1]));
}

static void it_reads_a_list_line_by_line(void **state)
{
    (void)state;
    static const char text[] = "\n a.example \r\n\r\n{\"value\":\"b.example\",\"type\":\"x\"}\nlast";
    const char *rest = text, *line, *type, *value;
    size_t left = strlen(text), len;
    ptv_arena mem = PTV_ARENA(65536);
    assert_true(ptv_body_line(&line, &len, &rest, &left));
    assert_int_equal(ptv_line_artifact(&type, &value, &mem, line, len, &err), PTV_OK);
    assert_string_equal(value, "a.example");
    assert_null(type);
    assert_true(ptv_body_line(&line, &len, &rest, &left));
    assert_int_equal(ptv_line_artifact(&type, &value, &mem, line, len, &err), PTV_OK);
    assert_string_equal(value, "b.example");
    assert_string_equal(type, "x");
    assert_true(ptv_body_line(&line, &len, &rest, &left));
    assert_int_equal(len, 4);
    assert_false(ptv_body_line(&line, &len, &rest, &left));
    assert_int_equal(ptv_line_artifact(&type, &value, &mem, "a\0b", 3, &err), PTV_EINVAL);
    ptv_arena_release(&mem);
}

/* -------------------------------------------------------------------------------------------- queries */

static void it_makes_an_id_of_type_and_value(void **state)
{
    (void)state;
    char a[PTV_QUERY_ID], b[PTV_QUERY_ID];
    ptv_query_id(a, digest, "net.name", "evil.example");
    ptv_query_id(b, digest, "net.name", "evil.example");
    assert_string_equal(a, b);
    assert_true(ptv_is_query_id(a));
    assert_int_equal(a[14], '8');
    assert_int_equal(a[19], 'a');
    ptv_query_id(b, digest, "net.nam", "eevil.example");
    assert_string_not_equal(a, b);
    ptv_query_id(b, digest, NULL, NULL);
    assert_true(ptv_is_query_id(b));
    assert_false(ptv_is_query_id(""));
    assert_false(ptv_is_query_id("00000000-0000-8000-a000-00000000000"));
    assert_false(ptv_is_query_id("00000000-0000-8000-a000-0000000000000"));
    assert_false(ptv_is_query_id("00000000-0000-8000-A000-000000000000"));
    assert_string_equal(ptv_query_type("NET.IP"), "net.ip");
    assert_null(ptv_query_type("net.mac"));
    assert_null(ptv_query_type(NULL));
}

static ptv_query *add(ptv_queries *q, const char *value, int64_t now)
{
    char id[PTV_QUERY_ID];
    ptv_query *query = NULL;
    ptv_query_id(id, digest, "net.name", value);
    return ptv_queries_add(&query, q, id, "net.name", value, now, &err) ? NULL : query;
}

static ptv_query *find(ptv_queries *q, const char *value, int64_t now)
{
    char id[PTV_QUERY_ID];
    ptv_query_id(id, digest, "net.name", value);
    return ptv_queries_find(q, id, now);
}

static void it_keeps_results_for_their_time(void **state)
{
    (void)state;
    ptv_queries q;
    assert_int_equal(ptv_queries_init(&q, 10, 600000, &err), PTV_OK);
    ptv_query *query = add(&q, "a", 0);
    assert_true(ptv_query_is_due(query, 0));
    ptv_query_begin(query, NULL, 0);
    ptv_queries_expire(&q, 1000000); /* work is never thrown away */
    assert_ptr_equal(find(&q, "a", 1000000), query);
    ptv_query_finish(&q, query, ptv_strdup("[1]"), 1000000);
    assert_ptr_equal(find(&q, "a", 1599999), query);
    assert_string_equal(query->hits, "[1]");
    query->watchers++;
    assert_non_null(find(&q, "a", 1600000)); /* somebody still reads it */
    query->watchers--;
    assert_null(find(&q, "a", 1600000));
    assert_int_equal(q.count, 0);
    ptv_queries_release(&q);
}

static void it_keeps_what_is_asked_later_until_it_was(void **state)
{
    (void)state;
    ptv_queries q;
    assert_int_equal(ptv_queries_init(&q, 10, 600000, &err), PTV_OK);
    ptv_query *query = add(&q, "a", 0);
    ptv_query_begin(query, NULL, 0);
    ptv_query_later(&q, query, 7200, 0);
    assert_false(ptv_query_is_due(query, 7199999));
    assert_int_equal(ptv_query_retry_s(query, true, 1), 7200);
    assert_int_equal(ptv_query_retry_s(query, true, 7199001), 1);
    assert_ptr_equal(find(&q, "a", 7799999), query);
    assert_true(ptv_query_is_due(query, 7200000));
    assert_null(find(&q, "a", 7800000));
    query = add(&q, "b", 0);
    ptv_query_later(&q, query, -1, 0);
    assert_int_equal(ptv_query_retry_s(query, false, 0), 60);
    ptv_query_later(&q, query, 0, 0);
    assert_int_equal(ptv_query_retry_s(query, false, 0), 1);
    ptv_query_later(&q, query, INT64_MAX, 0);
    assert_int_equal(ptv_query_retry_s(query, false, 0), 86400);
    ptv_queries_release(&q);
}

static void it_lets_the_oldest_result_go_first(void **state)
{
    (void)state;
    ptv_queries q;
    assert_int_equal(ptv_queries_init(&q, 3, 600000, &err), PTV_OK);
    ptv_query *a = add(&q, "a", 0), *b = add(&q, "b", 1), *c = add(&q, "c", 2);
    ptv_query_begin(a, NULL, 0);
    ptv_query_finish(&q, c, NULL, 3);
    ptv_query_finish(&q, b, NULL, 4);
    assert_non_null(add(&q, "d", 5)); /* a works, c was finished first */
    assert_null(find(&q, "c", 5));
    assert_ptr_equal(find(&q, "b", 5), b);
    assert_ptr_equal(find(&q, "a", 5), a);
    b->watchers++;
    assert_null(add(&q, "e", 6));
    assert_int_equal(err.code, PTV_EFULL);
    b->watchers--;
    assert_non_null(add(&q, "e", 6));
    assert_int_equal(q.count, 3);
    ptv_queries_release(&q);
}

static void it_forgets_results_of_old_rules(void **state)
{
    (void)state;
    ptv_queries q;
    assert_int_equal(ptv_queries_init(&q, 10, 600000, &err), PTV_OK);
    ptv_query *a = add(&q, "a", 0), *b = add(&q, "b", 0), *c = add(&q, "c", 0);
    ptv_query_finish(&q, a, NULL, 0);
    ptv_query_begin(b, NULL, 0);
    ptv_query_later(&q, c, 60, 0);
    ptv_queries_outdate(&q, 10);
    assert_null(find(&q, "a", 10));
    assert_null(find(&q, "c", 10));
    assert_ptr_equal(find(&q, "b", 10), b);
    ptv_query_finish(&q, b, NULL, 20);
    assert_null(find(&q, "b", 20));
    ptv_queries_release(&q);
}

static void it_holds_many(void **state)
{
    (void)state;
    ptv_queries q;
    char value[32];
    assert_int_equal(ptv_queries_init(&q, 1000, 600000, &err), PTV_OK);
    for (int i = 0; i < 5000; i++) {
        snprintf(value, sizeof value, "n%d", i);
        ptv_query *query = add(&q, value, i);
        assert_non_null(query);
        ptv_query_finish(&q, query, NULL, i);
    }
    assert_int_equal(q.count, 1000);
    assert_null(find(&q, "n3999", 5000));
    assert_non_null(find(&q, "n4000", 5000));
    ptv_queries_release(&q);
}

static void it_says_when_memory_has_ended(void **state)
{
    (void)state;
    ptv_queries q;
    assert_int_equal(ptv_queries_init(&q, 10, 600000, &err), PTV_OK);
    for (unsigned long nth = 1; nth <= 2; nth++) {
        size_t live = ptv_mem_live();
        ptv_mem_fail_at(nth);
        assert_null(add(&q, "a", 0));
        ptv_mem_fail_at(0);
        assert_int_equal(err.code, PTV_ENOMEM);
        assert_int_equal(ptv_mem_live(), live);
    }
    assert_int_equal(q.count, 0);
    ptv_queries_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_the_door),
        cmocka_unit_test(it_wants_one_end_of_a_message),
        cmocka_unit_test(it_knows_this_machine),
        cmocka_unit_test(it_opens_a_door_to_its_key_alone),
        cmocka_unit_test(it_reads_the_first_part),
        cmocka_unit_test(it_refuses_a_form_that_is_none),
        cmocka_unit_test(it_reads_a_list_line_by_line),
        cmocka_unit_test(it_makes_an_id_of_type_and_value),
        cmocka_unit_test(it_keeps_results_for_their_time),
        cmocka_unit_test(it_keeps_what_is_asked_later_until_it_was),
        cmocka_unit_test(it_lets_the_oldest_result_go_first),
        cmocka_unit_test(it_forgets_results_of_old_rules),
        cmocka_unit_test(it_holds_many),
        cmocka_unit_test(it_says_when_memory_has_ended),
    };
    return cmocka_run_group_tests_name("httpd_wire", tests, open_digest, close_digest);
}
