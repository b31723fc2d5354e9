/*
 * test_folder.c: folders copied, removed and exchanged as wholes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/folder.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct room {
    char path[64];
    int home;
    size_t live;
} room;

static int setup(void **state)
{
    room *r = calloc(1, sizeof *r);
    assert_non_null(r);
    snprintf(r->path, sizeof r->path, "/tmp/ptv-folder-XXXXXX");
    assert_non_null(mkdtemp(r->path));
    r->home = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(chdir(r->path), 0);
    r->live = ptv_mem_live();
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    room *r = *state;
    assert_int_equal(ptv_mem_live(), r->live);
    assert_int_equal(fchdir(r->home), 0);
    close(r->home);
    ptv_folder_remove(r->path);
    assert_int_equal(access(r->path, F_OK), -1);
    free(r);
    return 0;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *get(const char *path)
{
    static char text[64];
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void make(const char *folder, const char *text)
{
    char path[100];
    mkdir(folder, 0700);
    snprintf(path, sizeof path, "%s/x.lua", folder);
    put(path, text);
}

static void it_copies_files_and_folders_but_none_with_a_dot(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    struct stat st;
    make("from", "one");
    mkdir("from/lists", 0700);
    put("from/lists/a.txt", "two");
    put("from/.x.lua.swp", "swap");
    put("elsewhere", "three");
    assert_int_equal(symlink("../elsewhere", "from/linked.lua"), 0);
    umask(077);
    assert_int_equal(ptv_folder_copy("to", "from", 0755, &err), PTV_OK);
    assert_string_equal(get("to/x.lua"), "one");
    assert_string_equal(get("to/lists/a.txt"), "two");
    assert_string_equal(get("to/linked.lua"), "three");
    assert_null(get("to/.x.lua.swp"));
    assert_int_equal(lstat("to/linked.lua", &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(stat("to/lists", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
}

static void it_copies_all_or_nothing(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    make("from", "one");
    assert_int_equal(mkfifo("from/z", 0600), 0); /* no file: reading it would never end */
    assert_int_equal(ptv_folder_copy("to", "from", 0755, &err), PTV_EIO);
    assert_non_null(strstr(err.msg, "from/z: "));
    assert_int_equal(access("to", F_OK), -1);
    unlink("from/z");
    assert_int_equal(symlink(".", "from/loop"), 0);
    assert_int_equal(ptv_folder_copy("to", "from", 0755, &err), PTV_EIO);
    assert_non_null(strstr(err.msg, "deep"));
    assert_int_equal(access("to", F_OK), -1);
    mkdir("there", 0700);
    assert_int_equal(ptv_folder_copy("there", "from", 0755, &err), PTV_EIO);
    assert_int_equal(access("there", F_OK), 0);
}

static void it_gives_memory_back_when_there_is_no_more(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    make("from", "one");
    ptv_code rc = PTV_ENOMEM;
    for (unsigned long nth = 1; rc; nth++) {
        size_t live = ptv_mem_live();
        ptv_mem_fail_at(nth);
        rc = ptv_folder_copy("to", "from", 0755, &err);
        ptv_mem_fail_at(0);
        assert_true(!rc || rc == PTV_ENOMEM);
        assert_int_equal(ptv_mem_live(), live);
    }
}

static void it_exchanges_one_for_another(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    bool had_one = true;
    make("fresh", "one");
    assert_int_equal(ptv_folder_exchange("live", "fresh", "live.old", &had_one, &err), PTV_OK);
    assert_false(had_one);
    for (int i = 0; i < 2; i++) { /* the second time there is an old one to remove */
        make("fresh", i ? "three" : "two");
        assert_int_equal(ptv_folder_exchange("live", "fresh", "live.old", &had_one, &err), PTV_OK);
        assert_true(had_one);
        assert_string_equal(get("live/x.lua"), i ? "three" : "two");
        assert_string_equal(get("live.old/x.lua"), i ? "two" : "one");
        assert_int_equal(access("fresh", F_OK), -1);
    }
}

static void it_turns_a_link(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    char target[64] = "";
    bool had_one = false;
    make("v1", "one");
    assert_int_equal(symlink("v1", "live"), 0);
    make("fresh", "two");
    assert_int_equal(ptv_folder_exchange("live", "fresh", "live.old", &had_one, &err), PTV_OK);
    assert_true(had_one);
    assert_string_equal(get("live/x.lua"), "two");
    assert_string_equal(get("v1/x.lua"), "one");
    assert_true(readlink("live", target, sizeof target - 1) > 0);
    assert_string_equal(target, "live.1");
    unlink("live");
    assert_int_equal(symlink("gone", "live"), 0); /* to nowhere */
    make("fresh", "three");
    assert_int_equal(ptv_folder_exchange("live", "fresh", "live.old", &had_one, &err), PTV_OK);
    assert_false(had_one);
    assert_string_equal(get("live/x.lua"), "three");
}

static void it_changes_nothing_when_it_cannot(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    bool had_one = false;
    make("live", "one");
    assert_int_equal(ptv_folder_exchange("live", "missing", "live.old", &had_one, &err), PTV_EIO);
    assert_string_equal(get("live/x.lua"), "one");
    assert_int_equal(ptv_folder_exchange("/proc", "live", "live.old", &had_one, &err), PTV_EIO);
    assert_string_equal(get("live/x.lua"), "one");
    assert_int_equal(ptv_folder_exchange("no/such/place", "live", "live.old", &had_one, &err), PTV_EIO);
    assert_string_equal(get("live/x.lua"), "one");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_copies_files_and_folders_but_none_with_a_dot),
        TEST(it_copies_all_or_nothing),
        TEST(it_gives_memory_back_when_there_is_no_more),
        TEST(it_exchanges_one_for_another),
        TEST(it_turns_a_link),
        TEST(it_changes_nothing_when_it_cannot),
    };
    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
