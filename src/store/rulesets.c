/*
 * rulesets.c: loaded rule sets, copied by digest: written beside, then renamed, so that a set is there as a whole or not at
 * all.
 *
 *     rules/3f…c1/0/10-flagged-tags.lua   rules/3f…c1/0/lists/exceptions.csv
 *     rules/in-use                         3f…c1
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/db.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_SETS  200 /* far more than a log of the default size speaks of */
#define FILE_MOST  (64u << 20)
#define PATHS_MOST (1u << 20)

static ptv_code fail_errno(const char *path, ptv_error *err)
{
    char text[128];
    int number = errno;
    return ptv_fail_detail(err, PTV_EIO, number, "state: keeping the rules: %s: %s", path,
                           strerror_r(number, text, sizeof text));
}

static bool make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static ptv_code has_digest(const ptv_buf *bytes, const ptv_kept_file *file, ptv_error *err)
{
    char hex[PTV_DIGEST_HEX];
    ptv_digest *d = ptv_digest_new();
    if (!d)
        return ptv_fail_nomem(err);
    ptv_digest_begin(d);
    ptv_digest_add(d, bytes->data, bytes->len);
    ptv_digest_end(d, hex);
    ptv_digest_free(d);
    if (strcmp(hex, file->digest) == 0)
        return PTV_OK;
    return ptv_fail(err, PTV_EIO, "state: keeping the rules: %s has changed since it was loaded", file->path);
}

static ptv_code copy_file(const char *to, const ptv_kept_file *file, ptv_error *err)
{
    ptv_buf bytes = PTV_BUF(FILE_MOST + 1);
    ptv_code rc = PTV_OK;
    if (file->text)
        ptv_buf_append(&bytes, file->text, file->len);
    else
        rc = ptv_file_read(&bytes, file->path, err);
    if (!rc)
        rc = ptv_buf_check(&bytes, err);
    if (rc)
        ptv_wrap(err, "state: keeping the rules: %s", file->path);
    else
        rc = has_digest(&bytes, file, err);
    if (!rc && ptv_file_replace(to, bytes.data ? bytes.data : "", bytes.len, err))
        rc = ptv_wrap(err, "state: keeping the rules: %s", to);
    ptv_buf_release(&bytes);
    return rc;
}

static ptv_code copy_all(const char *fresh, ptv_arena *mem, const ptv_kept_file *files, size_t count, ptv_error *err)
{
    size_t folders = 0, *number = ptv_arena_calloc(mem, count + 1, sizeof *number);
    if (!number)
        return ptv_arena_fail(mem, err);
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (strcmp(files[same].folder, files[i].folder) != 0)
            same++;
        number[i] = same < i ? number[same] : folders++;
        const char *folder = ptv_arena_printf(mem, "%s/%zu", fresh, number[i]);
        const char *lists = ptv_arena_printf(mem, "%s/%zu/lists", fresh, number[i]);
        const char *path = ptv_arena_printf(mem, "%s/%zu/%s", fresh, number[i], files[i].name);
        if (!folder || !lists || !path)
            return ptv_arena_fail(mem, err);
        if (!ptv_path_is_below(files[i].name)) /* "x.lua", "lists/x.txt" */
            return ptv_fail(err, PTV_EINVAL, "state: keeping the rules: '%s' is no file name", files[i].name);
        if (!make_folder(folder) || (strchr(files[i].name, '/') && !make_folder(lists)))
            return fail_errno(folder, err);
        ptv_code rc = copy_file(path, &files[i], err);
        if (rc)
            return rc;
    }
    return PTV_OK;
}

/* Of more than KEPT_SETS, the one used longest ago. A folder without a name of ours is left alone. */
static void drop_oldest(const char *rules, ptv_arena *mem)
{
    const char **names, *oldest = NULL;
    size_t count, sets = 0;
    struct timespec when = { 0 };
    ptv_error err;
    if (ptv_dir_list(&names, &count, mem, rules, &err))
        return;
    int fd = open(rules, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < count; i++) {
        struct stat st;
        if (strlen(names[i]) != PTV_DIGEST_HEX - 1 || fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISDIR(st.st_mode))
            continue;
        sets++;
        if (!oldest || st.st_mtim.tv_sec < when.tv_sec ||
            (st.st_mtim.tv_sec == when.tv_sec && st.st_mtim.tv_nsec < when.tv_nsec)) {
            oldest = names[i];
            when = st.st_mtim;
        }
    }
    if (oldest && sets > KEPT_SETS)
        ptv_folder_remove_at(fd, oldest);
    if (fd >= 0)
        close(fd);
}

