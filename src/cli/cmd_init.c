/*
 * cmd_init.c: init: a starter folder: app.config, rules with tests, an archive to try them on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"
#include "cli/commands.h"
#include "cli/editor.h"
#include "cli/files.h"
#include "cli/settings.h"
#include "cli/starter.h"
#include "cli/talk.h"

#include <unistd.h>

/* Nothing may be there yet: a half new starter over an old one would be neither. */
static ptv_code check_free(const char *folder, const char *name, ptv_arena *mem, ptv_error *err)
{
    char *path = ptv_path_join(mem, folder, name);
    if (!path)
        return ptv_arena_fail(mem, err);
    return access(path, F_OK) ? PTV_OK : ptv_fail(err, PTV_EIO, "%s is there already; nothing was written", path);
}

static ptv_code put(const char *folder, const char *name, const void *bytes, size_t len, bool private, ptv_arena *mem,
                    ptv_error *err)
{
    char *path = ptv_path_join(mem, folder, name);
    ptv_code rc = path ? cli_file_create(path, bytes, len, private, err) : ptv_arena_fail(mem, err);
    if (!rc)
        cli_print("wrote %s\n", path);
    return rc;
}

static ptv_code write_starter(const char *folder, ptv_arena *mem, ptv_error *err)
{
    ptv_code rc = check_free(folder, "app.config", mem, err);
    if (!rc)
        rc = check_free(folder, PTV_EDITOR_FOLDER, mem, err);
    if (!rc)
        rc = check_free(folder, ".luarc.json", mem, err);
    for (const cli_starter_file *f = cli_starter; !rc && f->path; f++)
        rc = check_free(folder, f->path, mem, err);
    ptv_buf settings = PTV_BUF(1 << 20);
    cli_settings_template(&settings);
    if (!rc)
        rc = ptv_buf_check(&settings, err);
    if (!rc)
        rc = cli_folder_create(folder, err);
    if (!rc) /* it will hold a key: nobody else may read it */
        rc = put(folder, "app.config", settings.data, settings.len, true, mem, err);
    for (const cli_starter_file *f = cli_starter; !rc && f->path; f++)
        rc = put(folder, f->path, f->bytes, f->len, false, mem, err);
    if (!rc)
        rc = cli_editor_write(folder, mem, err);
    ptv_buf_release(&settings);
    return rc;
}

static cli_exit run_init(const cli_options *o)
{
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_error err = { 0 };
    const char *folder = o->operands[0];
    ptv_code rc = *folder ? write_starter(folder, &mem, &err) : ptv_fail(&err, PTV_EIO, "the folder has no name");
    if (!rc)
        cli_print("\nTry it, offline:  ptverdict -c %s/app.config lookup login-update.example\n"
                  "Then put user and key into %s/app.config.\n",
                  folder, folder);
    ptv_arena_release(&mem);
    return rc ? cli_fail(&err) : CLI_OK;
}

const cli_command cli_cmd_init = {
    .name = "init",
    .operands = "DIR",
    .summary = "Make a starter folder: app.config, rules with tests, an archive to try them on",
    .example = "  ptverdict init my-rules",
    .least = 1,
    .most = 1,
    .run = run_init,
};
