/*
 * config.h: settings as values: flag, environment, file, default, in this order. One table (options.def) feeds reading,
 * `ptverdict config`, --help, docs/settings.md and the man page.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CONFIG_CONFIG_H
#define PTV_CONFIG_CONFIG_H
#include "base/buf.h"

typedef enum ptv_opt {
#define OPT(id, section, key, type, def, min, max, env, secret, help) PTV_OPT_##id,
#include "config/options.def"
#undef OPT
    PTV_OPT_COUNT
} ptv_opt;

typedef enum ptv_opt_type {
    PTV_T_TEXT,
    PTV_T_INT,
    PTV_T_BOOL,
    PTV_T_SECONDS,
    PTV_T_BYTES,
    PTV_T_PATH,
    PTV_T_URL,
    PTV_T_WORDS,
    PTV_T_ENUM
} ptv_opt_type;

typedef struct ptv_opt_info {
    const char *section, *key; /* "ptverdict", "plan" */
    const char *def;           /* as text; NULL: none */
    const char *env;           /* environment name, NULL */
    const char *help;          /* one sentence; ENUM: begins with "a|b|c: " */
    int64_t min, max;          /* INT, SECONDS, BYTES */
    ptv_opt_type type;
    bool secret;
} ptv_opt_info;
extern const ptv_opt_info ptv_opt_table[PTV_OPT_COUNT];
/* The environment variable of a setting: its own, else PTVERDICT_ and the key in capitals; "": none ([integrations]). */
#define PTV_OPT_ENV_MAX 64
void ptv_opt_env(char out[PTV_OPT_ENV_MAX], ptv_opt o);

struct ptv_config; /* ptv_config in ptverdict.h */

/*
 * Values after $NAME expansion; checked when read or set. Borrowed from c until the next read or set. An empty value is no
 * value: the next in order counts. Paths of [ptverdict] in a file are relative to that file; "~/" is the home folder.
 */
const char *ptv_config_text(const struct ptv_config *c, ptv_opt o); /* NULL: not set and no default */
int64_t ptv_config_int(const struct ptv_config *c, ptv_opt o);      /* INT; SECONDS in milliseconds; BYTES in bytes */
bool ptv_config_bool(const struct ptv_config *c, ptv_opt o);
/* "--set", "environment PTVERDICT_PLAN", "app.config:12", "default" */
const char *ptv_config_where(const struct ptv_config *c, ptv_opt o);
/* The value as it may be shown: secrets, mounted secrets and user-info in a URL are "********"; NULL as ptv_config_text().
 */
const char *ptv_config_shown(const struct ptv_config *c, ptv_opt o);
/* The file read, or why there is none, for messages: "app.config", "no settings file was found; looked at ./app.config, …".
 */
const char *ptv_config_file(const struct ptv_config *c);
/* The same behind "is not set" and the like: " in app.config", " (no settings file was found; …)". */
const char *ptv_config_place(const struct ptv_config *c);
/* PTV_ESETTINGS naming key, section and file looked in, when it has no value. */
ptv_code ptv_config_require(const struct ptv_config *c, ptv_opt o, ptv_error *err);

/* Every key of [rules] and passivetotal_tags, for setting "x" in rules. */
typedef struct ptv_config_pair {
    const char *section, *key, *value, *where;
    bool secret; /* a mounted secret went in: not to be shown */
} ptv_config_pair;
size_t ptv_config_rules_count(const struct ptv_config *c);
ptv_config_pair ptv_config_rules_at(const struct ptv_config *c, size_t index);
/* Any key of any section, as configparser would read it and after $NAME expansion; NULL: absent. For [resilient]. */
const char *ptv_config_raw(const struct ptv_config *c, const char *section, const char *key);
/* The index'th key of a section in the file, its value as configparser reads it; $NAME stays as it is. false: past the end.
 */
typedef struct ptv_config_entry {
    const char *key, *value;
    int line;
} ptv_config_entry;
bool ptv_config_entry_at(ptv_config_entry *out, const struct ptv_config *c, const char *section, size_t index);
bool ptv_config_has_section(const struct ptv_config *c, const char *section);

#endif
