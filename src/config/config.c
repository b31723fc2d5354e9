/*
 * config.c: a configuration is what flags, environment, file and defaults add up to. Each read or set makes the view anew,
 * checks all of it, and only then puts it in the place of the old one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "config/config.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/ini.h"
#include "config/options.h"
#include "config/secret.h"

#define MASK        "********"
#define FILE_MEMORY ((size_t)96 << 20) /* an 8 MiB file of one-letter keys */
#define VIEW_MEMORY ((size_t)32 << 20)

typedef struct file_layer {
    ptv_arena mem;
    char *path;   /* NULL: none was read */
    char *looked; /* "no settings file was found; looked at ./app.config, …" when none was there */
    char *place;  /* for what is not set */
    ptv_ini ini;
} file_layer;

typedef struct flag {
    struct flag *before;
    const char *section, *key, *value; /* after expansion */
    bool secret;
} flag;

typedef struct setting {
    const char *text, *where; /* text NULL: not set */
    int64_t number;
    bool secret;
} setting;

typedef struct view {
    ptv_arena mem;
    setting of[PTV_OPT_COUNT];
    const char **values; /* of the file's entries, after expansion */
    bool *secret;
    ptv_config_pair *rules;
    size_t rules_count;
} view;

struct ptv_config {
    ptv_arena flag_mem;
    flag *flags; /* the last one first */
    file_layer file;
    view now;
};

/* Sections whose values are ours to expand; other apps' secrets are not touched. */
static bool is_ours(const char *section)
{
    static const char *const ours[] = { "ptverdict", "fn_passivetotal", "rules", "resilient", "integrations", "DEFAULT" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(section, ours[i]) == 0)
            return true;
    return false;
}

static const flag *find_flag(const flag *f, const char *section, const char *key)
{
    while (f && (strcmp(f->section, section) != 0 || strcmp(f->key, key) != 0))
        f = f->before;
    return f;
}

/* ------------------------------------------------------------------------------------------------ one view */

static ptv_code check_key(const ptv_ini_entry *e, const file_layer *file, ptv_error *err)
{
    bool ours = strcmp(e->section, "ptverdict") == 0;
    bool app = strcmp(e->section, "fn_passivetotal") == 0 && ptv_text_starts(e->key, "passivetotal_");
    if ((!ours && !app) || ptv_opt_find(e->section, e->key) != PTV_OPT_COUNT)
        return PTV_OK;
    char hint[160];
    ptv_opt_hint(hint, e->section, e->key);
    return ptv_fail(err, PTV_ESETTINGS, "%s:%d: unknown setting '%.60s' in [%s]%s", file->path, e->line, e->key, e->section,
                    hint);
}

/* Section names mind letter case, so that a slip would leave our settings unread without a word. */
static void warn_of_sections(const file_layer *file)
{
    static const char *const ours[] = { "ptverdict", "fn_passivetotal", "rules" };
    for (size_t i = 0; i < file->ini.section_count; i++) {
        const char *name = file->ini.sections[i];
        if (is_ours(name))
            continue;
        for (size_t o = 0; o < sizeof ours / sizeof *ours; o++)
            if (ptv_text_equal_fold(name, ours[o]) || ptv_text_distance(name, ours[o], 1) <= 1)
                ptv_log(PTV_LOG_WARNING, "config", "%s: section [%.60s] is not read (did you mean [%s]?)", file->path, name,
                        ours[o]);
    }
}

static ptv_code expand_file(view *v, const file_layer *file, ptv_error *err)
{
    const ptv_ini *ini = &file->ini;
    v->values = ptv_arena_calloc(&v->mem, ini->count + 1, sizeof *v->values);
    v->secret = ptv_arena_calloc(&v->mem, ini->count + 1, sizeof *v->secret);
    if (!v->values || !v->secret)
        return ptv_arena_fail(&v->mem, err);
    for (size_t i = 0; i < ini->count; i++) {
        const ptv_ini_entry *e = &ini->entries[i];
        v->values[i] = e->value;
        if (!is_ours(e->section))
            continue;
        ptv_code rc = check_key(e, file, err);
        if (rc)
            return rc;
        rc = ptv_secret_expand(&v->values[i], &v->secret[i], &v->mem, e->value, err);
        if (rc)
            return ptv_wrap(err, "%s:%d: %.60s", file->path, e->line, e->key);
        if (*e->value == '^')
            ptv_log(PTV_LOG_WARNING, "config", "%s:%d: %.60s stays as written: there is no PAM plug-in for ^NAME here",
                    file->path, e->line, e->key);
    }
    return PTV_OK;
}

