/*
 * test_ini.c: the reader of app.config reads every file of tests/fixtures/config as Python's configparser does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/ini.h"
#include <stdio.h>
#include <string.h>

#define FOLDER "tests/fixtures/config"

static ptv_arena mem;

static int setup(void **state)
{
    (void)state;
    mem = (ptv_arena)PTV_ARENA(256 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_arena_release(&mem);
    return 0;
}

static char *read_whole(const char *path, size_t *len)
{
    ptv_error err;
    ptv_buf text = PTV_BUF(1 << 20);
    assert_int_equal(ptv_file_read(&text, path, &err), PTV_OK);
    char *kept = ptv_arena_strndup(&mem, text.len ? text.data : "", text.len);
    *len = text.len;
    ptv_buf_release(&text);
    return kept;
}

static ptv_code read_text(ptv_ini *ini, const char *text, ptv_error *err)
{
    return ptv_ini_read(ini, &mem, text, strlen(text), "app.config", err);
}

static void compare_section(const char *file, const ptv_ini *ini, const ptv_json *section)
{
    const char *name = ptv_json_key(section);
    bool defaults = strcmp(name, "DEFAULT") == 0;
    if (!defaults && !ptv_ini_has_section(ini, name))
        fail_msg("%s: section [%s] is missing", file, name);
    for (const ptv_json *v = ptv_json_first(section); v; v = ptv_json_next(v)) {
        const ptv_ini_entry *e = NULL;
        if (defaults) {
            for (size_t i = 0; i < ini->count; i++)
                if (!strcmp(ini->entries[i].section, name) && !strcmp(ini->entries[i].key, ptv_json_key(v)))
                    e = &ini->entries[i];
        } else {
            e = ptv_ini_find(ini, name, ptv_json_key(v));
        }
        if (!e)
            fail_msg("%s: [%s] %s is missing", file, name, ptv_json_key(v));
        assert_string_equal(e->value, ptv_json_text(v));
    }
    for (size_t i = 0; i < ini->count; i++) {
        const ptv_ini_entry *e = &ini->entries[i];
        if (!strcmp(e->section, name) && !ptv_json_find(section, e->key))
            fail_msg("%s: [%s] %s is one too many", file, name, e->key);
    }
}

static void compare_file(const char *file)
{
    char path[512];
    size_t len;
    ptv_error err = { 0 };
    const ptv_json *json;
    snprintf(path, sizeof path, FOLDER "/%.*s.json", (int)(strlen(file) - strlen(".config")), file);
    char *expected = read_whole(path, &len);
    assert_int_equal(ptv_json_parse(&json, &mem, expected, len, &err), PTV_OK);
    snprintf(path, sizeof path, FOLDER "/%s", file);
    char *text = read_whole(path, &len);
    ptv_ini ini;
    ptv_code rc = ptv_ini_read(&ini, &mem, text, len, file, &err);
    double line;
    if (ptv_json_number(&line, ptv_json_find(json, "error_line"))) {
        char place[600];
        snprintf(place, sizeof place, "%s:%d: ", file, (int)line);
        assert_int_equal(rc, PTV_ESETTINGS);
        if (!ptv_text_starts(err.msg, place))
            fail_msg("expected %s, got %s", place, err.msg);
        return;
    }
    if (rc)
        fail_msg("%s", err.msg);
    assert_int_equal(ini.section_count, ptv_json_size(ptv_json_find(json, "sections")));
    for (const ptv_json *s = ptv_json_first(ptv_json_find(json, "read")); s; s = ptv_json_next(s))
        compare_section(file, &ini, s);
}

static void reads_every_file_as_configparser_does(void **state)
{
    (void)state;
    ptv_error err;
    const char **names;
    size_t count, seen = 0;
    assert_int_equal(ptv_dir_list(&names, &count, &mem, FOLDER, &err), PTV_OK);
    for (size_t i = 0; i < count; i++) {
        if (!ptv_text_ends(names[i], ".config"))
            continue;
        compare_file(names[i]);
        seen++;
    }
    assert_true(seen >= 30);
}

/* A text of `len` bytes with blanks before semicolons everywhere, which inih alone would cut. */
static char *long_text(size_t len)
{
    char *text = ptv_arena_alloc(&mem, len + 1);
    static const char pattern[] = "x ; # = : [y] \"z\" ";
    for (size_t i = 0; i < len; i++)
        text[i] = pattern[i % (sizeof pattern - 1)];
    text[0] = text[len - 1] = '|';
    text[len] = '\0';
    return text;
}

