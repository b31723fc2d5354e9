/*
 * settings.c: the configuration, translated once for each stage: sources, transport, rules. No stage reads a setting itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/file.h"
#include "base/text.h"

#define RULE_FILES "rules.files"

#ifndef PTV_SHARE_DIR
#define PTV_SHARE_DIR "/usr/local/share/ptverdict"
#endif

static const char *copy(ptv_arena *mem, const char *text, bool *full)
{
    if (!text || !*text)
        return NULL;
    const char *kept = ptv_arena_strdup(mem, text);
    if (!kept)
        *full = true;
    return kept;
}

static bool is_word(const ptv_config *config, ptv_opt o, const char *word)
{
    return ptv_text_equal_fold(ptv_config_text(config, o), word);
}

ptv_level ptv_settings_level(const ptv_config *config, ptv_opt o)
{
    ptv_level level = PTV_LEVEL_LOW;
    const char *text = ptv_config_text(config, o);
    if (text)
        (void)ptv_level_parse(&level, text);
    return level;
}

/* "UTC", "Z", "+02:00", "-0730" → seconds east of UTC. */
static bool parse_zone(int *offset_s, const char *text)
{
    *offset_s = 0;
    if (ptv_text_equal_fold(text, "UTC") || ptv_text_equal_fold(text, "Z"))
        return true;
    int sign = text[0] == '-' ? -1 : 1;
    if (text[0] != '+' && text[0] != '-')
        return false;
    int digits[4];
    int count = 0;
    for (const char *p = text + 1; *p; p++) {
        if (*p == ':' && count == 2)
            continue;
        if (*p < '0' || *p > '9' || count == 4)
            return false;
        digits[count++] = *p - '0';
    }
    if (count != 4)
        return false;
    int hours = digits[0] * 10 + digits[1];
    int minutes = digits[2] * 10 + digits[3];
    if (hours > 14 || minutes > 59)
        return false;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool copy_words(const char ***out, size_t *count, ptv_arena *mem, const char *list)
{
    size_t room = 1;
    for (const char *p = list; p && *p; p++)
        room += *p == ',';
    const char **words = ptv_arena_calloc(mem, room, sizeof *words);
    if (!words)
        return false;
    *count = 0;
    for (const char *p = list; p && *p;) {
        size_t len = strcspn(p, ",");
        char *word = ptv_text_fold(mem, p, len);
        if (!word)
            return false;
        if (*word)
            words[(*count)++] = word;
        p += len + (p[len] == ',');
    }
    *out = words;
    return true;
}

ptv_code ptv_settings_sources(ptv_source_settings *out, ptv_arena *mem, const ptv_config *config, bool keep_answers,
                              ptv_error *err)
{
    static const ptv_opt paths[PTV_SECTION_COUNT] = { PTV_OPT_PATH_ACCOUNT, PTV_OPT_PATH_TAGS, PTV_OPT_PATH_CLASSIFICATION,
                                                      PTV_OPT_PATH_PASSIVE_DNS, PTV_OPT_PATH_SUBDOMAINS };
    static const ptv_opt routes[PTV_SECTION_COUNT] = { PTV_OPT_ROUTE_ACCOUNT, PTV_OPT_ROUTE_TAGS,
                                                       PTV_OPT_ROUTE_CLASSIFICATION, PTV_OPT_ROUTE_PASSIVE_DNS,
                                                       PTV_OPT_ROUTE_SUBDOMAINS };
    bool full = false;
    ptv_source_settings s = { 0 };
    s.place = copy(mem, ptv_config_place(config), &full);
    s.base_url = copy(mem, ptv_config_text(config, PTV_OPT_BASE_URL), &full);
    s.community_url = copy(mem, ptv_config_text(config, PTV_OPT_COMMUNITY_URL), &full);
    s.user = copy(mem, ptv_config_text(config, PTV_OPT_USERNAME), &full);
    s.key = copy(mem, ptv_config_text(config, PTV_OPT_API_KEY), &full);
    s.archive = copy(mem, ptv_config_text(config, PTV_OPT_ARCHIVE), &full);
    s.lists = copy(mem, ptv_config_text(config, PTV_OPT_LISTS), &full);
    for (int i = 0; i < PTV_SECTION_COUNT; i++) {
        s.path[i] = copy(mem, ptv_config_text(config, paths[i]), &full);
        s.route[i] = copy(mem, ptv_config_text(config, routes[i]), &full);
    }
    if (full || !copy_words(&s.live_sources, &s.live_source_count, mem, ptv_config_text(config, PTV_OPT_LIVE_SOURCES)))
        return ptv_arena_fail(mem, err);
    if (!parse_zone(&s.timezone_offset_s, ptv_config_text(config, PTV_OPT_TIMEZONE)))
        return ptv_fail(err, PTV_ESETTINGS, "timezone (%s): '%s' is not UTC or +HH:MM",
                        ptv_config_where(config, PTV_OPT_TIMEZONE), ptv_config_text(config, PTV_OPT_TIMEZONE));
    s.query_in_body = is_word(config, PTV_OPT_QUERY_IN, "body");
    s.not_found_is_empty = is_word(config, PTV_OPT_NOT_FOUND, "empty");
    s.connect_timeout_ms = (long)ptv_config_int(config, PTV_OPT_CONNECT_TIMEOUT);
    bool app_timeout = ptv_config_text(config, PTV_OPT_APP_TIMEOUT) != NULL;
    s.timeout_ms = (long)ptv_config_int(config, app_timeout ? PTV_OPT_APP_TIMEOUT : PTV_OPT_INT_TIMEOUT);
    s.retry_within_ms = (long)ptv_config_int(config, PTV_OPT_RETRY_WITHIN);
    s.body_limit_bytes = (size_t)ptv_config_int(config, PTV_OPT_MAX_BODY);
    s.keep_answers = keep_answers;
    s.clock_utc = ptv_clock_utc;
    *out = s;
    return PTV_OK;
}

static bool is_on(const char *text)
{
    bool on = false;
    return text && ptv_bool_parse(&on, text) && on;
}

static bool is_off(const char *text)
{
    bool on = true;
    return text && ptv_bool_parse(&on, text) && !on;
}

const char *ptv_settings_verify(const ptv_config *config)
{
    const char *verify = ptv_config_text(config, PTV_OPT_APP_VERIFY);
    /* The Python app never reached [integrations] verify once its own section was there; what an administrator wrote is
     * heard here. */
    return verify ? verify : ptv_config_text(config, PTV_OPT_INT_VERIFY);
}

/* The precedence of the app this replaces: environment, then the app's section, then [integrations]. */
ptv_code ptv_settings_http(ptv_http_options *out, ptv_arena *mem, const ptv_config *config, ptv_error *err)
{
    bool full = false;
    ptv_http_options h = { 0 };
    h.allow_http = ptv_config_bool(config, PTV_OPT_ALLOW_HTTP);
    h.http2 = ptv_config_bool(config, PTV_OPT_HTTP2);
    h.max_connections = (long)ptv_config_int(config, PTV_OPT_MAX_IN_FLIGHT) * 4;
    h.bodies_limit_bytes = (size_t)64 << 20;
    h.user_agent = "ptverdict/" PTV_VERSION;

    const char *env_https = getenv("HTTPS_PROXY");
    const char *env_http = getenv("HTTP_PROXY");
    if ((env_https && *env_https) || (env_http && *env_http)) {
        h.proxy_from_env = true;
    } else {
        bool app = ptv_config_text(config, PTV_OPT_APP_HTTP_PROXY) || ptv_config_text(config, PTV_OPT_APP_HTTPS_PROXY);
        h.proxy_http = copy(mem, ptv_config_text(config, app ? PTV_OPT_APP_HTTP_PROXY : PTV_OPT_INT_HTTP_PROXY), &full);
        h.proxy_https = copy(mem, ptv_config_text(config, app ? PTV_OPT_APP_HTTPS_PROXY : PTV_OPT_INT_HTTPS_PROXY), &full);
        /* With none configured the lower-case variables count, as they did for the Python app. */
        h.proxy_from_env = !h.proxy_http && !h.proxy_https;
    }

    const char *verify = ptv_settings_verify(config), *variable = NULL;
    h.verify = !is_off(verify);
    if (h.verify && is_on(verify)) {
        const char *bundle = getenv("REQUESTS_CA_BUNDLE");
        variable = bundle && *bundle ? "REQUESTS_CA_BUNDLE" : "CURL_CA_BUNDLE";
        verify = getenv(variable);
    }
    h.ca_file = h.verify ? copy(mem, verify, &full) : NULL;
    if (h.ca_file && !ptv_is_file(h.ca_file) && !ptv_is_dir(h.ca_file))
        return ptv_fail(err, PTV_ESETTINGS, "%s: no such file '%s'; give %sthe path of a PEM file%s",
                        variable ? variable : "verify", h.ca_file, variable ? "" : "true, false or ",
                        variable ? ", or unset it" : "");

    h.client_cert = copy(mem, ptv_config_text(config, PTV_OPT_CLIENT_CERT), &full);
    h.client_key = copy(mem, ptv_config_text(config, PTV_OPT_CLIENT_KEY), &full);
    if (!h.client_cert != !h.client_key)
        return ptv_fail(err, PTV_ESETTINGS, "client_auth_cert and client_auth_key belong together: %s is missing",
                        h.client_cert ? "client_auth_key" : "client_auth_cert");
    if (full)
        return ptv_arena_fail(mem, err);
    *out = h;
    return PTV_OK;
}

/* The folder of rules when nobody named one: beside us, beside the settings file, as installed. */
static const char *default_rules(ptv_arena *mem, const ptv_config *config)
{
    const char *named = ptv_config_text(config, PTV_OPT_RULES);
    if (named && *named)
        return ptv_arena_strdup(mem, named);
    if (ptv_is_dir("rules"))
        return "rules";
    const char *file = ptv_config_file(config);
    const char *slash = file && ptv_is_file(file) ? strrchr(file, '/') : NULL;
    if (slash) {
        const char *beside = ptv_arena_printf(mem, "%.*s/rules", (int)(slash - file), file);
        if (beside && ptv_is_dir(beside))
            return beside;
    }
    return PTV_SHARE_DIR "/rules";
}

/* Is it the name of a rule or list file, as a key of [rules.files]? */
static bool is_rule_name(const char *name)
{
    const char *base = ptv_text_starts(name, "lists/") ? name + strlen("lists/") : name;
    bool list = base != name;
    if (*base == '.' || strchr(base, '/'))
        return false;
    return list ? ptv_text_ends(base, ".txt") || ptv_text_equal(base, "exceptions.csv")
                : ptv_text_ends(base, ".lua") && !ptv_text_ends(base, ".test.lua");
}

/* [rules.files]: rules that came as values of the settings file, for who can mount no folder. None: *count 0. */
static ptv_code rule_files(const ptv_rule_file **out, size_t *count, ptv_arena *mem, const ptv_config *config,
                           ptv_error *err)
{
    ptv_config_entry e;
    size_t most = 0;
    while (ptv_config_entry_at(&e, config, RULE_FILES, most))
        most++;
    ptv_rule_file *files = ptv_arena_calloc(mem, most + 1, sizeof *files);
    if (!files)
        return ptv_arena_fail(mem, err);
    for (size_t i = 0; i < most && ptv_config_entry_at(&e, config, RULE_FILES, i); i++) {
        const char *path = ptv_arena_printf(mem, "%s [" RULE_FILES "] %s", ptv_config_file(config), e.key);
        if (!path)
            return ptv_arena_fail(mem, err);
        if (!is_rule_name(e.key))
            return ptv_fail(err, PTV_ESETTINGS,
                            "%s:%d: '%.60s' in [" RULE_FILES "] is no rule file (NAME.lua) and no list "
                            "(lists/NAME.txt, lists/exceptions.csv)",
                            ptv_config_file(config), e.line, e.key);
        files[i] = (ptv_rule_file){
            .path = path, .folder = "[" RULE_FILES "]", .name = e.key, .text = e.value, .len = strlen(e.value)
        };
    }
    const char *where = ptv_config_where(config, PTV_OPT_RULES);
    if (most && ptv_config_text(config, PTV_OPT_RULES) && ptv_text_starts(where, ptv_config_file(config)))
        return ptv_fail(err, PTV_ESETTINGS, "%s: rules come from there or from [" RULE_FILES "], not from both", where);
    *out = files;
    *count = ptv_text_equal(where, "--set") ? 0 : most;
    return PTV_OK;
}

ptv_code ptv_settings_rules(ptv_rules_options *out, ptv_arena *mem, const ptv_config *config,
                            const ptv_client_options *options, ptv_error *err)
{
    ptv_rules_options r = { 0 };
    r.path_count = options->rules_count;
    size_t path_room = r.path_count ? r.path_count : 1;
    const char **paths = ptv_arena_calloc(mem, path_room, sizeof *paths);
    if (!paths)
        return ptv_arena_fail(mem, err);
    for (size_t i = 0; i < options->rules_count; i++) {
        paths[i] = options->rules[i];
        r.part |= !ptv_is_dir(paths[i]);
    }
    if (!r.path_count) {
        const ptv_rule_file *files = NULL;
        ptv_code rc = rule_files(&files, &r.file_count, mem, config, err);
        if (rc)
            return rc;
        r.files = r.file_count ? files : NULL;
    }
    if (!r.path_count && !r.files) {
        paths[0] = default_rules(mem, config);
        r.path_count = 1;
        if (!paths[0])
            return ptv_arena_fail(mem, err);
    }
    r.paths = paths;

    r.setting_count = ptv_config_rules_count(config);
    ptv_rule_setting *settings = ptv_arena_calloc(mem, r.setting_count + 1, sizeof *settings);
    if (!settings)
        return ptv_arena_fail(mem, err);
    for (size_t i = 0; i < r.setting_count; i++) {
        ptv_config_pair pair = ptv_config_rules_at(config, i);
        settings[i] = (ptv_rule_setting){ pair.key, pair.value, pair.where, strcmp(pair.section, "rules") == 0 };
    }
    r.settings = settings;
    r.place = ptv_config_place(config);
    r.supported = PTV_BIT(PTV_SECTION_COUNT) - 1;
    r.now = options->now_utc && options->now_utc != PTV_NO_TIME ? options->now_utc : ptv_clock_utc();
    r.shadow_fetch = ptv_config_bool(config, PTV_OPT_SHADOW_FETCH);
    *out = r;
    return PTV_OK;
}
