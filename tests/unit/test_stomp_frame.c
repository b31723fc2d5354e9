/*
 * test_stomp_frame.c: frames read however they are cut, and written so that they read back the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "stomp/frame.h"
#include <stdio.h>
#include <string.h>

enum { HEADERS = 1024, BODY = 4096 };

/* All frames as one text: "COMMAND name=value ... [body]\n", so that two readings compare with strcmp. */
static ptv_code read_all(ptv_buf *text, const char *bytes, size_t len, size_t step, ptv_error *err)
{
    ptv_frame_reader *r = ptv_frame_reader_new(HEADERS, BODY);
    assert_non_null(r);
    ptv_code rc = PTV_OK;
    for (size_t at = 0; !rc && at < len;) {
        const ptv_frame *f;
        size_t used, part = len - at < step ? len - at : step;
        rc = ptv_frame_feed(r, bytes + at, part, &used, &f, err);
        at += used;
        if (rc || !f) {
            assert_true(rc || used == part);
            continue;
        }
        ptv_buf_puts(text, f->command);
        for (size_t i = 0; i < f->header_count; i++)
            ptv_buf_printf(text, " %s=%s", f->headers[i].name, f->headers[i].value);
        ptv_buf_puts(text, " [");
        ptv_buf_append(text, f->body, f->body_len);
        ptv_buf_puts(text, "]\n");
        assert_int_equal(f->body[f->body_len], '\0');
    }
    ptv_frame_reader_free(r);
    return rc;
}

static void assert_reads_len(const char *bytes, size_t len, const char *expected, size_t expected_len)
{
    size_t live = ptv_mem_live();
    for (size_t step = 1; step <= len; step++) {
        ptv_buf text = PTV_BUF(1 << 20);
        ptv_error err = { 0 };
        assert_int_equal(read_all(&text, bytes, len, step, &err), PTV_OK);
        assert_int_equal(text.len, expected_len);
        assert_memory_equal(text.data ? text.data : "", expected, expected_len);
        ptv_buf_release(&text);
    }
    assert_int_equal(ptv_mem_live(), live);
}
#define assert_reads(bytes, expected) assert_reads_len(bytes, sizeof(bytes) - 1, expected, sizeof(expected) - 1)

/* Refused with this code and these words, however it is cut. */
static void assert_refused_len(const char *bytes, size_t len, ptv_code code, const char *words)
{
    for (size_t step = 1; step <= len; step++) {
        ptv_buf text = PTV_BUF(1 << 20);
        ptv_error err = { 0 };
        assert_int_equal(read_all(&text, bytes, len, step, &err), code);
        assert_non_null(strstr(err.msg, words));
        ptv_buf_release(&text);
    }
}
#define assert_refused(bytes, code, words) assert_refused_len(bytes, sizeof(bytes) - 1, code, words)

static void it_reads_a_frame_cut_at_any_byte(void **state)
{
    (void)state;
    assert_reads("CONNECTED\nversion:1.2\nserver:ActiveMQ/5.17.2\n\n\0",
                 "CONNECTED version=1.2 server=ActiveMQ/5.17.2 []\n");
    assert_reads("MESSAGE\ndestination:/queue/a\n\n{\"a\": 1}\0\nRECEIPT\nreceipt-id:7\n\n\0",
                 "MESSAGE destination=/queue/a [{\"a\": 1}]\nRECEIPT receipt-id=7 []\n");
}

static void it_takes_both_line_endings_and_eats_heart_beats(void **state)
{
    (void)state;
    assert_reads("\n\r\n\nMESSAGE\r\na:b\r\n\r\nx\r\n\0\r\n\n\nERROR\n\n\0\n", "MESSAGE a=b [x\r\n]\nERROR []\n");
    assert_reads("\n\n\n", "");
}

static void it_reads_a_counted_body_with_nuls(void **state)
{
    (void)state;
    assert_reads("MESSAGE\ncontent-length:5\n\na\0b\n\0\0", "MESSAGE content-length=5 [a\0b\n\0]\n");
    assert_reads("MESSAGE\ncontent-length:0\n\n\0\nMESSAGE\ncontent-length:1\n\n\0\0",
                 "MESSAGE content-length=0 []\nMESSAGE content-length=1 [\0]\n");
}

