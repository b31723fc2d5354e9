/*
 * diff_side.c: rules out of a git revision. git is asked for names and contents, one program call each, never through a
 * shell; links and submodules are left out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/diff_side.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_LIMIT ((size_t)64 << 20)

static ptv_code read_all(ptv_buf *out, int fd, ptv_error *err)
{
    for (;;) {
        char *at = ptv_buf_reserve(out, 65536);
        if (!at)
            return ptv_buf_check(out, err);
        ssize_t n = read(fd, at, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ptv_fail_detail(err, PTV_EIO, errno, "reading from git: %s", strerror(errno));
        if (n == 0)
            return PTV_OK;
        ptv_buf_advance(out, (size_t)n);
    }
}

/* What `git ARGS...` prints; what it has to complain of goes to stderr as it is. */
static ptv_code git(ptv_buf *out, const char *const *args, ptv_error *err)
{
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC))
        return ptv_fail_detail(err, PTV_EIO, errno, "git: %s", strerror(errno));
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return ptv_fail_detail(err, PTV_EIO, errno, "git: %s", strerror(errno));
    }
    if (child == 0) {
        if (dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO)
            execvp("git", (char *const *)(uintptr_t)args);
        _exit(127);
    }
    close(ends[1]);
    ptv_code rc = read_all(out, ends[0], err);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc)
        return rc;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return ptv_fail(err, PTV_EIO, "git is not there: rules out of a revision need it");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return ptv_fail(err, PTV_EINVAL, "git %s failed", args[1]);
    return PTV_OK;
}

/* A name out of a repository that may be made below a folder of ours. */
static bool is_inside(const char *name)
{
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        size_t len = strcspn(part, "/");
        if (len == 0 || (len == 1 && *part == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
            return false;
    }
    return true;
}

static ptv_code write_file(const char *folder, const char *name, const ptv_buf *bytes, ptv_arena *mem, ptv_error *err)
{
    char *path = ptv_path_join(mem, folder, name);
    if (!path)
        return ptv_arena_fail(mem, err);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        if (mkdir(path, 0700) && errno != EEXIST)
            return ptv_fail_detail(err, PTV_EIO, errno, "%s: %s", path, strerror(errno));
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool written = fd >= 0;
    for (size_t at = 0; written && at < bytes->len;) {
        ssize_t n = write(fd, bytes->data + at, bytes->len - at);
        written = n > 0 || (n < 0 && errno == EINTR);
        at += n > 0 ? (size_t)n : 0;
    }
    int why = errno;
    if (fd >= 0 && close(fd))
        written = false;
    return written ? PTV_OK : ptv_fail_detail(err, PTV_EIO, why, "%s: %s", path, strerror(why));
}

static ptv_code take_blob(const char *folder, const char *object, const char *name, ptv_arena *mem, ptv_error *err)
{
    ptv_buf bytes = PTV_BUF(OUTPUT_LIMIT);
    ptv_code rc = is_inside(name) ? git(&bytes, (const char *const[]){ "git", "cat-file", "blob", object, NULL }, err)
                                  : ptv_fail(err, PTV_EINVAL, "git: the name '%s' leads out of its folder", name);
    if (!rc)
        rc = write_file(folder, name, &bytes, mem, err);
    ptv_buf_release(&bytes);
    return rc;
}

/* "100644 blob 5626abf0…\t10-flagged-tags.lua", NUL-terminated, one after the other. */
static ptv_code take_tree(const char *folder, const char *object, ptv_arena *mem, ptv_error *err)
{
    ptv_buf list = PTV_BUF(OUTPUT_LIMIT);
    ptv_code rc = git(&list, (const char *const[]){ "git", "ls-tree", "-r", "-z", "--full-tree", object, NULL }, err);
    for (char *at = list.data, *end = at + list.len; !rc && at && at < end; at += strlen(at) + 1) {
        char *tab = strchr(at, '\t'), *blob = strstr(at, " blob ");
        bool is_file = strncmp(at, "100", 3) == 0;
        if (!tab || !blob || blob > tab || !is_file)
            continue;
        *tab = '\0';
        rc = take_blob(folder, blob + 6, tab + 1, mem, err);
        at = tab + 1;
    }
    ptv_buf_release(&list);
    return rc;
}

static ptv_code take_revision(diff_side *s, ptv_arena *mem, ptv_error *err)
{
    const char *tmp = getenv("TMPDIR"), *base = strrchr(s->named, '/');
    ptv_buf type = PTV_BUF(OUTPUT_LIMIT);
    base = base ? base + 1 : strchr(s->named, ':') + 1;
    char *folder = ptv_path_join(mem, tmp && *tmp ? tmp : "/tmp", "ptverdict.XXXXXX");
    if (!folder)
        return ptv_arena_fail(mem, err);
    if (!mkdtemp(folder))
        return ptv_fail_detail(err, PTV_EIO, errno, "%s: %s", folder, strerror(errno));
    s->folder = ptv_strdup(folder);
    if (!s->folder) {
        rmdir(folder);
        return ptv_fail_nomem(err);
    }
    ptv_code rc = git(&type, (const char *const[]){ "git", "cat-file", "-t", s->named, NULL }, err);
    bool is_tree = !rc && type.len && strncmp(type.data, "tree", 4) == 0;
    if (!rc)
        rc = is_tree ? take_tree(s->folder, s->named, mem, err) : take_blob(s->folder, s->named, base, mem, err);
    char *path = is_tree ? s->folder : ptv_path_join(mem, s->folder, base);
    if (!rc && !(s->path = path ? ptv_strdup(path) : NULL))
        rc = ptv_fail_nomem(err);
    ptv_buf_release(&type);
    return rc;
}

ptv_code diff_side_open(diff_side *s, const char *named, ptv_error *err)
{
    *s = (diff_side){ .named = named };
    const char *colon = strchr(named, ':');
    if (access(named, F_OK) == 0 || !colon || colon == named) {
        s->path = ptv_strdup(named);
        return s->path ? PTV_OK : ptv_fail_nomem(err);
    }
    if (*named == '-')
        return ptv_fail(err, PTV_EINVAL, "'%s' is no git revision", named);
    ptv_arena mem = PTV_ARENA(16 << 20);
    ptv_code rc = take_revision(s, &mem, err);
    ptv_arena_release(&mem);
    return rc ? ptv_wrap(err, "%s", named) : PTV_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void diff_side_close(diff_side *s)
{
    if (s->folder)
        nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    ptv_free(s->folder);
    ptv_free(s->path);
    *s = (diff_side){ 0 };
}

const char *diff_side_shown(const diff_side *s, const char *file, char *room, size_t size)
{
    size_t len = s->folder ? strlen(s->folder) : 0;
    if (!len || strncmp(file, s->folder, len) != 0 || file[len] != '/')
        return file;
    bool is_whole = strcmp(s->path, file) == 0; /* one file was named */
    snprintf(room, size, "%s%s%s", s->named, is_whole || s->named[strlen(s->named) - 1] == ':' ? "" : "/",
             is_whole ? "" : file + len + 1);
    return room;
}