static bool is_digest(const char *digest)
{
    return strlen(digest) == PTV_DIGEST_HEX - 1 && strspn(digest, "0123456789abcdef") == PTV_DIGEST_HEX - 1;
}

ptv_code ptv_store_rules_keep(ptv_store *s, const char *digest, const ptv_kept_file *files, size_t count, ptv_error *err)
{
    if (!s->dir)
        return PTV_OK;
    if (!is_digest(digest))
        return ptv_fail(err, PTV_EINVAL, "state: keeping the rules: no digest");
    ptv_arena mem = PTV_ARENA(PATHS_MOST + count * 16384);
    const char *rules = ptv_path_join(&mem, s->dir, "rules");
    const char *kept = rules ? ptv_path_join(&mem, rules, digest) : NULL;
    const char *fresh = rules ? ptv_arena_printf(&mem, "%s/.new-%ld-%p", rules, (long)getpid(), (void *)s) : NULL;
    ptv_code rc = PTV_OK;
    if (!kept || !fresh) {
        rc = ptv_arena_fail(&mem, err);
    } else if (utimensat(AT_FDCWD, kept, NULL, 0) && errno == ENOENT) { /* kept already: used now */
        if (!make_folder(rules) || !make_folder(fresh))
            rc = fail_errno(fresh, err);
        else
            rc = copy_all(fresh, &mem, files, count, err);
        if (!rc && rename(fresh, kept) && errno != EEXIST && errno != ENOTEMPTY) /* another process was faster */
            rc = fail_errno(kept, err);
        ptv_folder_remove(fresh); /* what is left of it */
        drop_oldest(rules, &mem);
    }
    ptv_arena_release(&mem);
    return rc;
}

ptv_code ptv_store_rules_folders(const char ***folders, size_t *count, ptv_arena *mem, const char *dir, const char *digest,
                                 ptv_error *err)
{
    const char *kept = is_digest(digest) ? ptv_arena_printf(mem, "%s/rules/%s", dir, digest) : "";
    *count = 0;
    if (!kept)
        return ptv_arena_fail(mem, err);
    if (!ptv_is_dir(kept))
        return PTV_OK;
    ptv_code rc = ptv_dir_list(folders, count, mem, kept, err);
    for (size_t i = 0; !rc && i < *count; i++)
        if (!((*folders)[i] = ptv_path_join(mem, kept, (*folders)[i])))
            rc = ptv_arena_fail(mem, err);
    return rc;
}

/* -------------------------------------------------------------------------------------------- in use */

ptv_code ptv_store_rules_use(ptv_store *s, const char *digest, ptv_error *err)
{
    if (!s->dir)
        return PTV_OK;
    ptv_arena mem = PTV_ARENA(PATHS_MOST);
    const char *path = ptv_arena_printf(&mem, "%s/rules/in-use", s->dir);
    ptv_code rc = path ? ptv_file_replace(path, digest, strlen(digest), err) : ptv_arena_fail(&mem, err);
    ptv_arena_release(&mem);
    return rc ? ptv_wrap(err, "state: rules/in-use") : PTV_OK;
}

ptv_code ptv_store_rules_in_use(char digest[PTV_DIGEST_HEX], const char *dir, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(PATHS_MOST);
    ptv_buf text = PTV_BUF(PTV_DIGEST_HEX);
    const char *path = ptv_arena_printf(&mem, "%s/rules/in-use", dir);
    ptv_code rc = !path ? ptv_arena_fail(&mem, err) : ptv_is_file(path) ? ptv_file_read(&text, path, err) : PTV_OK;
    digest[0] = '\0';
    if (!rc && text.len && is_digest(text.data))
        memcpy(digest, text.data, PTV_DIGEST_HEX);
    ptv_buf_release(&text);
    ptv_arena_release(&mem);
    return rc ? ptv_wrap(err, "state: rules/in-use") : PTV_OK;
}