static void it_unescapes_headers_but_those_of_connected(void **state)
{
    (void)state;
    assert_reads("MESSAGE\ncorrelation-id:invid\\c80\na\\cb:\\\\\\n\\r\n\n\0",
                 "MESSAGE correlation-id=invid:80 a:b=\\\n\r []\n");
    assert_reads("CONNECTED\nsession:ID\\c:7\n\n\0", "CONNECTED session=ID\\c:7 []\n");
    assert_reads("MESSAGE\nmessage-id:ID:a:1\nempty:\nblank: x \n\n\0", "MESSAGE message-id=ID:a:1 empty= blank= x  []\n");
}

static void the_first_of_repeated_headers_counts(void **state)
{
    (void)state;
    ptv_frame_reader *r = ptv_frame_reader_new(HEADERS, BODY);
    const ptv_frame *f;
    ptv_error err = { 0 };
    size_t used;
    static const char bytes[] = "MESSAGE\na:1\na:2\ncontent-length:1\ncontent-length:3\n\nx";
    assert_int_equal(ptv_frame_feed(r, bytes, sizeof bytes, &used, &f, &err), PTV_OK);
    assert_non_null(f);
    assert_string_equal(ptv_frame_get(f, "a"), "1");
    assert_int_equal(f->header_count, 4);
    assert_int_equal(f->body_len, 1);
    assert_null(ptv_frame_get(f, "A"));
    ptv_frame_reader_free(r);
}

static void it_refuses_what_is_not_stomp(void **state)
{
    (void)state;
    assert_refused("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", PTV_ESHAPE, "no command");
    assert_refused("\x15\x03\x01", PTV_ESHAPE, "no command");
    assert_refused("message\na:b\n\n", PTV_ESHAPE, "no command");
    assert_refused("MESSAGE\nnocolon\n\n", PTV_ESHAPE, "header without a name");
    assert_refused("MESSAGE\n:value\n\n", PTV_ESHAPE, "header without a name");
    assert_refused("MESSAGE\na:\\t\n\n", PTV_ESHAPE, "unknown escape");
    assert_refused("MESSAGE\na:b\\\n\n", PTV_ESHAPE, "unknown escape");
    assert_refused("MESSAGE\na:b\0c\n\n", PTV_ESHAPE, "NUL");
    assert_refused("MESSAGE\ncontent-length:2\n\nabc\0", PTV_ESHAPE, "longer than its content-length");
    assert_refused("MESSAGE\ncontent-length:-1\n\n", PTV_ESHAPE, "content-length");
    assert_refused("MESSAGE\ncontent-length:1x\n\n", PTV_ESHAPE, "content-length");
    assert_refused("MESSAGE\ncontent-length:\n\n", PTV_ESHAPE, "content-length");
    assert_refused("MESSAGE\ncontent-length:99999999999999999999\n\n", PTV_ESHAPE, "content-length");
}

static void it_says_at_which_byte(void **state)
{
    (void)state;
    ptv_buf text = PTV_BUF(1024);
    ptv_error err = { 0 };
    assert_int_equal(read_all(&text, "\nMESSAGE\nx\n\n", 12, 5, &err), PTV_ESHAPE);
    assert_int_equal(err.detail, 12);
    assert_string_equal(err.msg, "not STOMP 1.2: a header without a name before byte 12");
    ptv_buf_release(&text);
}

static void it_has_ceilings(void **state)
{
    (void)state;
    char big[2 * BODY];
    memset(big, 'x', sizeof big);
    memcpy(big, "MESSAGE\na:", 10);
    assert_refused_len(big, HEADERS + 1, PTV_ETOOBIG, "headers of a message are over 1024 bytes");
    memcpy(big, "MESSAGE\n\n", 9);
    assert_refused_len(big, 9 + BODY + 1, PTV_ETOOBIG, "a message of more than 4096 bytes");
    assert_refused("MESSAGE\ncontent-length:4097\n\n", PTV_ETOOBIG, "a message of 4097 bytes, over the limit of 4096");
}

static void it_stays_dead_after_an_error(void **state)
{
    (void)state;
    ptv_frame_reader *r = ptv_frame_reader_new(HEADERS, BODY);
    const ptv_frame *f;
    ptv_error err = { 0 };
    size_t used;
    assert_int_equal(ptv_frame_feed(r, "x", 1, &used, &f, &err), PTV_ESHAPE);
    assert_int_equal(ptv_frame_feed(r, "ERROR\n\n", 8, &used, &f, &err), PTV_ESHAPE);
    assert_null(f);
    assert_int_equal(used, 0);
    ptv_frame_reader_free(r);
}

