/*
 * apply.c: a rule folder put in the place of the one in use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATHS_LIMIT ((size_t)16 << 20)

ptv_code ptv_rules_place(ptv_applied *out, const ptv_config *config, ptv_error *err)
{
    static const ptv_client_options none;
    ptv_arena mem = PTV_ARENA(PATHS_LIMIT);
    ptv_rules_options options;
    ptv_code rc = ptv_settings_rules(&options, &mem, config, &none, err);
    const char *path = rc || options.files ? NULL : options.paths[0];
    if (!rc && options.files)
        rc = ptv_fail(err, PTV_ESETTINGS, "the rules are values of [rules.files] in %s: change them there",
                      ptv_config_file(config));
    else if (!rc && !ptv_config_text(config, PTV_OPT_RULES)) /* what is only found, nobody meant to have replaced */
        rc = ptv_config_require(config, PTV_OPT_RULES, err);
    else if (!rc && ptv_is_file(path))
        rc = ptv_fail(err, PTV_ESETTINGS, "rules (%s) is a file; apply puts folders in the place of folders", path);
    size_t len = path ? strlen(path) : 0;
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (!rc && len >= sizeof out->path - 64)
        rc = ptv_fail(err, PTV_ESETTINGS, "rules: the name is too long");
    if (!rc) {
        snprintf(out->path, sizeof out->path, "%.*s", (int)len, path);
        out->kept[0] = '\0';
    }
    ptv_arena_release(&mem);
    return rc;
}

static ptv_code has_digest(const char *folder, const char *named, const char *digest, ptv_error *err)
{
    char copied[PTV_DIGEST_HEX];
    const ptv_rules_options options = { .paths = &folder, .path_count = 1 };
    ptv_code rc = ptv_rules_digest(copied, &options, err);
    if (!rc && strcmp(copied, digest) != 0)
        rc = ptv_fail(err, PTV_EIO, "%s has changed since it was looked at", named);
    return rc;
}

ptv_code ptv_rules_apply(ptv_applied *out, const ptv_config *config, const char *folder, const char *digest, ptv_error *err)
{
    ptv_applied a;
    struct stat st;
    char fresh[PATH_MAX + 64], target[PATH_MAX] = "";
    ptv_code rc = ptv_rules_place(&a, config, err);
    if (rc)
        return rc;
    if (!ptv_is_dir(folder))
        return ptv_fail(err, PTV_EIO, "%s is no folder", folder);
    if (ptv_folder_same(folder, a.path))
        return ptv_fail(err, PTV_EIO, "%s is the folder in use: there is nothing to put in its place", folder);
    snprintf(fresh, sizeof fresh, "%s.new-%ld", a.path, (long)getpid());
    snprintf(a.kept, sizeof a.kept, "%.*s.old", (int)sizeof a.kept - 5, a.path);
    bool is_link = lstat(a.path, &st) == 0 && S_ISLNK(st.st_mode), had_one = false;
    if (is_link && !realpath(a.path, target))
        target[0] = '\0';
    mode_t mode =
        stat(a.path, &st) == 0 && S_ISDIR(st.st_mode) ? st.st_mode & 07777 : 0755; /* as the one that readers can read */
    rc = ptv_folder_copy(fresh, folder, mode, err);
    if (rc)
        return rc;
    if (digest)
        rc = has_digest(fresh, folder, digest, err);
    if (!rc)
        rc = ptv_folder_exchange(a.path, fresh, a.kept, &had_one, err);
    if (rc) {
        ptv_folder_remove(fresh);
        return rc;
    }
    if (is_link)
        memcpy(a.kept, target, sizeof target);
    if (!had_one)
        a.kept[0] = '\0';
    *out = a;
    return PTV_OK;
}
