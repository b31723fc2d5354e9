/*
 * editor.c: writes the annotations and settings of the Lua language server into a folder of rules.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/editor.h"

#include "base/buf.h"
#include "base/file.h"
#include "cli/files.h"
#include "cli/talk.h"

#include <unistd.h>

static int collect(void *to, const char *bytes, size_t len)
{
    ptv_buf *b = to;
    ptv_buf_append(b, bytes, len);
    return b->failed != PTV_OK;
}

static ptv_code make(ptv_buf *out, ptv_editor_file file, ptv_error *err)
{
    ptv_code rc = ptv_editor_write(file, collect, out, err);
    return out->failed ? ptv_buf_check(out, err) : rc;
}

ptv_code cli_editor_write(const char *folder, ptv_arena *mem, ptv_error *err)
{
    char *own = ptv_path_join(mem, folder, PTV_EDITOR_FOLDER);
    char *words = own ? ptv_path_join(mem, own, "words.lua") : NULL;
    char *settings = ptv_path_join(mem, folder, ".luarc.json");
    if (!words || !settings)
        return ptv_arena_fail(mem, err);
    ptv_buf text = PTV_BUF(8 << 20);
    ptv_code rc = make(&text, PTV_EDITOR_WORDS, err);
    if (!rc)
        rc = cli_folder_create(own, err);
    if (!rc && ptv_file_replace(words, text.data, text.len, err))
        rc = ptv_wrap(err, "%s", words);
    ptv_buf_clear(&text);
    if (!rc) {
        cli_print("wrote %s\n", words);
        rc = make(&text, PTV_EDITOR_SETTINGS, err);
    }
    if (!rc && access(settings, F_OK) == 0) { /* somebody's own: it is not ours to change */
        cli_print("kept %s; \"workspace.library\" in it must name \"%s\"\n", settings, PTV_EDITOR_FOLDER);
    } else if (!rc) {
        rc = cli_file_create(settings, text.data, text.len, false, err);
        if (!rc)
            cli_print("wrote %s\n", settings);
    }
    ptv_buf_release(&text);
    return rc;
}
