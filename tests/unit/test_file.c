/* test_file.c: whole files, folders and safe replacement.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static ptv_arena mem;
static ptv_error err;
static size_t live_before;

static const char *in_root(const char *name)
{
    return ptv_path_join(&mem, root, name);
}

static int setup(void **state)
{
    (void)state;
    live_before = ptv_mem_live();
    mem = (ptv_arena)PTV_ARENA(1 << 20);
    err = (ptv_error){ 0 };
    snprintf(root, sizeof root, "/tmp/test_file.XXXXXX");
    return mkdtemp(root) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    const char **names = NULL;
    size_t count = 0;
    ptv_mem_fail_at(0);
    if (ptv_dir_list(&names, &count, &mem, root, &err))
        return 1;
    for (size_t i = 0; i < count; i++) {
        if (ptv_is_dir(in_root(names[i])))
            rmdir(in_root(names[i]));
        else
            unlink(in_root(names[i]));
    }
    int rc = rmdir(root);
    ptv_arena_release(&mem);
    return rc || ptv_mem_live() != live_before;
}

static void put(const char *name, const char *bytes, size_t len)
{
    assert_int_equal(ptv_file_replace(in_root(name), bytes, len, &err), PTV_OK);
}

static void assert_holds(const char *name, const char *bytes, size_t len)
{
    ptv_buf b = PTV_BUF(1 << 20);
    assert_int_equal(ptv_file_read(&b, in_root(name), &err), PTV_OK);
    assert_int_equal(b.len, len);
    if (len)
        assert_memory_equal(b.data, bytes, len);
    ptv_buf_release(&b);
}

static size_t names_in_root(const char ***names)
{
    size_t count = 0;
    assert_int_equal(ptv_dir_list(names, &count, &mem, root, &err), PTV_OK);
    return count;
}

static void writes_and_reads_back(void **state)
{
    (void)state;
    char bytes[70000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    const size_t sizes[] = { 0, 1, 255, 256, 4096, sizeof bytes };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put("f", bytes, sizes[i]);
        assert_holds("f", bytes, sizes[i]);
    }
}

static void reads_onto_the_end_of_a_buffer(void **state)
{
    (void)state;
    put("f", "world", 5);
    ptv_buf b = PTV_BUF(100);
    ptv_buf_puts(&b, "hello ");
    assert_int_equal(ptv_file_read(&b, in_root("f"), &err), PTV_OK);
    assert_string_equal(b.data, "hello world");
    ptv_buf_release(&b);
}

static void reads_up_to_the_ceiling_and_not_beyond(void **state)
{
    (void)state;
    put("f", "0123456789", 10);
    ptv_buf b = PTV_BUF(10);
    assert_int_equal(ptv_file_read(&b, in_root("f"), &err), PTV_OK);
    assert_int_equal(b.len, 10);
    ptv_buf_release(&b);
    b = (ptv_buf)PTV_BUF(9);
    assert_int_equal(ptv_file_read(&b, in_root("f"), &err), PTV_ETOOBIG);
    assert_string_equal(err.msg, "over 9 bytes");
    ptv_buf_release(&b);
    /* /proc says that its files are empty: the size is only a hint. */
    b = (ptv_buf)PTV_BUF(1 << 20);
    assert_int_equal(ptv_file_read(&b, "/proc/self/status", &err), PTV_OK);
    assert_true(b.len > 0);
    size_t len = b.len;
    ptv_buf_release(&b);
    b = (ptv_buf)PTV_BUF(len / 2);
    assert_int_equal(ptv_file_read(&b, "/proc/self/status", &err), PTV_ETOOBIG);
    ptv_buf_release(&b);
}

static void refuses_what_is_no_regular_file(void **state)
{
    (void)state;
    ptv_buf b = PTV_BUF(100);
    assert_int_equal(mkfifo(in_root("fifo"), 0600), 0);
    assert_int_equal(ptv_file_read(&b, in_root("fifo"), &err), PTV_EIO);
    assert_string_equal(err.msg, "not a regular file");
    assert_int_equal(ptv_file_read(&b, "/dev/zero", &err), PTV_EIO);
    assert_int_equal(ptv_file_read(&b, root, &err), PTV_EIO);
    assert_string_equal(err.msg, "is a folder");
    assert_int_equal(err.detail, EISDIR);
    assert_int_equal(ptv_file_read(&b, in_root("none"), &err), PTV_EIO);
    assert_int_equal(err.detail, ENOENT);
    assert_string_equal(err.msg, "No such file or directory");
    assert_null(b.data);
    assert_int_equal(ptv_file_replace(root, "x", 1, &err), PTV_EIO);
    assert_int_equal(ptv_file_replace(in_root("fifo"), "x", 1, &err), PTV_EIO);
    assert_int_equal(ptv_file_replace("/dev/null", "x", 1, &err), PTV_EIO);
    assert_false(ptv_is_file("/dev/null"));
}