/* Where a relative or "~/" path of a settings file leads. */
static const char *resolve_path(ptv_arena *mem, const char *path, const char *beside)
{
    const char *home = getenv("HOME");
    if (ptv_text_starts(path, "~/") && home && *home)
        return ptv_path_join(mem, home, path + 2);
    const char *slash = beside ? strrchr(beside, '/') : NULL;
    if (!slash || *path == '/')
        return path;
    return ptv_arena_printf(mem, "%.*s/%s", (int)(slash - beside), beside, path);
}

/* The first of flag, environment, file that says something. */
static ptv_code pick(setting *s, const ptv_config *c, view *v, const file_layer *file, ptv_opt o, ptv_error *err)
{
    const ptv_opt_info *info = &ptv_opt_table[o];
    const flag *f = find_flag(c->flags, info->section, info->key);
    if (f) {
        *s = (setting){ *f->value ? f->value : NULL, "--set", 0, f->secret };
        return PTV_OK;
    }
    char name[PTV_OPT_ENV_MAX];
    ptv_opt_env(name, o);
    const char *env = *name ? getenv(name) : NULL;
    if (env && *env) {
        s->text = ptv_arena_strdup(&v->mem, env);
        s->where = ptv_arena_printf(&v->mem, "environment %s", name);
        return s->text && s->where ? PTV_OK : ptv_arena_fail(&v->mem, err);
    }
    const ptv_ini_entry *e = ptv_ini_find(&file->ini, info->section, info->key);
    if (!e || !*v->values[e - file->ini.entries])
        return PTV_OK;
    s->text = v->values[e - file->ini.entries];
    s->secret = v->secret[e - file->ini.entries];
    s->where = ptv_arena_printf(&v->mem, "%s:%d", file->path, e->line);
    if (info->type == PTV_T_PATH && strcmp(info->section, "ptverdict") == 0)
        s->text = resolve_path(&v->mem, s->text, file->path);
    return s->text && s->where ? PTV_OK : ptv_arena_fail(&v->mem, err);
}

static ptv_code settle_option(const ptv_config *c, view *v, const file_layer *file, ptv_opt o, ptv_error *err)
{
    const ptv_opt_info *info = &ptv_opt_table[o];
    setting *s = &v->of[o];
    ptv_code rc = pick(s, c, v, file, o, err);
    if (rc)
        return rc;
    const char *text = s->text ? s->text : "";
    size_t len = strlen(text);
    ptv_text_trim(&text, &len);
    if (!len) {
        s->text = info->def;
        s->where = "default";
    } else if (info->type == PTV_T_PATH && *text == '~') {
        s->text = resolve_path(&v->mem, text, NULL);
    } else {
        s->text = ptv_arena_strndup(&v->mem, text, len);
    }
    if (len && !s->text)
        return ptv_arena_fail(&v->mem, err);
    s->secret |= info->secret;
    if (!s->text)
        return PTV_OK;
    rc = ptv_opt_parse(&s->number, o, s->text, err);
    return rc ? ptv_wrap(err, "%s: %s in [%s]", s->where, info->key, info->section) : PTV_OK;
}

static void add_pair(view *v, const char *section, const char *key, const char *value, const char *where, bool secret)
{
    v->rules[v->rules_count++] = (ptv_config_pair){ section, key, value, where, secret };
}

static ptv_code collect_rules(const ptv_config *c, view *v, const file_layer *file, ptv_error *err)
{
    size_t room = 1 + file->ini.count;
    for (const flag *f = c->flags; f; f = f->before)
        room++;
    v->rules = ptv_arena_calloc(&v->mem, room, sizeof *v->rules);
    if (!v->rules)
        return ptv_arena_fail(&v->mem, err);
    const setting *tags = &v->of[PTV_OPT_TAGS_WANTED];
    const ptv_opt_info *info = &ptv_opt_table[PTV_OPT_TAGS_WANTED];
    if (tags->text)
        add_pair(v, info->section, info->key, tags->text, tags->where, tags->secret);
    for (size_t i = 0; i < file->ini.count; i++) {
        const ptv_ini_entry *e = &file->ini.entries[i];
        if (strcmp(e->section, "rules") != 0 || find_flag(c->flags, "rules", e->key))
            continue;
        const char *where = ptv_arena_printf(&v->mem, "%s:%d", file->path, e->line);
        if (!where)
            return ptv_arena_fail(&v->mem, err);
        add_pair(v, "rules", e->key, v->values[i], where, v->secret[i]);
    }
    for (const flag *f = c->flags; f; f = f->before)
        if (strcmp(f->section, "rules") == 0 && find_flag(c->flags, "rules", f->key) == f)
            add_pair(v, "rules", f->key, f->value, "--set", f->secret);
    return PTV_OK;
}

