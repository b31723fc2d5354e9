/*
 * generation.c: settings and rules, read together, used together, given up together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/log.h"
#include "base/mem.h"
#include "serve/parts.h"
#include <string.h>

static ptv_code read_config(ptv_config **out, const ptv_serve_options *o, ptv_error *err)
{
    ptv_code rc = ptv_config_new(out, err);
    if (!rc)
        rc = ptv_config_read(*out, o->config, err);
    for (size_t i = 0; !rc && i < o->set_count; i++)
        rc = ptv_config_set(*out, o->sets[i], err);
    return rc ? rc : ptv_serve_settings_adjust(*out, err);
}

/* "rules do not load: 10-tags.lua:12: …" */
static char *first_error(const ptv_findings *findings, const ptv_error *err)
{
    char text[600];
    const ptv_finding *f = NULL;
    for (size_t i = 0; (f = ptv_findings_at(findings, i)) != NULL && f->grade != PTV_ERROR; i++)
        continue;
    if (f && f->line)
        snprintf(text, sizeof text, "rules do not load: %.200s:%d: %.300s", f->file, f->line, f->message);
    else
        snprintf(text, sizeof text, "rules do not load: %.500s", err->msg);
    return ptv_strdup(text);
}

/* Rules kept from before stand in where there are no others: not for rules that are in force. */
static bool may_stand_in(const ptv_generation *now)
{
    ptv_rules_view v;
    if (!now || now->broken)
        return true;
    ptv_client_rules(now->client, &v);
    return v.last_good;
}

static ptv_code open_client(ptv_generation *g, const ptv_serve_options *o, const ptv_generation *now, ptv_error *err)
{
    ptv_client_options how = { .rules = o->rules,
                               .rules_count = o->rules_count,
                               .keep_answers = true,
                               .check_quota = true,
                               .keep_in_memory = true,
                               .separate_rules = true,
                               .last_good = may_stand_in(now) };
    ptv_findings *findings = NULL;
    ptv_code rc = ptv_findings_new(&findings, err);
    if (!rc)
        rc = ptv_client_new(&g->client, g->config, &how, findings, err);
    if (rc == PTV_ERULES) {
        g->broken = first_error(findings, err);
        how.without_rules = true;
        rc = g->broken ? ptv_client_new(&g->client, g->config, &how, NULL, err) : ptv_fail_nomem(err);
    }
    ptv_findings_free(findings);
    return rc;
}

ptv_code ptv_generation_new(ptv_generation **out, const ptv_serve_options *options, const ptv_generation *now,
                            ptv_error *err)
{
    ptv_generation *g = ptv_calloc(1, sizeof *g);
    if (!g)
        return ptv_fail_nomem(err);
    ptv_code rc = read_config(&g->config, options, err);
    if (!rc)
        rc = ptv_serve_settings_read(&g->settings, g->config, err);
    if (!rc)
        rc = open_client(g, options, now, err);
    if (rc)
        ptv_generation_free(g);
    else
        *out = g;
    return rc;
}

void ptv_generation_free(ptv_generation *g)
{
    if (!g)
        return;
    ptv_client_free(g->client);
    ptv_serve_settings_release(&g->settings);
    ptv_config_free(g->config);
    ptv_free(g->broken);
    ptv_free(g);
}