static void it_writes_what_it_reads(void **state)
{
    (void)state;
    ptv_buf out = PTV_BUF(4096);
    static const ptv_frame_header headers[] = { { "correlation-id", "invid:80" }, { "a\nb", "\\c\r" }, { "e", "" } };
    ptv_frame_write(&out, "SEND", headers, 3, "x\0y", 3);
    static const char expected[] = "SEND\ncontent-length:3\ncorrelation-id:invid\\c80\na\\nb:\\\\c\\r\ne:\n\nx\0y";
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    static const char read[] = "SEND content-length=3 correlation-id=invid:80 a\nb=\\c\r e= [x\0y]\n";
    assert_reads_len(out.data, out.len, read, sizeof read - 1);
    ptv_buf_release(&out);
}

static void it_writes_no_content_length_without_a_body(void **state)
{
    (void)state;
    ptv_buf out = PTV_BUF(4096);
    static const ptv_frame_header id = { "id", "ID:1" };
    ptv_frame_write(&out, "ACK", &id, 1, NULL, 0);
    ptv_frame_write(&out, "CONNECT", &id, 1, NULL, 0);
    ptv_frame_write(&out, "SEND", NULL, 0, "", 0);
    static const char expected[] = "ACK\nid:ID\\c1\n\n\0CONNECT\nid:ID:1\n\n\0SEND\ncontent-length:0\n\n";
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    ptv_buf_release(&out);
}

static void a_large_body_is_held_once_and_given_back(void **state)
{
    (void)state;
    enum { LARGE = 20 << 20, STEP = 16 << 10 };
    ptv_frame_reader *r = ptv_frame_reader_new(HEADERS, LARGE);
    const ptv_frame *f = NULL;
    ptv_error err = { 0 };
    size_t used, live = ptv_mem_live();
    unsigned long asked = ptv_mem_count();
    char head[64], part[STEP];
    memset(part, 'x', sizeof part);
    int len = snprintf(head, sizeof head, "MESSAGE\ncontent-length:%d\n\n", LARGE);
    assert_int_equal(ptv_frame_feed(r, head, (size_t)len, &used, &f, &err), PTV_OK);
    for (int i = 0; i < LARGE / STEP; i++)
        assert_int_equal(ptv_frame_feed(r, part, STEP, &used, &f, &err), PTV_OK);
    assert_int_equal(ptv_frame_feed(r, "", 1, &used, &f, &err), PTV_OK);
    assert_non_null(f);
    assert_int_equal(f->body_len, LARGE);
    assert_true(ptv_mem_count() - asked < 40); /* doubled, not grown step by step */
    assert_int_equal(ptv_frame_feed(r, "", 0, &used, &f, &err), PTV_OK);
    assert_null(f);
    assert_true(ptv_mem_live() <= live + 2); /* head and header table stay */
    ptv_frame_reader_free(r);
}

static void no_allocation_that_fails_leaks_or_lies(void **state)
{
    (void)state;
    static const char bytes[] = "MESSAGE\na:1\ncontent-length:3\n\nabc";
    size_t live = ptv_mem_live();
    for (unsigned long nth = 1;; nth++) {
        const ptv_frame *f = NULL;
        ptv_error err = { 0 };
        size_t used;
        ptv_mem_fail_at(nth);
        ptv_frame_reader *r = ptv_frame_reader_new(HEADERS, BODY);
        ptv_code rc = r ? ptv_frame_feed(r, bytes, sizeof bytes, &used, &f, &err) : PTV_ENOMEM;
        ptv_mem_fail_at(0);
        bool is_whole = f != NULL;
        ptv_frame_reader_free(r);
        assert_int_equal(ptv_mem_live(), live);
        if (is_whole)
            return;
        assert_int_equal(rc, PTV_ENOMEM);
        assert_true(nth < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_a_frame_cut_at_any_byte),
        cmocka_unit_test(it_takes_both_line_endings_and_eats_heart_beats),
        cmocka_unit_test(it_reads_a_counted_body_with_nuls),
        cmocka_unit_test(it_unescapes_headers_but_those_of_connected),
        cmocka_unit_test(the_first_of_repeated_headers_counts),
        cmocka_unit_test(it_refuses_what_is_not_stomp),
        cmocka_unit_test(it_says_at_which_byte),
        cmocka_unit_test(it_has_ceilings),
        cmocka_unit_test(it_stays_dead_after_an_error),
        cmocka_unit_test(it_writes_what_it_reads),
        cmocka_unit_test(it_writes_no_content_length_without_a_body),
        cmocka_unit_test(a_large_body_is_held_once_and_given_back),
        cmocka_unit_test(no_allocation_that_fails_leaks_or_lies),
    };
    return cmocka_run_group_tests_name("stomp frames", tests, NULL, NULL);
}