/* Make the view of what flags, environment and `file` say; *out is touched on success only. */
static ptv_code make_view(view *out, const ptv_config *c, const file_layer *file, ptv_error *err)
{
    view v = { .mem = PTV_ARENA(VIEW_MEMORY) };
    ptv_code rc = expand_file(&v, file, err);
    for (int o = 0; !rc && o < PTV_OPT_COUNT; o++)
        rc = settle_option(c, &v, file, (ptv_opt)o, err);
    if (!rc)
        rc = collect_rules(c, &v, file, err);
    if (rc)
        ptv_arena_release(&v.mem);
    else
        *out = v;
    return rc;
}

/* ----------------------------------------------------------------------------------------- new, read, set */

ptv_code ptv_config_new(ptv_config **out, ptv_error *err)
{
    ptv_config *c = ptv_calloc(1, sizeof *c);
    if (!c)
        return ptv_fail_nomem(err);
    c->flag_mem = (ptv_arena)PTV_ARENA(VIEW_MEMORY);
    c->file.mem = (ptv_arena)PTV_ARENA(FILE_MEMORY);
    ptv_code rc = make_view(&c->now, c, &c->file, err);
    if (rc)
        ptv_config_free(c);
    else
        *out = c;
    return rc;
}

void ptv_config_free(ptv_config *c)
{
    if (!c)
        return;
    ptv_arena_release(&c->flag_mem);
    ptv_arena_release(&c->file.mem);
    ptv_arena_release(&c->now.mem);
    ptv_free(c);
}

/* The first settings file that is there; *path stays NULL when none is. A file named by a variable must be there. */
static ptv_code search(file_layer *f, ptv_error *err)
{
    static const char *const variables[] = { "PTVERDICT_CONFIG", "APP_CONFIG_FILE" };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *path = getenv(variables[i]);
        if (!path || !*path)
            continue;
        if (!ptv_is_file(path))
            return ptv_fail(err, PTV_ESETTINGS, "%s: no such file (named by $%s)", path, variables[i]);
        f->path = ptv_arena_strdup(&f->mem, path);
        return f->path ? PTV_OK : ptv_arena_fail(&f->mem, err);
    }
    const char *home = getenv("HOME");
    const char *own = home && *home ? ptv_path_join(&f->mem, home, ".resilient/app.config") : NULL;
    const char *const usual[] = { "./app.config", own, "/etc/ptverdict/app.config", "/etc/rescircuits/app.config" };
    ptv_buf looked = PTV_BUF(65536);
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !f->path; i++) {
        if (usual[i] && ptv_is_file(usual[i]) && !(f->path = ptv_arena_strdup(&f->mem, usual[i])))
            break;
        if (usual[i])
            ptv_buf_printf(&looked, "%s%s", looked.len ? ", " : "no settings file was found; looked at ", usual[i]);
    }
    f->looked = looked.failed ? NULL : ptv_arena_strdup(&f->mem, looked.data);
    ptv_buf_release(&looked);
    return f->looked ? PTV_OK : ptv_arena_fail(&f->mem, err);
}

static ptv_code read_file(file_layer *f, const char *path, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    if (!path)
        rc = search(f, err);
    else if (!(f->path = ptv_arena_strdup(&f->mem, path)))
        rc = ptv_arena_fail(&f->mem, err);
    if (rc)
        return rc;
    f->place = ptv_arena_printf(&f->mem, f->path ? " in %s" : " (%s)", f->path ? f->path : f->looked);
    if (!f->place)
        return ptv_arena_fail(&f->mem, err);
    if (!f->path)
        return PTV_OK;
    ptv_buf text = PTV_BUF(PTV_INI_LIMIT + 1);
    rc = ptv_file_read(&text, f->path, err);
    if (rc)
        ptv_wrap(err, "%s", f->path);
    else
        rc = ptv_ini_read(&f->ini, &f->mem, text.len ? text.data : "", text.len, f->path, err);
    ptv_buf_release(&text);
    return rc;
}

ptv_code ptv_config_read(ptv_config *c, const char *path, ptv_error *err)
{
    file_layer file = { .mem = PTV_ARENA(FILE_MEMORY) };
    view v;
    ptv_code rc = read_file(&file, path, err);
    if (!rc)
        rc = make_view(&v, c, &file, err);
    if (rc) {
        ptv_arena_release(&file.mem);
        return rc;
    }
    ptv_arena_release(&c->file.mem);
    ptv_arena_release(&c->now.mem);
    c->file = file;
    c->now = v;
    warn_of_sections(&c->file);
    return PTV_OK;
}