static void cuts_no_value_however_long(void **state)
{
    (void)state;
    ptv_error err;
    ptv_ini ini;
    for (size_t len = 1; len < 700; len++) {
        char *value = long_text(len);
        assert_int_equal(read_text(&ini, ptv_arena_printf(&mem, "[a]\nk = %s\n", value), &err), PTV_OK);
        assert_string_equal(ptv_ini_find(&ini, "a", "k")->value, value);
    }
    char *value = long_text(1 << 20);
    assert_int_equal(read_text(&ini, ptv_arena_printf(&mem, "[a]\nk = %s\nl = %s\n", value, value), &err), PTV_OK);
    assert_string_equal(ptv_ini_find(&ini, "a", "k")->value, value);
    assert_string_equal(ptv_ini_find(&ini, "a", "l")->value, value);
}

static void refuses_a_nul_byte_with_its_line(void **state)
{
    (void)state;
    ptv_error err;
    ptv_ini ini;
    static const char text[] = "[a]\nk = 1\nl = x\0y\n";
    assert_int_equal(ptv_ini_read(&ini, &mem, text, sizeof text - 1, "app.config", &err), PTV_ESETTINGS);
    assert_string_equal(err.msg, "app.config:3: holds a NUL byte");
}

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "[a]\nk=1\nk=2\n", "app.config:3: 'k' is set twice in [a], first on line 2" },
        { "[a]\n[b]\n[a]\n", "app.config:3: a second section [a], the first is on line 1" },
        { "k = 1\n", "app.config:1: text before the first [section]" },
        { "[a]\nk\n",
          "app.config:2: neither a [section], nor key = value, nor a continuation (which is indented deeper than "
          "its key)" },
        { "[a]\n= 1\n", "app.config:2: no key before the '='" },
        { "[a]\nk = \xff\n", "app.config:2: not UTF-8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ptv_error err;
        ptv_ini ini;
        assert_int_equal(read_text(&ini, cases[i].text, &err), PTV_ESETTINGS);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static void refuses_a_file_over_the_ceiling(void **state)
{
    (void)state;
    ptv_error err;
    ptv_ini ini;
    assert_int_equal(ptv_ini_read(&ini, &mem, "", PTV_INI_LIMIT + 1, "app.config", &err), PTV_ETOOBIG);
}

static void takes_many_sections_and_keys_in_good_time(void **state)
{
    (void)state;
    ptv_error err;
    ptv_ini ini;
    ptv_buf text = PTV_BUF(4 << 20);
    for (int i = 0; i < 20000; i++)
        ptv_buf_printf(&text, "[s%d]\nk%d = %d\n", i, i, i);
    assert_int_equal(ptv_ini_read(&ini, &mem, text.data, text.len, "app.config", &err), PTV_OK);
    ptv_buf_release(&text);
    assert_string_equal(ptv_ini_find(&ini, "s19999", "k19999")->value, "19999");
    assert_null(ptv_ini_find(&ini, "s19999", "k1"));
}

static void gives_no_memory_back_as_an_error_without_leak(void **state)
{
    (void)state;
    size_t before = ptv_mem_live();
    for (unsigned long nth = 1;; nth++) {
        ptv_error err;
        ptv_ini ini;
        ptv_arena own = PTV_ARENA(1 << 20);
        static const char text[] = "[a]\nk = 1\n  2\n[b]\nl = 3\n";
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_ini_read(&ini, &own, text, sizeof text - 1, "app.config", &err);
        ptv_mem_fail_at(0);
        ptv_arena_release(&own);
        assert_int_equal(ptv_mem_live(), before);
        if (!rc)
            break;
        assert_int_equal(rc, PTV_ENOMEM);
        assert_true(nth < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_every_file_as_configparser_does, setup, teardown),
        cmocka_unit_test_setup_teardown(cuts_no_value_however_long, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_nul_byte_with_its_line, setup, teardown),
        cmocka_unit_test_setup_teardown(says_what_is_wrong_and_where, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_file_over_the_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_many_sections_and_keys_in_good_time, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_no_memory_back_as_an_error_without_leak, setup, teardown),
    };
    return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