static void leaves_nothing_behind_when_it_cannot_write(void **state)
{
    (void)state;
    assert_int_equal(ptv_file_replace(in_root("none/f"), "x", 1, &err), PTV_EIO);
    assert_int_equal(err.detail, ENOENT);
    char longest[5000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(ptv_file_replace(longest, "x", 1, &err), PTV_EIO);
    assert_int_equal(err.detail, ENAMETOOLONG);
    const char **names;
    assert_int_equal(names_in_root(&names), 0);
}

static void keeps_mode_and_link_of_what_it_replaces(void **state)
{
    (void)state;
    struct stat st;
    put("f", "old", 3);
    assert_int_equal(chmod(in_root("f"), 0640), 0);
    assert_int_equal(symlink("f", in_root("link")), 0);
    put("link", "new", 3);
    assert_holds("f", "new", 3);
    assert_int_equal(lstat(in_root("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(in_root("f"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    const char **names;
    assert_int_equal(names_in_root(&names), 2);
}

static void lists_names_in_byte_order(void **state)
{
    (void)state;
    const char **names;
    assert_int_equal(names_in_root(&names), 0);
    for (int i = 0; i < 40; i++)
        put(ptv_arena_printf(&mem, "%c%d", i % 2 ? 'a' : 'B', i), "", 0);
    put(".hidden", "", 0);
    size_t count = names_in_root(&names);
    assert_int_equal(count, 41);
    assert_string_equal(names[0], ".hidden");
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    assert_int_equal(ptv_dir_list(&names, &count, &mem, in_root("none"), &err), PTV_EIO);
    assert_int_equal(err.detail, ENOENT);
    ptv_arena small = PTV_ARENA(300);
    assert_int_equal(ptv_dir_list(&names, &count, &small, root, &err), PTV_ETOOBIG);
    ptv_arena_release(&small);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        put(ptv_arena_printf(&mem, "f%d", i), "some bytes", 10);
    const char *file = in_root("f0");
    for (unsigned long nth = 1;; nth++) {
        ptv_buf b = PTV_BUF(1 << 20);
        ptv_arena a = PTV_ARENA(1 << 20);
        const char **names;
        size_t count;
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_file_read(&b, file, &err);
        if (!rc)
            rc = ptv_dir_list(&names, &count, &a, root, &err);
        ptv_mem_fail_at(0);
        ptv_buf_release(&b);
        ptv_arena_release(&a);
        if (!rc)
            break;
        assert_int_equal(rc, PTV_ENOMEM);
    }
}

static void joins_and_tells_kinds(void **state)
{
    (void)state;
    assert_string_equal(ptv_path_join(&mem, "a", "b"), "a/b");
    assert_string_equal(ptv_path_join(&mem, "a/", "b"), "a/b");
    assert_string_equal(ptv_path_join(&mem, "/", "b"), "/b");
    assert_string_equal(ptv_path_join(&mem, "", "b"), "b");
    put("f", "", 0);
    assert_true(ptv_is_dir(root));
    assert_false(ptv_is_dir(in_root("f")));
    assert_true(ptv_is_file(in_root("f")));
    assert_false(ptv_is_file(root));
    assert_false(ptv_is_file(in_root("none")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(writes_and_reads_back),
        TEST(reads_onto_the_end_of_a_buffer),
        TEST(reads_up_to_the_ceiling_and_not_beyond),
        TEST(refuses_what_is_no_regular_file),
        TEST(leaves_nothing_behind_when_it_cannot_write),
        TEST(keeps_mode_and_link_of_what_it_replaces),
        TEST(lists_names_in_byte_order),
        TEST(survives_every_failed_allocation),
        TEST(joins_and_tells_kinds),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