/* "key=value" or "section.key=value" → a flag in the arena. */
static ptv_code parse_flag(flag *out, ptv_arena *mem, const char *assignment, ptv_error *err)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return ptv_fail(err, PTV_ESETTINGS, "--set takes key=value or section.key=value");
    char *name = ptv_text_fold(mem, assignment, (size_t)(equals - assignment));
    const char *value = equals + 1;
    size_t len = strlen(value);
    ptv_text_trim(&value, &len);
    char *kept = ptv_arena_strndup(mem, value, len);
    if (!name || !kept)
        return ptv_arena_fail(mem, err);
    char *dot = strchr(name, '.');
    if (dot)
        *dot = '\0';
    const char *section = dot ? name : NULL, *key = dot ? dot + 1 : name;
    ptv_opt o = ptv_opt_find(section, key);
    bool free_keys = section && (strcmp(section, "rules") == 0 || strcmp(section, "resilient") == 0);
    if (!*key || (o == PTV_OPT_COUNT && !free_keys)) {
        char hint[160];
        ptv_opt_hint(hint, section, key);
        if (section && !is_ours(section))
            return ptv_fail(err, PTV_ESETTINGS, "--set: [%.60s] is no section of ours", section);
        return ptv_fail(err, PTV_ESETTINGS, "--set: unknown setting '%.60s'%s", key, hint);
    }
    *out = (flag){ NULL, section ? section : ptv_opt_table[o].section, key, kept, false };
    ptv_code rc = ptv_secret_expand(&out->value, &out->secret, mem, kept, err);
    return rc ? ptv_wrap(err, "--set %.60s", key) : PTV_OK;
}

ptv_code ptv_config_set(ptv_config *c, const char *assignment, ptv_error *err)
{
    flag *f = ptv_arena_calloc(&c->flag_mem, 1, sizeof *f);
    if (!f)
        return ptv_arena_fail(&c->flag_mem, err);
    ptv_code rc = parse_flag(f, &c->flag_mem, assignment, err);
    if (rc)
        return rc;
    f->before = c->flags;
    c->flags = f;
    view v;
    rc = make_view(&v, c, &c->file, err);
    if (rc) {
        c->flags = f->before;
        return rc;
    }
    ptv_arena_release(&c->now.mem);
    c->now = v;
    return PTV_OK;
}

/* ------------------------------------------------------------------------------------------------ reading */

const char *ptv_config_text(const ptv_config *c, ptv_opt o)
{
    return c->now.of[o].text;
}

int64_t ptv_config_int(const ptv_config *c, ptv_opt o)
{
    return c->now.of[o].number;
}

bool ptv_config_bool(const ptv_config *c, ptv_opt o)
{
    return c->now.of[o].number != 0;
}

const char *ptv_config_where(const ptv_config *c, ptv_opt o)
{
    return c->now.of[o].where;
}

const char *ptv_config_shown(const ptv_config *c, ptv_opt o)
{
    const setting *s = &c->now.of[o];
    if (!s->text)
        return NULL;
    const char *host = strstr(s->text, "://");
    bool user_info = ptv_opt_table[o].type == PTV_T_URL && host && memchr(host + 3, '@', strcspn(host + 3, "/?#"));
    return s->secret || user_info ? MASK : s->text;
}

const char *ptv_config_file(const ptv_config *c)
{
    return c->file.path ? c->file.path : c->file.looked ? c->file.looked : "no settings file";
}

const char *ptv_config_place(const ptv_config *c)
{
    return c->file.place ? c->file.place : "";
}

ptv_code ptv_config_require(const ptv_config *c, ptv_opt o, ptv_error *err)
{
    if (c->now.of[o].text)
        return PTV_OK;
    return ptv_fail(err, PTV_ESETTINGS, "[%s] %s is not set%s", ptv_opt_table[o].section, ptv_opt_table[o].key,
                    ptv_config_place(c));
}

size_t ptv_config_rules_count(const ptv_config *c)
{
    return c->now.rules_count;
}

ptv_config_pair ptv_config_rules_at(const ptv_config *c, size_t index)
{
    return c->now.rules[index];
}

const char *ptv_config_raw(const ptv_config *c, const char *section, const char *key)
{
    const flag *f = find_flag(c->flags, section, key);
    if (f)
        return f->value;
    const ptv_ini_entry *e = ptv_ini_find(&c->file.ini, section, key);
    return e ? c->now.values[e - c->file.ini.entries] : NULL;
}

bool ptv_config_entry_at(ptv_config_entry *out, const ptv_config *c, const char *section, size_t index)
{
    for (size_t i = 0; i < c->file.ini.count; i++) {
        const ptv_ini_entry *e = &c->file.ini.entries[i];
        if (strcmp(e->section, section) != 0 || index--)
            continue;
        *out = (ptv_config_entry){ e->key, e->value, e->line };
        return true;
    }
    return false;
}

bool ptv_config_has_section(const ptv_config *c, const char *section)
{
    return ptv_ini_has_section(&c->file.ini, section);
}
