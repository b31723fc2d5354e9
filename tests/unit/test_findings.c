/* test_findings.c: the list of what rule files have to say.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/findings.h"
#include "base/mem.h"
#include <string.h>

static ptv_findings *findings;

static int setup(void **state)
{
    (void)state;
    ptv_error e;
    return ptv_findings_new(&findings, &e);
}

static int teardown(void **state)
{
    (void)state;
    ptv_findings_free(findings);
    return 0;
}

static void keeps_copies(void **state)
{
    (void)state;
    char file[] = "a.lua", code[] = "E-NAME";
    ptv_finding_add(findings, PTV_ERROR, file, 3, code, "no such field '%s'", "tag");
    memset(file, 'x', 3);
    memset(code, 'x', 3);
    const ptv_finding *f = ptv_findings_at(findings, 0);
    assert_int_equal(f->grade, PTV_ERROR);
    assert_string_equal(f->file, "a.lua");
    assert_int_equal(f->line, 3);
    assert_string_equal(f->code, "E-NAME");
    assert_string_equal(f->message, "no such field 'tag'");
    assert_null(ptv_findings_at(findings, 1));
}

static void counts_by_grade(void **state)
{
    (void)state;
    assert_int_equal(ptv_findings_count(findings, PTV_NOTE), 0);
    ptv_finding_add(findings, PTV_NOTE, "a", 1, "N", "n");
    ptv_finding_add(findings, PTV_WARNING, "a", 1, "W", "w");
    ptv_finding_add(findings, PTV_WARNING, "a", 1, "W", "w");
    ptv_finding_add(findings, PTV_ERROR, "a", 1, "E", "e");
    assert_int_equal(ptv_findings_count(findings, PTV_NOTE), 4);
    assert_int_equal(ptv_findings_count(findings, PTV_WARNING), 3);
    assert_int_equal(ptv_findings_count(findings, PTV_ERROR), 1);
}

static void sorts_by_file_and_line_and_keeps_the_order_otherwise(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        char file[2] = { (char)('c' - i % 3), '\0' };
        ptv_finding_add(findings, PTV_NOTE, file, 10 - i % 10, "N", "%03d", i);
    }
    ptv_findings_sort(findings);
    ptv_finding_add(findings, PTV_NOTE, "b", 5, "N", "last");
    ptv_findings_sort(findings);
    const ptv_finding *before = ptv_findings_at(findings, 0), *f;
    for (size_t i = 1; (f = ptv_findings_at(findings, i)); i++, before = f) {
        int order = strcmp(before->file, f->file);
        assert_true(order < 0 || (!order && before->line <= f->line));
        if (!order && before->line == f->line)
            assert_true(strcmp(before->message, f->message) < 0);
    }
    assert_int_equal(ptv_findings_count(findings, PTV_NOTE), 301);
}

static void is_happy_without_a_list(void **state)
{
    (void)state;
    ptv_finding_add(NULL, PTV_ERROR, "a", 1, "E", "e");
    ptv_findings_sort(NULL);
    assert_int_equal(ptv_findings_count(NULL, PTV_NOTE), 0);
    ptv_findings_free(NULL);
}

static void never_loses_that_there_was_an_error(void **state)
{
    (void)state;
    for (unsigned long nth = 1; nth < 6; nth++) {
        ptv_findings *f;
        ptv_error e;
        assert_int_equal(ptv_findings_new(&f, &e), PTV_OK);
        ptv_mem_fail_at(nth);
        ptv_finding_add(f, PTV_ERROR, "a.lua", 1, "E-NAME", "%s", "message");
        ptv_finding_add(f, PTV_NOTE, "a.lua", 2, "N", "%s", "message");
        ptv_mem_fail_at(0);
        ptv_findings_sort(f);
        assert_int_equal(ptv_findings_count(f, PTV_ERROR), 1);
        ptv_findings_free(f);
    }
    ptv_findings *f = NULL;
    ptv_error e = { 0 };
    ptv_mem_fail_at(1);
    assert_int_equal(ptv_findings_new(&f, &e), PTV_ENOMEM);
    assert_null(f);
}

static void says_that_some_were_left_out(void **state)
{
    (void)state;
    static char message[1 << 20];
    memset(message, 'm', sizeof message - 1);
    for (int i = 0; i < 20; i++)
        ptv_finding_add(findings, i == 18 ? PTV_ERROR : PTV_WARNING, "a", i, "W", "%s", message);
    size_t count = ptv_findings_count(findings, PTV_NOTE);
    assert_true(count < 20);
    const ptv_finding *last = ptv_findings_at(findings, count - 1);
    assert_string_equal(last->code, "E-TOO-MANY");
    assert_int_equal(last->grade, PTV_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_by_grade, setup, teardown),
        cmocka_unit_test_setup_teardown(sorts_by_file_and_line_and_keeps_the_order_otherwise, setup, teardown),
        cmocka_unit_test(is_happy_without_a_list),
        cmocka_unit_test(never_loses_that_there_was_an_error),
        cmocka_unit_test_setup_teardown(says_that_some_were_left_out, setup, teardown),
    };
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
