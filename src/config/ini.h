/*
 * ini.h: an app.config read exactly as Python's configparser reads it (ConfigParser(interpolation=None), UTF-8, BOM
 * allowed). Two deliberate differences: a NUL byte is an error (a C text would end there), and of keys only ASCII letters
 * are lower-cased.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CONFIG_INI_H
#define PTV_CONFIG_INI_H
#include "base/arena.h"

#define PTV_INI_LIMIT (8u << 20) /* bytes of one file */

typedef struct ptv_ini_entry {
    const char *section, *key, *value; /* key lower-cased; value "" when empty, lines joined by \n */
    int line;                          /* where the key stands */
} ptv_ini_entry;

typedef struct ptv_ini_name { /* an entry in the order of names */
    const ptv_ini_entry *entry;
} ptv_ini_name;

typedef struct ptv_ini {
    ptv_ini_entry *entries; /* in file order */
    size_t count;
    ptv_ini_name *by_name; /* sorted by section and key */
    const char **sections; /* sorted; [DEFAULT] is not among them */
    size_t section_count;
} ptv_ini; /* all of it in the arena it was read with */

/* Errors: PTV_ESETTINGS "file:line: what is wrong", the first of the file; PTV_ETOOBIG, PTV_ENOMEM. */
ptv_code ptv_ini_read(ptv_ini *out, ptv_arena *mem, const char *text, size_t len, const char *file, ptv_error *err);
/* The section's own key, else that of [DEFAULT] when the section exists; NULL: absent. */
const ptv_ini_entry *ptv_ini_find(const ptv_ini *ini, const char *section, const char *key);
bool ptv_ini_has_section(const ptv_ini *ini, const char *section);

#endif
