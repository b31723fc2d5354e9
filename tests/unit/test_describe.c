/*
 * test_describe.c: the words of rules, written for people, programs, editors and linters: whole, and safe when memory ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "ptverdict.h"

#include <string.h>

static int collect(void *to, const char *bytes, size_t len)
{
    ptv_buf_append(to, bytes, len);
    return ((ptv_buf *)to)->failed != PTV_OK;
}

static int refuse(void *to, const char *bytes, size_t len)
{
    (void)to;
    (void)bytes;
    (void)len;
    return 1;
}

static int setup(void **state)
{
    static ptv_buf text;
    text = (ptv_buf)PTV_BUF(4 << 20);
    *state = &text;
    return 0;
}

static int teardown(void **state)
{
    ptv_mem_fail_at(0);
    ptv_buf_release(*state);
    return 0;
}

enum { FIELDS_TEXT = 10, FIELDS_JSON, ALL };

static ptv_code write_one(int which, ptv_write_fn *write, void *to, ptv_error *err)
{
    if (which >= FIELDS_TEXT)
        return ptv_fields_write(which == FIELDS_JSON ? PTV_FORMAT_JSON : PTV_FORMAT_TEXT, write, to, err);
    return ptv_editor_write((ptv_editor_file)which, write, to, err);
}

static void annotates_fields_and_groups(void **state)
{
    ptv_buf *text = *state;
    ptv_error err = { 0 };
    assert_int_equal(ptv_editor_write(PTV_EDITOR_WORDS, collect, text, &err), PTV_OK);
    assert_ptr_equal(strstr(text->data, "---@meta _\n"), text->data);
    assert_non_null(strstr(text->data, "\n---@type ptverdict.set\ntags = nil\n"));
    assert_non_null(strstr(text->data, "\n---@type ptverdict.group.passive_dns\npassive_dns = nil\n"));
    assert_non_null(strstr(text->data, "\n---@field last_seen ptverdict.time "));
}

static void tells_the_language_server_where_the_words_are(void **state)
{
    ptv_buf *text = *state;
    ptv_error err = { 0 };
    assert_int_equal(ptv_editor_write(PTV_EDITOR_SETTINGS, collect, text, &err), PTV_OK);
    assert_non_null(strstr(text->data, "\"workspace.library\": [\"" PTV_EDITOR_FOLDER "\"]"));
}

static void gives_luacheck_the_tests_of_a_field(void **state)
{
    ptv_buf *text = *state;
    ptv_error err = { 0 };
    assert_int_equal(ptv_editor_write(PTV_EDITOR_LUACHECK, collect, text, &err), PTV_OK);
    assert_non_null(strstr(text->data, "      truncated = { fields = { \"is\", \"is_missing\", \"is_present\" } },\n"));
}

static void survives_each_allocation_failing(void **state)
{
    (void)state;
    for (int which = 0; which < ALL; which += which == PTV_EDITOR_LUACHECK ? FIELDS_TEXT - which : 1) {
        ptv_code rc = PTV_ENOMEM;
        for (unsigned long nth = 1; rc == PTV_ENOMEM && nth < 1000; nth++) {
            ptv_error err = { 0 };
            size_t live = ptv_mem_live();
            ptv_mem_fail_at(nth);
            rc = write_one(which, refuse, NULL, &err);
            ptv_mem_fail_at(0);
            assert_int_equal(ptv_mem_live(), live);
            assert_true(rc == PTV_ENOMEM || rc == PTV_EIO);
        }
        assert_int_equal(rc, PTV_EIO); /* enough memory, and a writer that refuses */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(annotates_fields_and_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_the_language_server_where_the_words_are, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_luacheck_the_tests_of_a_field, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_each_allocation_failing, setup, teardown),
    };
    return cmocka_run_group_tests_name("describe", tests, NULL, NULL);
}
